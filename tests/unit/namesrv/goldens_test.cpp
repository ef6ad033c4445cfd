// Every body that the name server sends, byte for byte as recorded in tests/data/namesrv. Those of
// route_4_9_8 and cluster_info are what a 4.9.8 name server of Apache's sends, too.

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <sstream>
#include <string>

#include "name_server_fixture.hpp"
#include "test_data.hpp"

using namespace comet;
using namespace comet::test;

namespace {

std::string recorded(const std::string& name) {
  const std::string path = comet::test::test_data() + "/namesrv/" + name + ".json";
  std::ifstream file(path);
  BOOST_REQUIRE_MESSAGE(file, path << " cannot be read");
  std::ostringstream content;
  content << file.rdbuf();
  std::string text = content.str();
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

// Of brokers, said in every case (topic_route.cpp); 4.9 has no such member, 5.x leaves it out in
// some.
std::string without_idle_acting_masters(std::string text) {
  constexpr std::string_view kMember = R"(,"enableActingMaster":false)";
  for (std::size_t at = 0; (at = text.find(kMember, at)) != std::string::npos;) {
    text.erase(at, kMember.size());
  }
  return text;
}

struct GoldensFixture : NameServerFixture {
  void expect(const std::string& name, const RemotingCommand& answer) {
    BOOST_TEST(answer.code == 0);
    BOOST_TEST(without_idle_acting_masters(answer.body.to_string()) ==
                   without_idle_acting_masters(recorded(name)),
               name);
  }
  template <class Header>
  RemotingCommand ask(RequestCode code, const Header& header, std::string body = {}) {
    return peer().ask(code, header, std::move(body));
  }
  RemotingCommand ask(RequestCode code) { return peer().ask(code); }

  // One broker of 4.9 as the reference's recordings had it.
  void start_recorded_cluster() { register_broker(peer()); }

  // A master and a slave of 5.x with all that a route can have.
  void start_rich_cluster() {
    namesrv::NameServerConfig config = patient_config();
    config.order_message_enable = true;
    start(std::move(config));
    remoting::PutKvConfigHeader put;
    put.name_space = "ORDER_TOPIC_CONFIG";
    put.key = "T1";
    put.value = "broker-a:4";
    ask(RequestCode::put_kv_config, put);

    auto body = broker_body({"T1", "%RETRY%group"});
    body.filter_servers = {"127.0.0.1:30000"};
    body.topic_config.topics["T1"].topic_sys_flag = 3;
    body.topic_config.topics["%RETRY%group"].topic_sys_flag = 2;
    routing::TopicQueueMapping& mapping = body.queue_mappings["T1"];
    mapping.topic = "T1";
    mapping.scope = "__global__";
    mapping.broker_name = "broker-a";
    mapping.total_queues = 8;
    mapping.epoch = 5;
    for (const int id : {0, 1, 10}) mapping.current_ids[id] = id / 2;
    auto header = broker_header();
    header.enable_acting_master = true;
    header.zone_name = "z\xC3\xBCrich";  // beyond ASCII
    register_broker(peer(), body, header);
    header.broker_id = 1;
    header.broker_addr = "127.0.0.1:20921";
    register_broker(peer(), broker_body(), header);
    register_broker(peer(), broker_body(), broker_header("broker-b", "127.0.0.1:20931"));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(name_server_goldens, GoldensFixture)

BOOST_AUTO_TEST_CASE(the_bodies_of_a_4_9_cluster_are_those_of_apache) {
  start_recorded_cluster();
  expect("route_4_9_8", peer().ask_route("T1", 400));
  expect("route_4_9_8_standard", peer().ask_route("T1", 401));
  expect("cluster_info", ask(RequestCode::get_broker_cluster_info));
}

BOOST_AUTO_TEST_CASE(routes_with_everything_that_a_route_can_have) {
  start_rich_cluster();
  expect("route_rich", peer().ask_route("T1", 400));
  expect("route_rich_standard", peer().ask_route("T1", 401));
  expect("cluster_info_rich", ask(RequestCode::get_broker_cluster_info));
}

BOOST_AUTO_TEST_CASE(lists) {
  start_rich_cluster();
  remoting::ClusterHeader cluster;
  cluster.cluster = "DefaultCluster";
  expect("topic_list", ask(RequestCode::get_all_topic_list_from_nameserver));
  expect("topic_list", ask(RequestCode::get_topics_by_cluster, cluster));
  cluster.cluster = "unknown";
  expect("topic_list_empty", ask(RequestCode::get_topics_by_cluster, cluster));
  expect("system_topic_list", ask(RequestCode::get_system_topic_list_from_ns));
  expect("unit_topic_list", ask(RequestCode::get_unit_topic_list));
  expect("unit_sub_topic_list", ask(RequestCode::get_has_unit_sub_topic_list));
  expect("unit_sub_ununit_topic_list", ask(RequestCode::get_has_unit_sub_ununit_topic_list));
}

BOOST_AUTO_TEST_CASE(what_brokers_get) {
  start_rich_cluster();
  expect("order_config", register_broker(peer(), broker_body(), broker_header("c", "1.2.3.4:5")));
  remoting::BrokerIdentityHeader identity;
  identity.broker_name = "broker-a";
  identity.broker_addr = "127.0.0.1:20911";
  identity.cluster_name = "DefaultCluster";
  expect("data_version", ask(RequestCode::query_data_version, identity, "{}"));
  remoting::BrokerMemberGroupHeader group;
  group.cluster_name = "DefaultCluster";
  group.broker_name = "broker-a";
  expect("member_group", ask(RequestCode::get_broker_member_group, group));
  group.broker_name = "unknown";
  expect("member_group_empty", ask(RequestCode::get_broker_member_group, group));
}

BOOST_AUTO_TEST_CASE(kv_lists) {
  start_rich_cluster();
  remoting::NamespaceHeader header;
  header.name_space = "ORDER_TOPIC_CONFIG";
  expect("kv_list", ask(RequestCode::get_kvlist_by_namespace, header));
}

BOOST_AUTO_TEST_SUITE_END()
