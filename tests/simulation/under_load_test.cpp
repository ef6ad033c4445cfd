// One of two real brokers dies while many senders are at work, and comes back.

#include <boost/test/unit_test.hpp>
#include <set>

#include "comet/base/async.hpp"
#include "comet/broker/broker.hpp"
#include "comet/message/record.hpp"
#include "comet/namesrv/name_server.hpp"
#include "comet/producer/producer.hpp"
#include "temp_directory.hpp"
#include "virtual_world.hpp"

using namespace comet;
using namespace std::chrono_literals;

namespace {

const Address kNameServer("10.0.0.100", 9876);

class UnderLoad : public test::VirtualWorld {
 public:
  UnderLoad() {
    namesrv::NameServerConfig config;
    config.listen_at = kNameServer;
    name_server =
        std::make_unique<namesrv::NameServer>(std::vector{executor()}, network, time, config);
    name_server->start();
    for (std::size_t i = 0; i < 2; ++i) start_broker(i);
    pass(1s);
  }
  ~UnderLoad() {
    for (auto& broker : brokers) run(broker->stop(time.now() + 1s));
    run(name_server->stop(time.now() + 1s));
  }
  void start_broker(std::size_t index) {
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

  static asio::awaitable<void> send_until(UnderLoad& world, Producer& producer, int sender,
                                          Instant end) {
    for (int i = 0; world.time.now() < end; ++i) {
      std::string body = std::to_string(sender) + " " + std::to_string(i);
      Message message("loaded", body);
      const Instant begin = world.time.now();
      try {
        co_await producer.send(std::move(message));
        world.acknowledged.insert(std::move(body));
      } catch (const SendError&) {
        ++world.failed;
      }
      if (world.time.now() - begin > 3s) ++world.late;
    }
  }

  std::multiset<std::string> stored(std::size_t index) const {
    std::multiset<std::string> bodies;
    for (std::int32_t queue = 0; queue < 8; ++queue) {
      std::int64_t offset = 0;
      for (;;) {
        store::ReadResult read =
            brokers[index]->store().read("loaded", queue, offset, store::ReadLimits());
        if (read.status != store::ReadStatus::found) break;
        for (const MessageExt& message : decode_records(read.records.to_string())) {
          bodies.insert(message.body());
        }
        offset = read.next_offset;
      }
    }
    return bodies;
  }

  test::TempDirectory directories[2];
  std::unique_ptr<Network> networks[2];
  std::unique_ptr<namesrv::NameServer> name_server;
  std::unique_ptr<broker::Broker> brokers[2];
  std::set<std::string> acknowledged;
  int failed = 0;
  int late = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(under_load, UnderLoad)

BOOST_AUTO_TEST_CASE(no_acknowledged_message_is_lost_and_no_send_is_late) {
  network.set_latency(5ms);
  ProducerConfig config("loaded");
  config.name_servers(kNameServer.to_string()).latency_fault_tolerance(true);
  Producer producer(executor(), config, network, time);
  run(producer.start());
  TaskGroup senders(executor(), time);
  const Instant end = time.now() + 6s;
  for (int i = 0; i < 16; ++i) senders.spawn("sender", send_until(*this, producer, i, end));
  pass(2s);
  network.set_down("10.0.0.1", true);
  pass(2s);
  network.set_down("10.0.0.1", false);
  run(senders.join());
  run(producer.shutdown());
  BOOST_TEST(acknowledged.size() > 1000u);
  BOOST_TEST(failed == 0);
  BOOST_TEST(late == 0);
  std::multiset<std::string> found = stored(0);
  found.merge(stored(1));
  for (const std::string& body : acknowledged) {
    BOOST_TEST(found.contains(body), "acknowledged and lost: " << body);
  }
  BOOST_TEST_MESSAGE(acknowledged.size() << " acknowledged, " << found.size() << " stored");
}

BOOST_AUTO_TEST_SUITE_END()
