// What the name server of 5.x does beyond that of 4.9.

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

#include "comet/remoting/server.hpp"
#include "comet/routing/topic_route.hpp"
#include "name_server_fixture.hpp"

using namespace comet;
using namespace comet::test;
using routing::parse_topic_route;
using routing::TopicRouteData;

namespace {

remoting::RegisterBrokerHeader member(std::int64_t id, std::string address,
                                      std::optional<bool> acting = true) {
  auto header = broker_header("broker-a", std::move(address));
  header.broker_id = id;
  header.enable_acting_master = acting;
  return header;
}

struct ExtensionsFixture : NameServerFixture {
  TopicRouteData route(const std::string& topic = "T1") {
    const auto answer = peer().ask_route(topic);
    BOOST_REQUIRE(answer.code == 0);
    return parse_topic_route(answer.body.view()).value();
  }
  RemotingCommand register_topic(const std::string& topic, const std::string& body) {
    remoting::RegisterTopicHeader header;
    header.topic = topic;
    return peer().ask(RequestCode::register_topic_in_namesrv, header, body);
  }
  // A registration as a broker of 5.3 with these topics sends it.
  void join(std::int64_t id, std::string address, std::optional<bool> acting = true) {
    register_broker(peer(), broker_body({"T1", "T2"}), member(id, std::move(address), acting));
  }
};

// Where a broker listens: keeps what it is told.
class ListeningBroker {
 public:
  ListeningBroker(VirtualWorld& world, const Address& address) {
    auto dispatcher = std::make_shared<remoting::Dispatcher>();
    dispatcher->on(RequestCode::notify_min_broker_id_change,
                   [this](remoting::Request& request) -> remoting::Reply {
                     std::string text;
                     for (const std::string key :
                          {"minBrokerId", "minBrokerAddr", "offlineBrokerAddr", "haBrokerAddr"}) {
                       const auto value = request.command.fields.find(key);
                       if (value) text += key + "=" + std::string(*value) + ";";
                     }
                     BOOST_TEST(request.command.is_oneway());
                     notices.push_back(text);
                     return std::nullopt;
                   });
    remoting::ServerConfig config;
    config.listen_at = address;
    std::vector<asio::any_io_executor> executors(1, world.executor());
    server_ = std::make_unique<remoting::Server>(std::move(executors), world.network, world.time,
                                                 std::move(config), std::move(dispatcher));
    server_->start();
  }
  void stop(VirtualWorld& world) { world.run(server_->stop(world.time.now() + 1s)); }

  std::vector<std::string> notices;

 private:
  std::unique_ptr<remoting::Server> server_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(name_server_extensions, ExtensionsFixture)

BOOST_AUTO_TEST_CASE(a_topic_can_be_registered_by_itself) {
  register_broker(peer());
  const std::string queues =
      R"({"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":3,)"
      R"("topicSysFlag":0,"writeQueueNums":2}]})";
  BOOST_TEST(register_topic("New", queues).code == 0);
  BOOST_REQUIRE(route("New").queues.size() == 1u);
  BOOST_TEST(route("New").queues[0].read_queue_nums == 3);
  BOOST_TEST(route("New").queues[0].write_queue_nums == 2);
  // Of an unknown broker: nothing happens, and Apache does not say so either.
  BOOST_TEST(register_topic("Other", R"({"queueDatas":[{"brokerName":"x","perm":6}]})").code == 0);
  BOOST_TEST(!peer().has_route("Other"));
  BOOST_TEST(register_topic("Other", "").code == 0);
  BOOST_TEST(register_topic("Other", "garbage").code == 1);
  BOOST_TEST(register_topic("bad\nname", queues).code == 0);
  BOOST_TEST(peer().ask(RequestCode::register_topic_in_namesrv).code == 1);
}

BOOST_AUTO_TEST_CASE(a_slave_that_may_act_keeps_its_topics_readable_and_is_shown_as_the_master) {
  namesrv::NameServerConfig config = patient_config();
  config.support_acting_master = true;
  start(std::move(config));
  Peer& master = peer();
  register_broker(master, broker_body({"T1", "T2"}), member(0, "10.0.0.1:1"));
  join(1, "10.0.0.2:1");
  join(2, "10.0.0.3:1");
  BOOST_TEST(route().queues[0].perm == 6);
  BOOST_TEST(route().brokers[0].enable_acting_master);
  master.hang_up();
  BOOST_TEST(route().queues[0].perm == 4);
  const auto addresses = route().brokers[0].broker_addrs;
  BOOST_TEST(addresses.size() == 2u);
  BOOST_TEST(addresses.at(0) == "10.0.0.2:1");
  BOOST_TEST(addresses.at(2) == "10.0.0.3:1");
  join(0, "10.0.0.1:1");
  BOOST_TEST(route().queues[0].perm == 6);
  BOOST_TEST(route().brokers[0].broker_addrs.at(0) == "10.0.0.1:1");
  BOOST_TEST(route().brokers[0].broker_addrs.at(1) == "10.0.0.2:1");
}

BOOST_AUTO_TEST_CASE(brokers_that_ask_for_their_members_are_not_shown_an_acting_master) {
  namesrv::NameServerConfig config = patient_config();
  config.support_acting_master = true;
  start(std::move(config));
  const std::string topic = "rmq_sys_SYNC_BROKER_MEMBER_broker-a";
  register_broker(peer(), broker_body({"T1", topic}), member(1, "10.0.0.2:1"));
  BOOST_TEST(route(topic).brokers[0].broker_addrs.contains(1));
  BOOST_TEST(route("T1").brokers[0].broker_addrs.contains(0));
}

BOOST_AUTO_TEST_CASE(without_the_option_and_for_brokers_that_do_not_want_it_nobody_acts) {
  join(1, "10.0.0.2:1");
  BOOST_TEST(route().brokers[0].broker_addrs.contains(1));
  BOOST_TEST(route().queues[0].perm == 4);
  namesrv::NameServerConfig config = patient_config();
  config.support_acting_master = true;
  start(std::move(config));
  join(1, "10.0.0.2:1", false);
  BOOST_TEST(route().brokers[0].broker_addrs.contains(1));
  BOOST_TEST(route().queues[0].perm == 6);
}

BOOST_AUTO_TEST_CASE(only_the_first_slave_of_5_x_brings_topics) {
  register_broker(peer(), broker_body({"T1"}), member(1, "10.0.0.2:1", std::nullopt));
  BOOST_TEST(!peer().has_route("T1"));  // a slave of 4.9
  register_broker(peer(), broker_body({"T2"}), member(2, "10.0.0.3:1", false));
  BOOST_TEST(!peer().has_route("T2"));  // not the first
  register_broker(peer(), broker_body({"T1"}), member(1, "10.0.0.2:1", false));
  BOOST_TEST(peer().has_route("T1"));
}

BOOST_AUTO_TEST_CASE(clients_may_ask_for_the_brokers_of_their_zone) {
  auto here = broker_header("broker-a", "10.0.0.1:1");
  here.zone_name = "Hangzhou";
  auto there = broker_header("broker-b", "10.0.0.2:1");
  there.zone_name = "shanghai";
  register_broker(peer(), broker_body(), here);
  Peer& other = peer();
  register_broker(other, broker_body(), there);
  BOOST_TEST(route().brokers[0].zone_name == "Hangzhou");

  remoting::GetRouteInfoHeader header;
  header.topic = "T1";
  const auto ask = [&](std::string_view mode, std::string_view zone) {
    auto request = RemotingCommand::request(RequestCode::get_routeinfo_by_topic, header);
    request.fields.add("__ZONE_MODE", mode);
    request.fields.add("__ZONE_NAME", zone);
    return peer().ask(std::move(request));
  };
  const auto answer = ask("true", "hangzhou");
  BOOST_TEST(answer.body.view().find("{0:\"10.0.0.1:1\"}") != std::string_view::npos);
  const TopicRouteData mine = parse_topic_route(answer.body.view()).value();
  BOOST_REQUIRE(mine.brokers.size() == 1u);
  BOOST_TEST(mine.brokers[0].broker_name == "broker-a");
  BOOST_TEST(mine.queues.size() == 1u);
  BOOST_TEST(parse_topic_route(ask("false", "hangzhou").body.view())->brokers.size() == 2u);
  BOOST_TEST(parse_topic_route(ask("true", "").body.view())->brokers.size() == 2u);
  BOOST_TEST(parse_topic_route(ask("true", "elsewhere").body.view())->brokers.empty());
}

BOOST_AUTO_TEST_CASE(a_zone_sees_the_slaves_of_others_that_have_no_master) {
  auto slave = broker_header("broker-b", "10.0.0.2:1");
  slave.zone_name = "there";
  slave.broker_id = 1;
  slave.enable_acting_master = false;
  register_broker(peer(), broker_body(), slave);
  TopicRouteData data = route();
  keep_zone(data, "here");
  BOOST_TEST(data.brokers.size() == 1u);
}

BOOST_AUTO_TEST_CASE(static_topics_carry_their_queue_mapping) {
  const std::string mapping =
      R"({"bname":"broker-a","currIdMap":{0:0,1:3},"dirty":false,"epoch":7,"scope":"__global__",)"
      R"("topic":"T1","totalQueues":8})";
  std::string body = to_json(broker_body());
  body.insert(
      body.size() - 2,
      R"(,"topicQueueMappingDetailMap":{},"topicQueueMappingInfoMap":{"T1":)" + mapping + "}");
  Peer& broker = peer();
  BOOST_TEST(broker.ask(RequestCode::register_broker, broker_header(), body).code == 0);
  const auto old_form = peer().ask_route("T1", 400);
  BOOST_TEST(old_form.body.view().find(R"("topicQueueMappingByBroker":{"broker-a":)" + mapping +
                                       "}}") != std::string_view::npos);
  const TopicRouteData data = route();
  BOOST_REQUIRE(data.queue_mappings.contains("broker-a"));
  BOOST_TEST(data.queue_mappings.at("broker-a").current_ids.at(1) == 3);
  BOOST_TEST(data.queue_mappings.at("broker-a").epoch == 7);
  // Its end is the mapping's.
  broker.hang_up();
  register_broker(peer());
  BOOST_TEST(route().queue_mappings.empty());
}

BOOST_AUTO_TEST_CASE(topics_that_a_registration_leaves_out_end_if_that_is_wanted) {
  namesrv::NameServerConfig config = patient_config();
  config.delete_topic_with_broker_registration = true;
  start(std::move(config));
  Peer& broker = peer();
  register_broker(broker, broker_body({"T1", "T2"}));
  register_broker(broker, broker_body({"T1"}));
  BOOST_TEST(peer().has_route("T1"));
  BOOST_TEST(!peer().has_route("T2"));
  register_topic("T3", R"({"queueDatas":[{"brokerName":"broker-a","perm":6}]})");
  BOOST_TEST(peer().has_route("T3"));
  register_broker(broker, broker_body({"T1"}));  // the same bytes as before
  BOOST_TEST(!peer().has_route("T3"));
}

BOOST_AUTO_TEST_CASE(members_are_told_when_their_lowest_id_changes) {
  namesrv::NameServerConfig config = patient_config();
  config.notify_min_broker_id_changed = true;
  start(std::move(config));
  ListeningBroker first(world, Address("10.0.0.1", 1));
  ListeningBroker second(world, Address("10.0.0.2", 1));
  ListeningBroker third(world, Address("10.0.0.3", 1));
  join(2, "10.0.0.3:1");
  join(1, "10.0.0.2:1");
  world.pass(100ms);
  BOOST_TEST(third.notices == (std::vector<std::string>{"minBrokerId=1;minBrokerAddr=10.0.0.2:1;"
                                                        "haBrokerAddr=127.0.0.1:20912;"}),
             boost::test_tools::per_element());
  BOOST_TEST(second.notices.empty());
  Peer& master = peer();
  register_broker(master, broker_body(), member(0, "10.0.0.1:1"));
  world.pass(100ms);
  BOOST_TEST(second.notices.size() == 1u);
  BOOST_TEST(third.notices.size() == 2u);
  BOOST_TEST(first.notices.empty());
  master.hang_up();
  world.pass(100ms);
  const std::string gone = "minBrokerId=1;minBrokerAddr=10.0.0.2:1;offlineBrokerAddr=10.0.0.1:1;";
  BOOST_TEST(second.notices.back() == gone);
  BOOST_TEST(third.notices.back() == gone);
  for (ListeningBroker* broker : {&first, &second, &third}) broker->stop(world);
}

BOOST_AUTO_TEST_CASE(nobody_is_told_without_the_option) {
  ListeningBroker second(world, Address("10.0.0.3", 1));
  join(2, "10.0.0.3:1");
  join(1, "10.0.0.2:1");
  world.pass(100ms);
  BOOST_TEST(second.notices.empty());
  second.stop(world);
}

BOOST_AUTO_TEST_CASE(queries_may_have_to_wait_for_the_first_registrations) {
  namesrv::NameServerConfig config = patient_config();
  config.need_wait_for_service = true;
  config.wait_for_service = 45s;
  start(std::move(config));
  register_broker(peer());
  const auto early = peer().ask_route("T1");
  BOOST_TEST(early.code == 1);
  BOOST_TEST(early.remark == "name server not ready");
  world.pass(45s);
  BOOST_TEST(peer().has_route("T1"));
}

BOOST_AUTO_TEST_CASE(requests_beyond_the_bytes_that_may_wait_for_the_worker_get_busy) {
  namesrv::NameServerConfig config = patient_config();
  config.max_waiting = 400;
  start(std::move(config), true);
  const std::string small = to_json(broker_body({"T1"}));
  BOOST_REQUIRE(small.size() < 400u);
  BOOST_TEST(peer().ask(RequestCode::register_broker, broker_header(), small).code == 0);
  const auto answer =
      peer().ask(RequestCode::register_broker, broker_header(), std::string(500, ' '));
  BOOST_TEST(answer.code == 2);
  BOOST_TEST(peer().ask(RequestCode::register_broker, broker_header(), small).code == 0);
}

BOOST_AUTO_TEST_CASE(lists_can_be_switched_off) {
  namesrv::NameServerConfig config = patient_config();
  config.enable_topic_list = false;
  start(std::move(config));
  remoting::ClusterHeader cluster;
  cluster.cluster = "DefaultCluster";
  for (const auto& answer : {peer().ask(RequestCode::get_topics_by_cluster, cluster),
                             peer().ask(RequestCode::get_unit_topic_list),
                             peer().ask(RequestCode::get_has_unit_sub_topic_list),
                             peer().ask(RequestCode::get_has_unit_sub_ununit_topic_list)}) {
    BOOST_TEST(answer.code == 1);
    BOOST_TEST(answer.remark == "disable");
  }
  BOOST_TEST(peer().ask(RequestCode::get_all_topic_list_from_nameserver).code == 0);
}

BOOST_AUTO_TEST_CASE(
    a_registration_that_the_worker_comes_to_after_its_connection_has_closed_is_void) {
  start(patient_config(), true);
  Peer& broker = peer();
  register_broker(broker);
  BOOST_TEST(peer().has_route("T1"));
  broker.tell(RemotingCommand::request(RequestCode::register_broker, broker_header(),
                                       Body(to_json(broker_body({"T9"})))));
  broker.hang_up();
  BOOST_TEST(!peer().has_route("T1"));
  BOOST_TEST(!peer().has_route("T9"));
}

BOOST_AUTO_TEST_CASE(small_requests_behind_a_large_one_of_the_same_connection_find_it_done) {
  start(patient_config(), true);
  Peer& broker = peer();
  routing::RegisterBrokerBody large = broker_body({"Kept", "Deleted"});
  for (int i = 0; i < 2000; ++i) {
    routing::TopicConfig topic;
    topic.topic_name = "Topic" + std::to_string(i);
    large.topic_config.topics[topic.topic_name] = topic;
  }
  const auto registration = [&large] {
    return RemotingCommand::request(RequestCode::register_broker, broker_header(),
                                    Body(to_json(large)));
  };
  remoting::DeleteTopicInNamesrvHeader deletion;
  deletion.topic = "Deleted";
  broker.tell_together(
      {registration(), RemotingCommand::request(RequestCode::delete_topic_in_namesrv, deletion)});
  BOOST_TEST(peer().has_route("Kept"));
  BOOST_TEST(!peer().has_route("Deleted"));

  remoting::BrokerIdentityHeader goodbye;
  goodbye.broker_name = "broker-a";
  goodbye.broker_addr = "127.0.0.1:20911";
  goodbye.cluster_name = "DefaultCluster";
  broker.tell_together(
      {registration(), RemotingCommand::request(RequestCode::unregister_broker, goodbye)});
  BOOST_TEST(!peer().has_route("Kept"));
  BOOST_TEST(server->stats().brokers == 0u);
  broker.tell_together({registration(),
                        RemotingCommand::request(RequestCode::unregister_broker, goodbye),
                        registration()});
  BOOST_TEST(peer().has_route("Kept"));
}

BOOST_AUTO_TEST_SUITE_END()
