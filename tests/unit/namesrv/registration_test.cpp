#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <string>

#include "comet/base/bytes.hpp"
#include "comet/message/compression.hpp"
#include "name_server_fixture.hpp"

using namespace comet;
using namespace comet::test;

namespace {

remoting::BrokerIdentityHeader identity(std::string address = "127.0.0.1:20911") {
  remoting::BrokerIdentityHeader header;
  header.broker_name = "broker-a";
  header.broker_addr = std::move(address);
  header.cluster_name = "DefaultCluster";
  return header;
}

remoting::KvConfigHeader kv_key(std::string name_space, std::string key) {
  remoting::KvConfigHeader header;
  header.name_space = std::move(name_space);
  header.key = std::move(key);
  return header;
}

std::string field(const RemotingCommand& answer, std::string_view key) {
  return std::string(answer.fields.find(key).value_or("absent"));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(broker_registration, NameServerFixture)

BOOST_AUTO_TEST_CASE(a_registered_broker_is_found_until_its_connection_closes) {
  Peer& broker = peer();
  Peer& client = peer();
  BOOST_TEST(!client.has_route("T1"));
  const RemotingCommand answer = register_broker(broker);
  BOOST_TEST(answer.code == 0);
  BOOST_TEST(answer.fields.empty());
  BOOST_TEST(answer.body.empty());
  BOOST_TEST(client.has_route("T1"));
  broker.hang_up();
  BOOST_TEST(!client.has_route("T1"));
}

BOOST_AUTO_TEST_CASE(the_late_close_of_an_old_connection_leaves_the_new_registration) {
  Peer& before = peer();
  Peer& after = peer();
  Peer& client = peer();
  register_broker(before);
  register_broker(after);
  before.hang_up();
  BOOST_TEST(client.has_route("T1"));
  after.hang_up();
  BOOST_TEST(!client.has_route("T1"));
}

BOOST_AUTO_TEST_CASE(a_broker_whose_host_dies_without_a_close_expires_after_two_minutes) {
  start(patient_config());
  Peer& broker = peer();
  Peer& client = peer();
  register_broker(broker);
  world.pass(120s);
  BOOST_TEST(client.has_route("T1"));
  BOOST_TEST(broker.connected());
  world.pass(6s);
  BOOST_TEST(!client.has_route("T1"));
  BOOST_TEST(!broker.connected());
}

BOOST_AUTO_TEST_CASE(a_broker_may_ask_for_another_expiry) {
  namesrv::NameServerConfig config = patient_config();
  config.broker_expiry = 60s;
  start(std::move(config));
  Peer& quick = peer();
  Peer& ordinary = peer();
  Peer& patient = peer();
  Peer& client = peer();
  auto header = broker_header("a", "10.0.0.1:1");
  header.heartbeat_timeout_millis = 10'000;
  register_broker(quick, broker_body({"Quick"}), header);
  header = broker_header("b", "10.0.0.2:1");
  header.heartbeat_timeout_millis = -1;
  register_broker(ordinary, broker_body({"Ordinary"}), header);
  header = broker_header("c", "10.0.0.3:1");
  header.heartbeat_timeout_millis = INT64_MAX;
  register_broker(patient, broker_body({"Patient"}), header);
  world.pass(16s);
  BOOST_TEST(!client.has_route("Quick"));
  BOOST_TEST(client.has_route("Ordinary"));
  world.pass(50s);
  BOOST_TEST(!client.has_route("Ordinary"));
  world.pass(23h);
  BOOST_TEST(client.has_route("Patient"));
  world.pass(2h);
  BOOST_TEST(!client.has_route("Patient"));
}

BOOST_AUTO_TEST_CASE(signs_of_life_keep_a_broker) {
  start(patient_config());
  Peer& broker = peer();
  Peer& client = peer();
  register_broker(broker);
  remoting::BrokerHeartbeatHeader heartbeat;
  heartbeat.broker_addr = "127.0.0.1:20911";
  const std::string version = to_json(broker_body().topic_config.data_version);
  for (int round = 0; round < 5; ++round) {
    world.pass(100s);
    broker.tell(RemotingCommand::request(RequestCode::broker_heartbeat, heartbeat));
    world.pass(100s);
    broker.ask(RequestCode::query_data_version, identity(), version);
  }
  BOOST_TEST(client.has_route("T1"));
  world.pass(130s);
  BOOST_TEST(!client.has_route("T1"));
  BOOST_TEST(peer().ask(RequestCode::broker_heartbeat, heartbeat).code == 0);
}

BOOST_AUTO_TEST_CASE(unregistering_removes_the_broker_and_never_fails) {
  Peer& broker = peer();
  register_broker(broker);
  BOOST_TEST(broker.ask(RequestCode::unregister_broker, identity("10.0.0.9:1")).code == 0);
  BOOST_TEST(broker.has_route("T1"));
  BOOST_TEST(broker.ask(RequestCode::unregister_broker, identity()).code == 0);
  BOOST_TEST(!broker.has_route("T1"));
  BOOST_TEST(broker.ask(RequestCode::unregister_broker, identity()).code == 0);
}

BOOST_AUTO_TEST_CASE(a_slave_learns_where_its_master_is) {
  Peer& master = peer();
  Peer& slave = peer();
  register_broker(master);
  auto header = broker_header("broker-a", "127.0.0.1:30911");
  header.broker_id = 1;
  const RemotingCommand answer = register_broker(slave, broker_body(), header);
  BOOST_TEST(field(answer, "masterAddr") == "127.0.0.1:20911");
  BOOST_TEST(field(answer, "haServerAddr") == "127.0.0.1:20912");
}

BOOST_AUTO_TEST_CASE(the_checksum_is_compared_when_there_is_one) {
  Peer& broker = peer();
  const std::string body = to_json(broker_body());
  auto header = broker_header();
  header.body_crc32 = body_crc(body) ^ 1;
  const RemotingCommand refused = broker.ask(RequestCode::register_broker, header, body);
  BOOST_TEST(refused.code == 1);
  BOOST_TEST(refused.remark == "crc32 not match");
  BOOST_TEST(!broker.has_route("T1"));
  BOOST_TEST(broker.ask(RequestCode::register_broker, header).code == 1);  // no body at all
  header.body_crc32 = 0;
  BOOST_TEST(broker.ask(RequestCode::register_broker, header, body).code == 0);
  header.body_crc32 = body_crc(body);
  BOOST_TEST(broker.ask(RequestCode::register_broker, header, body).code == 0);
}

BOOST_AUTO_TEST_CASE(the_recorded_checksum_of_a_java_broker_is_ours) {
  // CRC-32 of "123456789" is CBF43926 (RFC 1952's polynomial), masked to 31 bits.
  BOOST_TEST(body_crc("123456789") == 0x4BF43926);
}

BOOST_AUTO_TEST_CASE(a_compressed_body_is_taken_announced_or_not) {
  Peer& broker = peer();
  auto header = broker_header();
  const std::string body = encode_compressed(broker_body());
  header.compressed = true;
  header.body_crc32 = body_crc(body);
  BOOST_TEST(broker.ask(RequestCode::register_broker, header, body).code == 0);
  BOOST_TEST(broker.has_route("T1"));
  broker.ask(RequestCode::unregister_broker, identity());
  header.compressed = false;  // brokers of 5.3
  BOOST_TEST(broker.ask(RequestCode::register_broker, header, body).code == 0);
  BOOST_TEST(broker.has_route("T1"));
}

BOOST_AUTO_TEST_CASE(bodies_that_cannot_be_read_are_refused) {
  Peer& broker = peer();
  const auto refused = [&](const std::string& body, bool compressed) {
    auto header = broker_header();
    header.compressed = compressed;
    const RemotingCommand answer = broker.ask(RequestCode::register_broker, header, body);
    BOOST_TEST(answer.remark.starts_with("the body cannot be read: "));
    return answer.code == 1;
  };
  BOOST_TEST(refused("{\"topicConfigSerializeWrapper\":", false));
  BOOST_TEST(refused("[1]", false));
  BOOST_TEST(refused(std::string(100'000, '['), false));
  BOOST_TEST(refused("this was never deflated", true));
  std::string cut = encode_compressed(broker_body());
  cut.resize(cut.size() / 2);
  BOOST_TEST(refused(cut, true));
  const std::string bomb = zlib_compress(std::string(100u << 20, 'x'), 9);
  BOOST_TEST(bomb.size() < 200'000u);
  BOOST_TEST(refused(bomb, true));
  BOOST_TEST(!broker.has_route("T1"));
  BOOST_TEST(register_broker(broker).code == 0);
}

BOOST_AUTO_TEST_CASE(a_registration_without_a_body_is_legal) {
  Peer& broker = peer();
  BOOST_TEST(broker.ask(RequestCode::register_broker, broker_header()).code == 0);
  BOOST_TEST(broker.ask(RequestCode::get_broker_cluster_info).body.view().find("broker-a") !=
             std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(missing_and_unusable_fields_are_named) {
  Peer& broker = peer();
  RemotingCommand request = RemotingCommand::request(RequestCode::register_broker);
  request.fields.add("brokerName", "a");
  request.fields.add("clusterName", "c");
  request.fields.add("brokerAddr", "127.0.0.1:1");
  RemotingCommand answer = broker.ask(request);
  BOOST_TEST(answer.code == 1);
  BOOST_TEST(answer.remark == "the request has no usable field brokerId");
  request.fields.add("brokerId", "zero");
  BOOST_TEST(broker.ask(request).remark == "the request has no usable field brokerId");

  auto header = broker_header("evil\x1b[2J\nname");
  answer = broker.ask(RequestCode::register_broker, header);
  BOOST_TEST(answer.code == 1);
  BOOST_TEST(answer.remark == "broker name \"evil\\x1b[2J\\x0aname\" cannot be used");
  header = broker_header("a", "nowhere");
  BOOST_TEST(broker.ask(RequestCode::register_broker, header).code == 1);
  header = broker_header(std::string(100'000, 'n'));
  answer = broker.ask(RequestCode::register_broker, header);
  BOOST_TEST(answer.code == 1);
  BOOST_TEST(answer.remark.size() < 300u);
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_topics_fit_in_one_registration) {
  Peer& broker = peer();
  auto body = broker_body({});
  for (int i = 0; i < 100'000; ++i) {
    const std::string name = "topic-" + std::to_string(i);
    routing::TopicConfig config;
    config.topic_name = name;
    body.topic_config.topics.emplace(name, config);
  }
  auto header = broker_header();
  header.compressed = true;
  BOOST_TEST(broker.ask(RequestCode::register_broker, header, encode_compressed(body)).code == 0);
  BOOST_TEST(broker.has_route("topic-0"));
  BOOST_TEST(broker.has_route("topic-99999"));
}

BOOST_AUTO_TEST_CASE(the_data_version_tells_whether_a_registration_is_due) {
  Peer& broker = peer();
  const std::string version = to_json(broker_body().topic_config.data_version);
  RemotingCommand answer = broker.ask(RequestCode::query_data_version, identity(), version);
  BOOST_TEST(answer.code == 0);
  BOOST_TEST(field(answer, "changed") == "true");
  BOOST_TEST(answer.body.empty());
  register_broker(broker);
  answer = broker.ask(RequestCode::query_data_version, identity(), version);
  BOOST_TEST(field(answer, "changed") == "false");
  BOOST_TEST(answer.body.view() == R"({"counter":2,"timestamp":1})");
  answer =
      broker.ask(RequestCode::query_data_version, identity(), R"({"counter":3,"timestamp":1})");
  BOOST_TEST(field(answer, "changed") == "true");
  BOOST_TEST(answer.body.view() == R"({"counter":2,"timestamp":1})");
  answer = broker.ask(RequestCode::query_data_version, identity(), "garbage");
  BOOST_TEST(field(answer, "changed") == "true");
}

BOOST_AUTO_TEST_CASE(the_order_configuration_comes_with_the_answer) {
  Peer& broker = peer();
  remoting::PutKvConfigHeader put;
  put.name_space = "ORDER_TOPIC_CONFIG";
  put.key = "t1";
  put.value = "broker-a:4";
  BOOST_TEST(broker.ask(RequestCode::put_kv_config, put).code == 0);
  BOOST_TEST(register_broker(broker).body.view() == R"({"table":{"t1":"broker-a:4"}})");
  broker.ask(RequestCode::delete_kv_config, kv_key("ORDER_TOPIC_CONFIG", "t1"));
  BOOST_TEST(register_broker(broker).body.view() == R"({"table":{}})");

  namesrv::NameServerConfig config;
  config.return_order_topic_config = false;
  start(std::move(config));
  Peer& other = peer();
  other.ask(RequestCode::put_kv_config, put);
  BOOST_TEST(register_broker(other).body.empty());
}

BOOST_AUTO_TEST_CASE(oneway_registrations_are_taken_and_not_answered) {
  Peer& broker = peer();
  broker.tell(RemotingCommand::request(RequestCode::register_broker, broker_header(),
                                       Body(to_json(broker_body()))));
  BOOST_TEST(peer().has_route("T1"));
}

BOOST_AUTO_TEST_SUITE_END()
