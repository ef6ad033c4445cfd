#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>

#include "comet/routing/topic_route.hpp"
#include "name_server_fixture.hpp"

using namespace comet;
using namespace comet::test;

namespace {

std::string field(const RemotingCommand& answer, std::string_view key) {
  return std::string(answer.fields.find(key).value_or("absent"));
}

remoting::BrokerNameHeader named(std::string broker) {
  remoting::BrokerNameHeader header;
  header.broker_name = std::move(broker);
  return header;
}

constexpr std::string_view kRecordedRoute =
    R"({"brokerDatas":[{"brokerAddrs":{0:"127.0.0.1:20911"},"brokerName":"broker-a","cluster":"DefaultCluster","enableActingMaster":false}],)"
    R"("filterServerTable":{},)"
    R"("queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]})";

// Connects, sends the bytes and reads until the name server closes.
asio::awaitable<std::string> exchange(Network& network, Instant deadline, std::string bytes) {
  std::unique_ptr<Stream> stream = co_await network.connect(kNameServer, deadline);
  const asio::const_buffer buffer(bytes.data(), bytes.size());
  co_await stream->write(std::span<const asio::const_buffer>(&buffer, 1));
  std::string received;
  char chunk[4096];
  for (;;) {
    const IoResult got = co_await stream->read_some(asio::mutable_buffer(chunk, sizeof chunk));
    if (got.error) break;
    received.append(chunk, got.size);
  }
  stream->close();
  co_return received;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(name_server_queries, NameServerFixture)

BOOST_AUTO_TEST_CASE(the_form_of_a_route_follows_the_clients_version) {
  Peer& broker = peer();
  register_broker(broker);
  std::string standard(kRecordedRoute);
  standard.replace(standard.find("{0:"), 3, "{\"0\":");
  for (const std::int32_t version : {0, 121, 333, 399, 400}) {
    BOOST_TEST(broker.ask_route("T1", version).body.view() == kRecordedRoute);
  }
  for (const std::int32_t version : {401, 409, 479, 100'000}) {
    BOOST_TEST(broker.ask_route("T1", version).body.view() == standard);
  }
  remoting::GetRouteInfoHeader header;
  header.topic = "T1";
  header.accept_standard_json_only = true;
  RemotingCommand request = RemotingCommand::request(RequestCode::get_routeinfo_by_topic, header);
  request.version = 0;
  BOOST_TEST(broker.ask(request).body.view() == standard);
}

BOOST_AUTO_TEST_CASE(a_topic_without_a_route_gets_code_17_and_two_lines) {
  const RemotingCommand answer = peer().ask_route("missing");
  BOOST_TEST(answer.code == 17);
  BOOST_TEST(answer.remark ==
             "No topic route info in name server for the topic: missing\n"
             "See http://rocketmq.apache.org/docs/faq/ for further details.");
  BOOST_TEST(answer.body.empty());
  BOOST_TEST(peer().ask_route(std::string("a\x01z", 3)).code == 17);
  const RemotingCommand nothing = peer().ask(RequestCode::get_routeinfo_by_topic);
  BOOST_TEST(nothing.code == 1);
  BOOST_TEST(nothing.remark == "the request has no usable field topic");
}

BOOST_AUTO_TEST_CASE(the_order_configuration_is_in_the_route_when_it_is_enabled) {
  namesrv::NameServerConfig config;
  config.order_message_enable = true;
  start(std::move(config));
  Peer& broker = peer();
  register_broker(broker, broker_body({"T1", "T2"}));
  remoting::PutKvConfigHeader put;
  put.name_space = "ORDER_TOPIC_CONFIG";
  put.key = "T1";
  put.value = "broker-a:4";
  broker.ask(RequestCode::put_kv_config, put);
  const auto route = routing::parse_topic_route(broker.ask_route("T1").body.view()).value();
  BOOST_TEST(route.order_topic_conf == "broker-a:4");
  BOOST_TEST(route.queues.size() == 1u);
  BOOST_TEST(broker.ask_route("T2").body.view().find("orderTopicConf") == std::string_view::npos);
  put.key = "T3";
  broker.ask(RequestCode::put_kv_config, put);
  BOOST_TEST(broker.ask_route("T3").code == 17);
}

BOOST_AUTO_TEST_CASE(the_cluster_is_described_as_recorded) {
  Peer& broker = peer();
  BOOST_TEST(broker.ask(RequestCode::get_broker_cluster_info).body.view() ==
             R"({"brokerAddrTable":{},"clusterAddrTable":{}})");
  register_broker(broker);
  BOOST_TEST(
      broker.ask(RequestCode::get_broker_cluster_info).body.view() ==
      R"({"brokerAddrTable":{"broker-a":{"brokerAddrs":{0:"127.0.0.1:20911"},"brokerName":"broker-a",)"
      R"("cluster":"DefaultCluster","enableActingMaster":false}},"clusterAddrTable":{"DefaultCluster":["broker-a"]}})");
}

BOOST_AUTO_TEST_CASE(topics_are_listed_by_cluster_and_kind) {
  Peer& broker = peer();
  BOOST_TEST(broker.ask(RequestCode::get_all_topic_list_from_nameserver).body.view() ==
             R"({"topicList":[]})");
  auto body = broker_body({"B", "A", "%RETRY%g"});
  body.topic_config.topics["A"].topic_sys_flag = 3;
  body.topic_config.topics["B"].topic_sys_flag = 2;
  register_broker(broker, body);
  BOOST_TEST(broker.ask(RequestCode::get_all_topic_list_from_nameserver).body.view() ==
             R"({"topicList":["%RETRY%g","A","B"]})");
  remoting::ClusterHeader cluster;
  cluster.cluster = "DefaultCluster";
  BOOST_TEST(broker.ask(RequestCode::get_topics_by_cluster, cluster).body.view() ==
             R"({"topicList":["%RETRY%g","A","B"]})");
  cluster.cluster = "unknown";
  const RemotingCommand unknown = broker.ask(RequestCode::get_topics_by_cluster, cluster);
  BOOST_TEST(unknown.code == 0);
  BOOST_TEST(unknown.body.view() == R"({"topicList":[]})");
  BOOST_TEST(broker.ask(RequestCode::get_unit_topic_list).body.view() == R"({"topicList":["A"]})");
  BOOST_TEST(broker.ask(RequestCode::get_has_unit_sub_topic_list).body.view() ==
             R"({"topicList":["A","B"]})");
  BOOST_TEST(broker.ask(RequestCode::get_has_unit_sub_ununit_topic_list).body.view() ==
             R"({"topicList":["B"]})");
  BOOST_TEST(broker.ask(RequestCode::get_system_topic_list_from_ns).body.view() ==
             R"({"brokerAddr":"127.0.0.1:20911","topicList":["DefaultCluster","broker-a"]})");
}

BOOST_AUTO_TEST_CASE(members_of_a_broker_name_are_listed) {
  Peer& broker = peer();
  register_broker(broker);
  remoting::BrokerMemberGroupHeader header;
  header.cluster_name = "DefaultCluster";
  header.broker_name = "broker-a";
  BOOST_TEST(broker.ask(RequestCode::get_broker_member_group, header).body.view() ==
             R"({"brokerMemberGroup":{"brokerAddrs":{0:"127.0.0.1:20911"},"brokerName":"broker-a",)"
             R"("cluster":"DefaultCluster","enableActingMaster":false}})");
  header.broker_name = "b";
  BOOST_TEST(
      broker.ask(RequestCode::get_broker_member_group, header).body.view() ==
      R"({"brokerMemberGroup":{"brokerAddrs":{},"brokerName":"b","cluster":"DefaultCluster","enableActingMaster":false}})");
}

BOOST_AUTO_TEST_CASE(write_permission_is_wiped_and_added) {
  Peer& broker = peer();
  register_broker(broker, broker_body({"T1", "T2"}));
  const auto permission = [&] {
    return routing::parse_topic_route(broker.ask_route("T1").body.view()).value().queues.at(0).perm;
  };
  const auto wiped = broker.ask(RequestCode::wipe_write_perm_of_broker, named("broker-a"));
  BOOST_TEST(field(wiped, "wipeTopicCount") == "2");
  BOOST_TEST(permission() == 4);
  const auto added = broker.ask(RequestCode::add_write_perm_of_broker, named("broker-a"));
  BOOST_TEST(field(added, "addTopicCount") == "2");
  BOOST_TEST(permission() == 6);
  const auto unknown = broker.ask(RequestCode::wipe_write_perm_of_broker, named("unknown"));
  BOOST_TEST(unknown.code == 0);
  BOOST_TEST(field(unknown, "wipeTopicCount") == "0");
}

BOOST_AUTO_TEST_CASE(a_deleted_topic_has_no_route) {
  Peer& broker = peer();
  register_broker(broker, broker_body({"T1", "T2"}));
  remoting::DeleteTopicInNamesrvHeader header;
  header.topic = "T1";
  header.cluster_name = "other";
  BOOST_TEST(broker.ask(RequestCode::delete_topic_in_namesrv, header).code == 0);
  BOOST_TEST(broker.has_route("T1"));
  header.cluster_name.reset();
  BOOST_TEST(broker.ask(RequestCode::delete_topic_in_namesrv, header).code == 0);
  BOOST_TEST(!broker.has_route("T1"));
  BOOST_TEST(broker.has_route("T2"));
  BOOST_TEST(broker.ask(RequestCode::delete_topic_in_namesrv, header).code == 0);
}

BOOST_AUTO_TEST_CASE(unknown_codes_get_code_3) {
  Peer& client = peer();
  for (const std::int32_t code : {0, -1, 10, 905, 4711, 200'050}) {
    RemotingCommand request;
    request.code = code;
    const RemotingCommand answer = client.ask(request);
    BOOST_TEST(answer.code == 3);
    BOOST_TEST(answer.remark == " request type " + std::to_string(code) + " not supported");
  }
  BOOST_TEST(!client.has_route("T1"));
}

BOOST_AUTO_TEST_CASE(garbage_ends_its_connection_and_nothing_else) {
  Peer& client = peer();
  register_broker(client);
  const std::string inputs[] = {
      std::string("GET / HTTP/1.1\r\nHost: ns\r\n\r\n"),
      std::string("\xff\xff\xff\xff garbage"),
      std::string("\x00\x00\x00\x08\x00\x00\x00\x09", 8),       // header longer than its frame
      std::string("\x00\x00\x00\x08\x07\x00\x00\x04{{{{", 12),  // unknown serialization
      std::string("\x00\x00\x00\x08\x00\x00\x00\x04{{{{", 12),  // no JSON
      std::string("\x7f\xff\xff\xff", 4),                       // two gigabytes announced
  };
  for (const std::string& input : inputs) {
    const std::string answer =
        world.run(exchange(world.network, world.time.now() + 3s, input), 10s);
    BOOST_TEST(answer == "");
    BOOST_TEST(client.has_route("T1"));
  }
}

BOOST_AUTO_TEST_CASE(a_port_in_use_is_an_error_that_names_it) {
  namesrv::NameServerConfig config;
  config.listen_at = kNameServer;
  std::vector<asio::any_io_executor> executors(1, world.executor());
  namesrv::NameServer second(std::move(executors), world.network, world.time, std::move(config));
  try {
    second.start();
    BOOST_ERROR("two name servers on one port");
  } catch (const Error& error) {
    BOOST_TEST(error.context().find("9876") != std::string::npos);
  }
  world.run(second.stop(world.time.now()));
  BOOST_TEST(peer().ask_route("T1").code == 17);
}

BOOST_AUTO_TEST_CASE(after_a_stop_nobody_listens) {
  Peer& broker = peer();
  register_broker(broker);
  stop();
  BOOST_CHECK_THROW(peer().ask_route("T1"), Error);
  start({});
  BOOST_TEST(!peer().has_route("T1"));
}

BOOST_AUTO_TEST_SUITE_END()
