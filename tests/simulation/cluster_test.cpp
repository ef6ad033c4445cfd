// A whole cluster in one thread on virtual time: a name server, two brokers and a producer.

#include <boost/test/unit_test.hpp>
#include <set>

#include "comet/base/async.hpp"
#include "comet/broker/broker.hpp"
#include "comet/message/record.hpp"
#include "comet/namesrv/name_server.hpp"
#include "comet/producer/producer.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/message_headers.hpp"
#include "temp_directory.hpp"
#include "virtual_world.hpp"

using namespace comet;
using namespace std::chrono_literals;

namespace {

const Address kNameServer("10.0.0.100", 9876);

class Cluster {
 public:
  Cluster() {
    namesrv::NameServerConfig config;
    config.listen_at = kNameServer;
    name_server_network = world.network.as_host(kNameServer.host());
    name_server = std::make_unique<namesrv::NameServer>(std::vector{world.executor()},
                                                        *name_server_network, world.time, config);
    name_server->start();
    for (int i = 0; i < 2; ++i) start_broker(i);
    world.pass(1s);
  }
  ~Cluster() {
    if (producer) world.run(producer->shutdown());
    for (int i = 0; i < 2; ++i) stop_broker(i);
    world.run(name_server->stop(world.time.now() + 1s));
  }

  static Address broker_address(int index) {
    return Address("10.0.0." + std::to_string(index + 1), 10911);
  }

  void start_broker(int index) {
    broker::BrokerConfig config;
    config.broker_name = index == 0 ? "broker-a" : "broker-b";
    config.listen_at = broker_address(index);
    config.broker_ip = config.listen_at.host();
    config.name_servers = {kNameServer};
    config.store.root = directories[index].path();
    config.store.commit_log_file_size = 1 << 20;
    networks[index] = world.network.as_host(config.listen_at.host());
    brokers[index] = std::make_unique<broker::Broker>(std::vector{world.executor()},
                                                      *networks[index], world.time, config);
    brokers[index]->start();
  }
  void stop_broker(int index) {
    if (!brokers[index]) return;
    world.run(brokers[index]->stop(world.time.now() + 1s));
    brokers[index].reset();
  }

  void start_producer() {
    ProducerConfig config("simulation");
    config.name_servers(kNameServer.to_string());
    producer = std::make_unique<Producer>(world.executor(), config, world.network, world.time);
    world.run(producer->start());
  }
  void send_many(const std::string& name, int count) {
    for (int i = 0; i < count; ++i) {
      Message message("simulated", name + " " + std::to_string(i));
      SendResult result = world.run(producer->send(message));
      BOOST_TEST((result.status == SendStatus::send_ok));
      acknowledged.insert(message.body());
    }
  }
  // All bodies that a broker has of the topic.
  std::multiset<std::string> stored(int index) const {
    std::multiset<std::string> bodies;
    for (std::int32_t queue = 0; queue < 8; ++queue) {
      std::int64_t offset = 0;
      for (;;) {
        store::ReadResult read =
            brokers[index]->store().read("simulated", queue, offset, store::ReadLimits());
        if (read.status != store::ReadStatus::found) break;
        for (const MessageExt& message : decode_records(read.records.to_string()))
          bodies.insert(message.body());
        offset = read.next_offset;
      }
    }
    return bodies;
  }

  std::multiset<std::string> stored_anywhere() const {
    std::multiset<std::string> bodies = stored(0);
    bodies.merge(stored(1));
    return bodies;
  }

  std::multiset<std::string> acknowledged;
  test::VirtualWorld world;
  test::TempDirectory directories[2];
  std::unique_ptr<Network> name_server_network;
  std::unique_ptr<Network> networks[2];
  std::unique_ptr<namesrv::NameServer> name_server;
  std::unique_ptr<broker::Broker> brokers[2];
  std::unique_ptr<Producer> producer;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(simulation, Cluster)

BOOST_AUTO_TEST_CASE(sends_are_spread_over_both_brokers_and_every_one_is_stored) {
  start_producer();
  send_many("first", 100);
  world.pass(31s);  // by now the producer knows of the topic on both brokers
  send_many("second", 1000);
  BOOST_TEST(stored(0).size() >= 400u);
  BOOST_TEST(stored(1).size() >= 400u);
  BOOST_TEST((stored_anywhere() == acknowledged));
}

BOOST_AUTO_TEST_CASE(a_dead_broker_is_avoided_and_no_acknowledged_message_is_lost) {
  start_producer();
  send_many("before", 100);
  world.pass(31s);
  world.network.set_down("10.0.0.1", true);
  send_many("while down", 100);
  world.network.set_down("10.0.0.1", false);
  world.pass(60s);
  send_many("after", 100);
  std::multiset<std::string> found = stored_anywhere();
  for (const std::string& body : acknowledged) BOOST_TEST(found.count(body) == 1u, body);
}

BOOST_AUTO_TEST_CASE(a_name_server_that_restarts_knows_the_brokers_again_within_seconds) {
  start_producer();
  send_many("before", 10);
  world.network.cut_connections(
      "10.0.0.100");  // the name server forgets brokers whose connections end
  world.pass(3s);
  ProducerConfig config("late");
  config.name_servers(kNameServer.to_string());
  Producer late(world.executor(), config, world.network, world.time);
  world.run(late.start());
  Message message("simulated", "by a new producer");
  BOOST_TEST((world.run(late.send(message)).status == SendStatus::send_ok));
  world.run(late.shutdown());
}

BOOST_AUTO_TEST_SUITE_END()
