// Against our own name server and broker, all in one process.

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "comet/admin/admin.hpp"
#include "comet/base/async.hpp"
#include "comet/broker/broker.hpp"
#include "comet/namesrv/name_server.hpp"
#include "comet/producer/producer.hpp"
#include "temp_directory.hpp"
#include "virtual_world.hpp"

using namespace comet;
using namespace comet::admin;
using namespace std::chrono_literals;

namespace {

const Address kNameServer("10.0.0.100", 9876);
const Address kBroker("10.0.0.1", 10911);

class OwnServers : public test::VirtualWorld {
 public:
  OwnServers() {
    namesrv::NameServerConfig name_server_config;
    name_server_config.listen_at = kNameServer;
    name_server_network = network.as_host(kNameServer.host());
    name_server = std::make_unique<namesrv::NameServer>(
        std::vector{executor()}, *name_server_network, time, name_server_config);
    name_server->start();
    broker::BrokerConfig broker_config;
    broker_config.broker_name = "broker-a";
    broker_config.listen_at = kBroker;
    broker_config.broker_ip = kBroker.host();
    broker_config.name_servers = {kNameServer};
    broker_config.store.root = directory.path();
    broker_config.store.commit_log_file_size = 1 << 20;
    broker_network = network.as_host(kBroker.host());
    broker = std::make_unique<broker::Broker>(std::vector{executor()}, *broker_network, time,
                                              broker_config);
    broker->start();
    pass(1s);
    AdminConfig config;
    config.name_servers(kNameServer.to_string());
    admin = std::make_unique<Admin>(executor(), config, network, time);
    cluster = run(admin->cluster_info()).clusters.begin()->first;
  }
  ~OwnServers() {
    run(admin->stop());
    run(broker->stop(time.now() + 1s));
    run(name_server->stop(time.now() + 1s));
  }

  std::vector<SendResult> send(const std::string& topic, int count) {
    ProducerConfig config("unit-test");
    config.name_servers(kNameServer.to_string());
    Producer producer(executor(), config, network, time);
    run(producer.start());
    std::vector<SendResult> results;
    for (int i = 0; i < count; ++i) {
      Message message(topic, "body " + std::to_string(i));
      message.key("k" + std::to_string(i));
      message.tag("t" + std::to_string(i % 2));
      results.push_back(run(producer.send(message)));
    }
    run(producer.shutdown());
    return results;
  }
  void create(const std::string& topic, std::int32_t queues) {
    routing::TopicConfig config;
    config.topic_name = topic;
    config.read_queue_nums = queues;
    config.write_queue_nums = queues;
    const std::vector<Outcome> outcomes = run(admin->put_topic(Scope::cluster(cluster), config));
    BOOST_REQUIRE(all_ok(outcomes));
    pass(1s);
  }

  test::TempDirectory directory;
  std::unique_ptr<Network> name_server_network, broker_network;
  std::unique_ptr<namesrv::NameServer> name_server;
  std::unique_ptr<broker::Broker> broker;
  std::unique_ptr<Admin> admin;
  std::string cluster;
};

// A topic and a group that tell their number.
asio::awaitable<void> put_numbered(Admin& admin, int number) {
  routing::TopicConfig topic;
  topic.topic_name = "many-" + std::to_string(number);
  topic.read_queue_nums = 1 + number % 7;
  (void)co_await admin.put_topic(Scope::broker(kBroker), topic);
  GroupConfig group;
  group.group_name = "many-" + std::to_string(number);
  group.retry_max_times = number;
  (void)co_await admin.put_group(Scope::broker(kBroker), group);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(admin_own_servers, OwnServers)

BOOST_AUTO_TEST_CASE(a_topic_lives_from_its_creation_to_its_deletion) {
  create("T1", 3);
  BOOST_TEST(run(admin->readable_queues("T1")).size() == 3u);
  const std::vector<std::string> topics = run(admin->topics());
  BOOST_TEST((std::find(topics.begin(), topics.end(), "T1") != topics.end()));
  BOOST_TEST(run(admin->topic_config(kBroker, "T1")).value().write_queue_nums == 3);
  BOOST_TEST(all_ok(run_with_threads(admin->delete_topic("T1", cluster))));
  BOOST_CHECK_THROW(run(admin->route("T1")), Refused);
}

BOOST_AUTO_TEST_CASE(messages_are_found_by_id_key_unique_key_and_place) {
  create("T1", 1);
  const std::vector<SendResult> sent = send("T1", 5);
  BOOST_TEST(run(admin->message_by_id(sent[2].offset_message_id)).body() == "body 2");
  const auto by_key = run(admin->messages_by_key("T1", "k3", 10, 0, time.wall_millis() + 1000));
  BOOST_REQUIRE(by_key.size() == 1u);
  BOOST_TEST(by_key[0].body() == "body 3");
  const auto by_tag = run(admin->messages_by_tag("T1", "t1", 10, 0, time.wall_millis() + 1000));
  BOOST_REQUIRE(by_tag.size() == 2u);
  BOOST_TEST(by_tag[1].body() == "body 3");
  const auto by_unique = run(admin->messages_by_unique_key("T1", sent[4].message_id));
  BOOST_REQUIRE(by_unique.size() == 1u);
  BOOST_TEST(by_unique[0].body() == "body 4");

  const QueuePlace place = run(admin->readable_queues("T1")).at(0);
  BOOST_TEST(run(admin->max_offset(place)) == 5);
  const MessageBatch batch = run(admin->read(place, 1, 2));
  BOOST_REQUIRE(batch.messages.size() == 2u);
  BOOST_TEST(batch.messages[0].body() == "body 1");
  BOOST_TEST(batch.next_offset == 3);
  BOOST_TEST(run(admin->read(place, 5, 2)).at_end);
  BOOST_TEST(run(admin->earliest_time(place)) <= time.wall_millis());
  BOOST_TEST(run(admin->search_offset(place, time.wall_millis() + 1000)) == 5);
}

BOOST_AUTO_TEST_CASE(a_group_lives_from_its_creation_to_its_deletion) {
  GroupConfig group;
  group.group_name = "G1";
  group.retry_max_times = 3;
  BOOST_TEST(all_ok(run(admin->put_group(Scope::broker(kBroker), group))));
  BOOST_TEST((run(admin->groups(kBroker)).at("G1") == group));
  create("T1", 1);
  const QueuePlace place = run(admin->readable_queues("T1")).at(0);
  send("T1", 3);
  run(admin->update_consumer_offset("G1", place, 2));
  BOOST_TEST(run(admin->consumer_offset("G1", place)).value() == 2);
  BOOST_TEST(all_ok(run(admin->delete_group(Scope::cluster(cluster), "G1", true))));
  BOOST_TEST(!run(admin->groups(kBroker)).contains("G1"));
}

BOOST_AUTO_TEST_CASE(write_permissions_go_and_come_back) {
  create("T1", 1);
  BOOST_TEST(run(admin->wipe_write_perm("broker-a")).at(0).second > 0);
  BOOST_TEST((run(admin->route("T1")).queues.at(0).perm & routing::perm::kWrite) == 0);
  BOOST_TEST(run(admin->add_write_perm("broker-a")).at(0).second > 0);
  BOOST_TEST(run(admin->route("T1")).queues.at(0).perm == 6);
}

BOOST_AUTO_TEST_CASE(keys_of_the_name_server_are_kept) {
  BOOST_TEST(all_ok(run(admin->put_kv_config("N", "k", "v"))));
  BOOST_TEST(run(admin->kv_config("N", "k")) == "v");
  BOOST_TEST(run(admin->kv_list("N")).at("k") == "v");
  BOOST_TEST(all_ok(run(admin->put_order_config("T1", "broker-a:4", true))));
  BOOST_TEST(run(admin->kv_config("ORDER_TOPIC_CONFIG", "T1")) == "broker-a:4");
  BOOST_TEST(all_ok(run(admin->delete_kv_config("N", "k"))));
  BOOST_CHECK_THROW(run(admin->kv_config("N", "k")), Refused);
}

BOOST_AUTO_TEST_CASE(tables_of_more_topics_and_groups_than_one_part_has_are_read_whole) {
  constexpr int kCount = 2'100;
  TaskGroup puts(executor(), time);  // at the same time: one save is of many
  for (int i = 0; i < kCount; ++i) puts.spawn("put", put_numbered(*admin, i));
  run(puts.join());
  const routing::TopicConfigTable table = run(admin->topic_configs(kBroker));
  const GroupTable::Groups groups = run(admin->groups(kBroker));
  for (int i = 0; i < kCount; ++i) {
    const std::string name = "many-" + std::to_string(i);
    BOOST_TEST_REQUIRE(table.topics.contains(name));
    BOOST_TEST_REQUIRE(table.topics.at(name).read_queue_nums == 1 + i % 7);
    BOOST_TEST_REQUIRE(groups.at(name).retry_max_times == i);
  }
}

BOOST_AUTO_TEST_SUITE_END()
