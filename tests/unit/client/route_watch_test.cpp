// What a client does with notifications of changed routes.

#include <boost/test/unit_test.hpp>

#include "comet/client/client_instance.hpp"
#include "comet/routing/route_notification.hpp"
#include "fake_cluster.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

// Asks one name server (or two) of the test's making.
class WatchWorld : public VirtualWorld {
 public:
  FakeNameServer name_server{*this};
  FakeBroker broker_a{*this, "broker-a", "host-a"};
  FakeBroker broker_b{*this, "broker-b", "host-b"};
  std::unique_ptr<client::ClientInstance> instance;

  WatchWorld() { name_server.routes["orders"] = make_route({&broker_a, &broker_b}); }
  ~WatchWorld() {
    if (instance) run(instance->stop());
    instance.reset();
    broker_b.stop();
    broker_a.stop();
    name_server.stop();
  }

  client::ClientInstance& start(client::ClientConfig config = {}) {
    config.name_servers = {name_server.address()};
    config.random_seed = 7;
    instance = std::make_unique<client::ClientInstance>(executor(), network, time, config);
    run(instance->start());
    return *instance;
  }
  client::TopicRoutePtr find(const std::string& topic = "orders") {
    return run(instance->find_publish_route(topic, time.now() + 3s));
  }
  [[nodiscard]] std::size_t brokers(const std::string& topic = "orders") const {
    const auto route = instance->cached_publish_route(topic);
    return route ? route->data.brokers.size() : 0;
  }
  void notify(const std::vector<std::string>& topics) {
    notify_with(routing::route_notification_json(topics));
  }
  void notify_with(std::string body) {
    auto command =
        RemotingCommand::request(RequestCode::notify_route_changed, Body(std::move(body)));
    command.mark_oneway();
    name_server.last_connection.lock()->send(std::move(command));
    settle();
  }
  int queries() { return name_server.queries["orders"]; }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(route_watch, WatchWorld)

BOOST_AUTO_TEST_CASE(a_notification_replaces_the_route_at_once) {
  start();
  find();
  BOOST_TEST(brokers() == 2u);
  name_server.routes["orders"] = make_route({&broker_b});
  const Instant begin = time.now();
  notify({"orders"});
  BOOST_TEST(brokers() == 1u);
  BOOST_TEST((time.now() == begin));
}

BOOST_AUTO_TEST_CASE(queries_ask_for_a_watch_unless_the_client_is_told_not_to) {
  start();
  find();
  BOOST_TEST(name_server.watches_asked_for == 1);
  client::ClientConfig config;
  config.watch_routes = false;
  config.instance_name = "other";
  run(instance->stop());
  start(config);
  find();
  BOOST_TEST(name_server.watches_asked_for == 1);
}

BOOST_AUTO_TEST_CASE(topics_that_the_client_does_not_use_are_not_asked_for) {
  start();
  find();
  const int before = name_server.total_queries();
  notify({"someone-elses"});
  BOOST_TEST(name_server.total_queries() == before);
}

BOOST_AUTO_TEST_CASE(many_notifications_of_one_topic_make_few_queries) {
  start();
  find();
  network.set_latency(10ms);
  for (int i = 0; i < 100; ++i) {
    auto command = RemotingCommand::request(RequestCode::notify_route_changed,
                                            Body(routing::route_notification_json({"orders"})));
    command.mark_oneway();
    name_server.last_connection.lock()->send(std::move(command));
  }
  pass(500ms);
  BOOST_TEST(queries() >= 2);
  BOOST_TEST(queries() <= 3);
}

BOOST_AUTO_TEST_CASE(a_query_that_was_answered_before_the_change_is_repeated) {
  start();
  find();
  network.set_latency(10ms);
  // The answer leaves before the change, the notification right behind it.
  auto refresh = instance->refresh_route("orders", time.now() + 3s);
  bool refreshed = false;
  asio::co_spawn(context, std::move(refresh), [&](std::exception_ptr) { refreshed = true; });
  run_until([&] { return queries() == 2; });
  name_server.routes["orders"] = make_route({&broker_b});
  notify({"orders"});
  run_until([&] { return refreshed; });
  pass(100ms);
  BOOST_TEST(brokers() == 1u);
}

BOOST_AUTO_TEST_CASE(many_topics_are_asked_for_side_by_side) {
  start();
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("topic-" + std::to_string(i));
  for (const auto& name : names) name_server.routes[name] = make_route({&broker_a, &broker_b});
  for (const auto& name : names) find(name);
  for (const auto& name : names) name_server.routes[name] = make_route({&broker_b});
  network.set_latency(1ms);
  notify(names);
  pass(20ms);  // one after the other: 200 ms
  for (const auto& name : names) BOOST_TEST(brokers(name) == 1u);
}

BOOST_AUTO_TEST_CASE(a_lost_connection_has_the_watches_renewed_within_seconds) {
  start();
  find();
  BOOST_TEST(name_server.watches_asked_for == 1);
  name_server.routes["orders"] = make_route({&broker_b});  // while nobody can tell
  network.cut_connections("ns1");
  pass(2s);
  BOOST_TEST(brokers() == 1u);
  BOOST_TEST(name_server.connections() == 1u);
  BOOST_TEST(name_server.watches_asked_for >= 2);
  const int asked = name_server.total_queries();
  pass(20s);
  BOOST_TEST(name_server.total_queries() == asked, "renewed once, not again and again");
}

BOOST_AUTO_TEST_CASE(when_a_name_server_dies_the_next_one_watches) {
  FakeNameServer second(*this, "ns2");
  second.routes = name_server.routes;
  client::ClientConfig config;
  config.name_servers = {name_server.address(), second.address()};
  config.random_seed = 7;
  instance = std::make_unique<client::ClientInstance>(executor(), network, time, config);
  run(instance->start());
  find();
  FakeNameServer& used = queries() > 0 ? name_server : second;
  FakeNameServer& other = queries() > 0 ? second : name_server;
  other.routes["orders"] = make_route({&broker_b});
  used.stop();
  pass(3s);
  BOOST_TEST(brokers() == 1u);
  BOOST_TEST(other.watches_asked_for >= 1);
  other.routes["orders"] = make_route({&broker_a, &broker_b});
  auto command = RemotingCommand::request(RequestCode::notify_route_changed,
                                          Body(routing::route_notification_json({"orders"})));
  command.mark_oneway();
  other.last_connection.lock()->send(std::move(command));
  settle();
  BOOST_TEST(brokers() == 2u);
  run(instance->stop());
  instance.reset();
  second.stop();
}

BOOST_AUTO_TEST_CASE(a_name_server_that_stays_away_is_asked_ever_more_seldom) {
  start();
  find();
  name_server.stop();
  pass(10min);
  name_server.routes["orders"] = make_route({&broker_b});
  name_server.start();
  pass(31s);
  BOOST_TEST(brokers() == 1u);
}

BOOST_AUTO_TEST_CASE(a_name_server_that_knows_no_watches_is_polled_and_not_asked_more_often) {
  start();
  find();
  name_server.routes["orders"] = make_route({&broker_b});
  pass(29s);
  BOOST_TEST(queries() == 1);
  BOOST_TEST(brokers() == 2u);
  pass(2s);
  BOOST_TEST(brokers() == 1u);
}

BOOST_AUTO_TEST_CASE(a_topic_that_is_just_being_created_keeps_the_route_of_its_creation) {
  name_server.routes["TBW102"] = make_route({&broker_a, &broker_b});
  start();
  find("new");
  BOOST_TEST(brokers("new") == 2u);
  name_server.routes["new"] = make_route({&broker_a});  // the first send has created it there
  notify({"new"});
  pass(5s);
  BOOST_TEST(brokers("new") == 2u);
  pass(30s);
  BOOST_TEST(brokers("new") == 1u);
}

BOOST_AUTO_TEST_CASE(a_topic_that_does_not_exist_yet_follows_the_brokers_that_create_topics) {
  name_server.routes["TBW102"] = make_route({&broker_a, &broker_b});
  start();
  find("new");
  name_server.routes["TBW102"] = make_route({&broker_b});
  notify({"TBW102"});
  BOOST_TEST(brokers("new") == 1u);
}

BOOST_AUTO_TEST_CASE(nonsense_in_a_notification_is_ignored) {
  start();
  find();
  for (const char* body :
       {"", "{", "[]", "null", R"({"topics":{}})", R"({"topics":[1,null,{}]})"}) {
    notify_with(body);
  }
  BOOST_TEST(queries() == 1);
  notify({"orders"});
  BOOST_TEST(queries() == 2);
}

BOOST_AUTO_TEST_CASE(a_client_that_stops_while_it_refreshes_ends_in_order) {
  start();
  find();
  network.set_latency(10ms);
  notify({"orders"});
  run(instance->stop());
  instance.reset();
  pass(1s);
}

BOOST_AUTO_TEST_SUITE_END()
