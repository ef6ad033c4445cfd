// How long a producer goes on with a broker that is gone, with a real name server and real brokers.

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/base/async.hpp"
#include "comet/broker/broker.hpp"
#include "comet/namesrv/name_server.hpp"
#include "comet/producer/producer.hpp"
#include "temp_directory.hpp"
#include "virtual_world.hpp"

using namespace comet;
using namespace std::chrono_literals;

namespace {

const Address kNameServer("10.0.0.100", 9876);
constexpr Duration kLatency = 500us;  // of the network, one way

double millis(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

class Failover : public test::VirtualWorld {
 public:
  Failover() {
    network.set_latency(kLatency);
    namesrv::NameServerConfig config;
    config.listen_at = kNameServer;
    name_server =
        std::make_unique<namesrv::NameServer>(std::vector{executor()}, network, time, config);
    name_server->start();
    for (int i = 0; i < 2; ++i) start_broker(i);
    pass(1s);
  }
  ~Failover() {
    if (producer) run(producer->shutdown());
    for (auto& broker : brokers) run(broker->stop(time.now() + 1s));
    run(name_server->stop(time.now() + 1s));
  }

  void start_broker(int index) {
    broker::BrokerConfig config;
    config.broker_name = index == 0 ? "broker-a" : "broker-b";
    config.listen_at = Address("10.0.0." + std::to_string(index + 1), 10911);
    config.broker_ip = config.listen_at.host();
    config.name_servers = {kNameServer};
    config.store.root = directories[index].path();
    config.store.commit_log_file_size = 1 << 20;
    networks[index] = network.as_host(config.broker_ip);
    brokers[index] =
        std::make_unique<broker::Broker>(std::vector{executor()}, *networks[index], time, config);
    brokers[index]->start();
  }

  // A producer whose topic is on both brokers.
  void start_producer(bool watching) {
    ProducerConfig config("failover");
    config.name_servers(kNameServer.to_string()).retries(0);  // a failure is to be seen
    config.client().watch_routes = watching;
    config.client().random_seed = 3;
    producer = std::make_unique<Producer>(executor(), config, network, time);
    run(producer->start());
    for (int i = 0; i < 50; ++i) (void)try_send();
    pass(61s);
    for (int i = 0; i < 50; ++i) BOOST_TEST(try_send());
  }
  bool try_send() {
    Message message("orders", "x");
    try {
      run(producer->send(message));
      return true;
    } catch (const Error&) {
      return false;
    }
  }
  // From the loss of broker-a's connections until no send fails any more.
  Duration outage() {
    network.set_down("10.0.0.1", true);
    const Instant begin = time.now();
    Instant last_failure = begin;
    while (time.now() < begin + 35s) {  // longer than the poll interval
      if (!try_send()) last_failure = time.now();
      pass(time.now() < begin + 100ms ? 1ms : 20ms);
    }
    return last_failure - begin;
  }

  test::TempDirectory directories[2];
  std::unique_ptr<Network> networks[2];
  std::unique_ptr<namesrv::NameServer> name_server;
  std::unique_ptr<broker::Broker> brokers[2];
  std::unique_ptr<Producer> producer;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(failover, Failover)

BOOST_AUTO_TEST_CASE(a_watching_producer_turns_away_from_a_dead_broker_in_milliseconds) {
  start_producer(true);
  const Duration took = outage();
  BOOST_TEST_MESSAGE("watching: " << millis(took) << " ms");
  // The notification, the query, its answer: three ways, and the send that was on its way.
  BOOST_TEST((took <= 10 * kLatency));
}

BOOST_AUTO_TEST_CASE(a_polling_producer_does_so_within_the_poll_interval) {
  start_producer(false);
  const Duration took = outage();
  BOOST_TEST_MESSAGE("polling: " << millis(took) << " ms");
  BOOST_TEST((took > 100ms), "that is what the watch is for");
  BOOST_TEST((took <= 31s));
}

BOOST_AUTO_TEST_CASE(a_watching_producer_uses_the_broker_again_when_it_is_back) {
  start_producer(true);
  outage();
  network.set_down("10.0.0.1", false);
  const Instant begin = time.now();
  const std::uint64_t before = brokers[0]->stats().traffic.at(0).messages;
  run_until(
      [&] {
        (void)try_send();
        return brokers[0]->stats().traffic.at(0).messages > before;
      },
      60s);
  // The broker's own retry, at most so long after so long an outage, and not a poll behind it.
  BOOST_TEST((time.now() - begin <= 31s));
}

BOOST_AUTO_TEST_SUITE_END()
