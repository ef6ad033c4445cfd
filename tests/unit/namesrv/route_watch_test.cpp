// The name server tells clients of changed routes, if they ask for that.

#include <boost/test/unit_test.hpp>

#include "comet/routing/route_notification.hpp"
#include "name_server_fixture.hpp"

using namespace comet;
using namespace comet::test;

namespace {

using Names = std::vector<std::string>;

// A client that keeps what it is told.
class Watcher {
 public:
  explicit Watcher(VirtualWorld& world)
      : world_(world),
        client_(world.executor(), world.network, world.time, patient(), handlers()) {}
  ~Watcher() { world_.run(client_.stop()); }

  RemotingCommand ask(const std::string& topic, bool watch = true) {
    remoting::GetRouteInfoHeader header;
    header.topic = topic;
    if (watch) header.watch = true;
    RemotingCommand request = RemotingCommand::request(RequestCode::get_routeinfo_by_topic, header);
    return world_.run(client_.invoke(kNameServer, std::move(request), world_.time.now() + 3s));
  }
  void hang_up() {
    client_.close(kNameServer);
    world_.settle();
  }
  std::vector<Names> told;  // by notification
  std::vector<RemotingCommand> commands;

 private:
  static remoting::ClientConfig patient() {
    remoting::ClientConfig config;
    config.connection.idle = 1000h;
    return config;
  }
  std::shared_ptr<const remoting::Dispatcher> handlers() {
    auto all = std::make_shared<remoting::Dispatcher>();
    auto note = [this](remoting::Request& request) -> remoting::Reply {
      told.push_back(*routing::parse_route_notification(request.command.body.view()));
      commands.push_back(request.command);
      return std::nullopt;
    };
    all->otherwise(note);
    return all;
  }

  VirtualWorld& world_;
  remoting::Client client_;
};

bool is_watched(const RemotingCommand& answer) {
  return answer.fields.find("cometRouteWatch") == "true";
}

struct WatchFixture : NameServerFixture {
  // Another broker with the topics, on its own connection.
  Peer& join(int number, std::initializer_list<std::string> topics) {
    Peer& broker = peer();
    const std::string name = "broker-" + std::to_string(number);
    register_broker(broker, broker_body(topics),
                    broker_header(name, "127.0.0.1:" + std::to_string(20911 + number)));
    return broker;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(route_watch, WatchFixture)

BOOST_AUTO_TEST_CASE(a_watcher_is_told_when_the_brokers_connection_closes) {
  join(1, {"T1"});
  Peer& second = join(2, {"T1"});
  Watcher watcher(world);
  BOOST_TEST(is_watched(watcher.ask("T1")));
  const Instant begin = world.time.now();
  second.hang_up();
  BOOST_REQUIRE(watcher.told.size() == 1u);
  BOOST_TEST((watcher.told[0] == Names{"T1"}));
  BOOST_TEST((world.time.now() == begin), "at once");
  BOOST_TEST(!watcher.ask("T1").body.view().empty());
}

BOOST_AUTO_TEST_CASE(the_notification_is_oneway_with_our_code_and_a_json_body) {
  Peer& broker = join(1, {"T1", "T2"});
  Watcher watcher(world);
  watcher.ask("T2");
  watcher.ask("T1");
  broker.hang_up();
  BOOST_REQUIRE(watcher.commands.size() == 1u);
  BOOST_TEST(watcher.commands[0].code == 30105);
  BOOST_TEST(watcher.commands[0].is_oneway());
  BOOST_TEST(watcher.commands[0].body.view() == R"({"topics":["T1","T2"]})");
}

BOOST_AUTO_TEST_CASE(clients_that_do_not_ask_are_not_told_and_see_no_new_field) {
  Peer& broker = join(1, {"T1"});
  Watcher watcher(world);
  const RemotingCommand answer = watcher.ask("T1", false);
  BOOST_TEST(answer.fields.empty());
  broker.hang_up();
  BOOST_TEST(watcher.told.empty());
}

BOOST_AUTO_TEST_CASE(one_watch_is_good_for_one_notification) {
  join(1, {"T1"});
  Watcher watcher(world);
  watcher.ask("T1");
  join(2, {"T1"});
  join(3, {"T1"});
  BOOST_TEST(watcher.told.size() == 1u);
  watcher.ask("T1");
  join(4, {"T1"});
  BOOST_TEST(watcher.told.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_topic_that_does_not_exist_yet_can_be_watched) {
  Watcher watcher(world);
  const RemotingCommand answer = watcher.ask("T1");
  BOOST_TEST((answer.response_code() == ResponseCode::topic_not_exist));
  BOOST_TEST(is_watched(answer));
  join(1, {"T1"});
  BOOST_TEST(watcher.told.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_registration_that_changes_nothing_tells_nobody) {
  Peer& broker = join(1, {"T1"});
  Watcher watcher(world);
  watcher.ask("T1");
  register_broker(broker, broker_body({"T1"}), broker_header("broker-1", "127.0.0.1:20912"));
  BOOST_TEST(watcher.told.empty());
}

BOOST_AUTO_TEST_CASE(expiry_goodbye_permission_and_deletion_are_changes) {
  start(patient_config());
  Watcher watcher(world);
  const auto told_after = [&](auto change) {
    watcher.ask("T1");
    const std::size_t before = watcher.told.size();
    change();
    return watcher.told.size() - before;
  };
  Peer& broker = join(1, {"T1"});
  remoting::BrokerNameHeader name;
  name.broker_name = "broker-1";
  BOOST_TEST(told_after([&] { peer().ask(RequestCode::wipe_write_perm_of_broker, name); }) == 1u);
  remoting::DeleteTopicInNamesrvHeader topic;
  topic.topic = "T1";
  BOOST_TEST(told_after([&] { peer().ask(RequestCode::delete_topic_in_namesrv, topic); }) == 1u);
  register_broker(broker, broker_body({"T1"}), broker_header("broker-1", "127.0.0.1:20912"));
  remoting::BrokerIdentityHeader self;
  self.broker_name = "broker-1";
  self.broker_addr = "127.0.0.1:20912";
  self.cluster_name = "DefaultCluster";
  BOOST_TEST(told_after([&] { broker.ask(RequestCode::unregister_broker, self); }) == 1u);
  join(2, {"T1"});
  BOOST_TEST(told_after([&] { world.pass(130s); }) == 1u);
}

BOOST_AUTO_TEST_CASE(a_watch_ends_with_its_connection) {
  join(1, {"T1"});
  Watcher watcher(world);
  watcher.ask("T1");
  BOOST_TEST(server->stats().route_watches == 1u);
  watcher.hang_up();
  BOOST_TEST(server->stats().route_watches == 0u);
  watcher.ask("T1", false);
  join(2, {"T1"});
  BOOST_TEST(watcher.told.empty());
}

BOOST_AUTO_TEST_CASE(beyond_the_limit_a_query_is_answered_without_a_watch) {
  namesrv::NameServerConfig config = patient_config();
  config.watches.max_per_connection = 1;
  start(config);
  join(1, {"T1", "T2"});
  Watcher watcher(world);
  BOOST_TEST(is_watched(watcher.ask("T1")));
  const RemotingCommand second = watcher.ask("T2");
  BOOST_TEST(!is_watched(second));
  BOOST_TEST((second.response_code() == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(watching_names_that_do_not_exist_makes_memory_grow_to_the_limit_only) {
  namesrv::NameServerConfig config = patient_config();
  config.watches.max_watches = 100;
  start(config);
  Watcher watcher(world);
  for (int i = 0; i < 1000; ++i) watcher.ask("none-" + std::to_string(i));
  BOOST_TEST(server->stats().route_watches == 100u);
}

BOOST_AUTO_TEST_CASE(of_a_large_brokers_end_a_client_hears_once) {
  routing::RegisterBrokerBody body = broker_body({});
  for (int i = 0; i < 5000; ++i) {
    const std::string name = "topic-" + std::to_string(i);
    routing::TopicConfig& topic = body.topic_config.topics[name];
    topic.topic_name = name;
  }
  Peer& broker = peer();
  register_broker(broker, body);
  Watcher watcher(world);
  for (int i = 0; i < 100; ++i) watcher.ask("topic-" + std::to_string(i));
  broker.hang_up();
  BOOST_REQUIRE(watcher.told.size() == 1u);
  BOOST_TEST(watcher.told[0].size() == 100u);
  BOOST_TEST(server->stats().route_notifications == 1u);
}

BOOST_AUTO_TEST_CASE(many_watchers_are_all_told) {
  Peer& broker = join(1, {"T1"});
  join(2, {"T2"});
  std::list<Watcher> watchers;
  for (int i = 0; i < 500; ++i) watchers.emplace_back(world).ask("T1");
  Peer& other = peer();
  BOOST_TEST(other.has_route("T2"));
  broker.hang_up();
  for (const Watcher& watcher : watchers) BOOST_TEST(watcher.told.size() == 1u);
  BOOST_TEST(other.has_route("T2"));
}

BOOST_AUTO_TEST_SUITE_END()
