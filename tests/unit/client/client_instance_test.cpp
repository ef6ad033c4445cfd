#include "comet/client/client_instance.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/remoting/errors.hpp"
#include "fake_cluster.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

using client::ClientConfig;
using client::ClientInstance;

class ClientWorld : public VirtualWorld {
 public:
  FakeNameServer name_server{*this};
  FakeBroker broker_a{*this, "broker-a", "host-a"};
  FakeBroker broker_b{*this, "broker-b", "host-b"};
  std::shared_ptr<ClientInstance> client;

  ClientWorld() {
    name_server.routes["orders"] = make_route({&broker_a, &broker_b});
    ClientConfig config;
    config.name_servers = Address::parse_list("ns1:9876");
    config.client_ip = "10.1.2.3";
    config.random_seed = 1;
    client = std::make_shared<ClientInstance>(executor(), network, time, config);
    run(client->start());
  }
  ~ClientWorld() {
    run(client->stop());
    client.reset();
    broker_b.stop();
    broker_a.stop();
    name_server.stop();
  }
  client::TopicRoutePtr find(const std::string& topic) {
    return run(client->find_publish_route(topic, time.now() + 3s));
  }
  // Sends a request from the broker's end of the connection and returns the client's answer.
  RemotingCommand ask_client(FakeBroker& broker, RequestCode code) {
    std::shared_ptr<remoting::Connection> connection = broker.last_connection.lock();
    BOOST_REQUIRE(connection);
    RemotingCommand request = RemotingCommand::request(code);
    return run(connection->invoke(std::move(request), time.now() + 1s));
  }
};

BOOST_FIXTURE_TEST_SUITE(client_instance, ClientWorld)

BOOST_AUTO_TEST_CASE(client_ids_name_the_machine_and_are_unique) {
  BOOST_TEST(client->client_id().starts_with("10.1.2.3@"));
  ClientInstance other(executor(), network, time, client->config());
  BOOST_TEST(other.client_id() != client->client_id());
}

BOOST_AUTO_TEST_CASE(a_unit_name_is_part_of_the_client_id) {
  ClientConfig config;
  config.client_ip = "10.1.2.3";
  config.instance_name = "me";
  config.unit_name = "blue";
  ClientInstance unit(executor(), network, time, config);
  BOOST_TEST(unit.client_id() == "10.1.2.3@me@blue");
}

BOOST_AUTO_TEST_CASE(clients_of_one_name_in_one_process_have_ids_of_their_own) {
  ClientConfig config;
  config.client_ip = "10.1.1.1";
  config.instance_name = "worker";
  config.unit_name = "u1";
  const auto make = [&] {
    return std::make_unique<ClientInstance>(executor(), network, time, config);
  };
  auto first = make();
  auto second = make();
  BOOST_TEST(first->client_id() == "10.1.1.1@worker@u1");
  BOOST_TEST(second->client_id() == "10.1.1.1@worker#2@u1");
  first.reset();
  BOOST_TEST(make()->client_id() == "10.1.1.1@worker@u1");
  config.unit_name.clear();
  BOOST_TEST(make()->client_id() == "10.1.1.1@worker");
}

BOOST_AUTO_TEST_CASE(heartbeats_go_to_every_known_master_every_30_seconds) {
  client->add_producer("pg1");
  client->add_producer("pg2");
  find("orders");
  pass(1s);
  BOOST_TEST(broker_a.count(RequestCode::heart_beat) == 1);
  BOOST_TEST(broker_b.count(RequestCode::heart_beat) == 1);
  pass(5min);
  BOOST_TEST(broker_a.count(RequestCode::heart_beat) == 11);
  boost::json::value body = boost::json::parse(broker_a.others.at(0).body);
  BOOST_TEST(body.at("clientID").as_string() == client->client_id());
  BOOST_TEST(body.at("producerDataSet").as_array().size() == 2u);
  BOOST_TEST(body.at("producerDataSet").at(0).at("groupName").as_string() == "pg1");
  BOOST_TEST(body.at("consumerDataSet").as_array().empty());
}

BOOST_AUTO_TEST_CASE(slaves_get_no_heartbeats_of_producers) {
  client->add_producer("pg1");
  name_server.routes["orders"].brokers[1].broker_addrs.clear();
  name_server.routes["orders"].brokers[1].broker_addrs[1] = broker_b.address().to_string();
  find("orders");
  pass(1min);
  BOOST_TEST(broker_a.count(RequestCode::heart_beat) > 0);
  BOOST_TEST(broker_b.count(RequestCode::heart_beat) == 0);
}

BOOST_AUTO_TEST_CASE(brokers_without_a_route_are_forgotten) {
  client->add_producer("pg1");
  find("orders");
  name_server.routes["orders"] = make_route({&broker_a});
  pass(1min);
  BOOST_TEST(!client->publish_address("broker-b").has_value());
  BOOST_TEST((client->publish_address("broker-a") == broker_a.address()));
  const int heartbeats = broker_b.count(RequestCode::heart_beat);
  pass(2min);
  BOOST_TEST(broker_b.count(RequestCode::heart_beat) == heartbeats);
}

BOOST_AUTO_TEST_CASE(a_broker_that_hangs_does_not_delay_heartbeats_to_the_others) {
  client->add_producer("pg1");
  find("orders");
  network.set_frozen(broker_a.address().host(), true);
  pass(1s);
  BOOST_TEST(broker_b.count(RequestCode::heart_beat) == 1);
  network.set_frozen(broker_a.address().host(), false);
}

BOOST_AUTO_TEST_CASE(a_removed_producer_is_unregistered_at_the_brokers) {
  client->add_producer("pg1");
  find("orders");
  pass(1s);
  run(client->remove_producer("pg1"));
  BOOST_TEST(broker_a.count(RequestCode::unregister_client) == 1);
  BOOST_TEST(broker_b.count(RequestCode::unregister_client) == 1);
  BOOST_TEST(broker_a.others.back().field("clientID") == client->client_id());
  BOOST_TEST(broker_a.others.back().field("producerGroup") == "pg1");
  pass(1min);
  BOOST_TEST(broker_a.count(RequestCode::heart_beat) == 1);
}

BOOST_AUTO_TEST_CASE(routes_in_use_are_refreshed_every_30_seconds) {
  find("orders");
  pass(29s);
  BOOST_TEST(name_server.queries["orders"] == 1);
  pass(1s);
  BOOST_TEST(name_server.queries["orders"] == 2);
  pass(5min);
  BOOST_TEST(name_server.queries["orders"] == 12);
}

BOOST_AUTO_TEST_CASE(an_unchanged_route_keeps_its_place_in_the_round_robin) {
  client::TopicRoutePtr before = find("orders");
  pass(30s);
  BOOST_TEST(find("orders") == before);
  name_server.routes["orders"] = make_route({&broker_a, &broker_b}, 8);
  pass(30s);
  client::TopicRoutePtr after = find("orders");
  BOOST_TEST(after != before);
  BOOST_TEST(after->publish.position() == before->publish.position());
}

BOOST_AUTO_TEST_CASE(a_route_for_reading_is_never_invented) {
  name_server.routes["TBW102"] = make_route({&broker_a});
  find("new");
  try {
    run(client->find_route("new", time.now() + 3s));
    BOOST_ERROR("found");
  } catch (const Error& error) {
    BOOST_TEST(error.code() == make_error_code(ClientErrc::topic_not_found));
  }
}

BOOST_AUTO_TEST_CASE(reading_falls_back_to_a_slave) {
  name_server.routes["orders"].brokers[1].broker_addrs.clear();
  name_server.routes["orders"].brokers[1].broker_addrs[2] = "slave:10911";
  find("orders");
  BOOST_TEST(!client->publish_address("broker-b").has_value());
  BOOST_TEST((client->read_address("broker-b") == Address("slave", 10911)));
}

BOOST_AUTO_TEST_CASE(requests_of_brokers_that_are_unknown_are_answered_with_not_supported) {
  client->add_producer("pg1");
  find("orders");
  pass(1s);
  RemotingCommand answer = ask_client(broker_a, RequestCode::pop_message);
  BOOST_TEST(answer.code == 3);
}

BOOST_AUTO_TEST_CASE(notices_of_brokers_get_no_answer_and_do_no_harm) {
  client->add_producer("pg1");
  find("orders");
  pass(1s);
  for (RequestCode code :
       {RequestCode::check_transaction_state, RequestCode::notify_consumer_ids_changed,
        RequestCode::reset_consumer_client_offset}) {
    try {
      ask_client(broker_a, code);
      BOOST_ERROR("answered");
    } catch (const Error& error) {
      BOOST_TEST(error.code() == make_error_code(remoting::RemotingErrc::timed_out));
    }
  }
  BOOST_TEST(ask_client(broker_a, RequestCode::pop_message).code == 3);
}

BOOST_AUTO_TEST_CASE(a_connection_that_stays_silent_through_a_long_wait_is_given_up) {
  client->add_producer("pg1");
  find("orders");
  broker_a.silent = true;
  pass(1s + 3s);
  settle();
  BOOST_TEST(broker_a.connections() == 0u);
  BOOST_TEST(broker_b.connections() == 1u);
}

BOOST_AUTO_TEST_CASE(a_stopped_client_refuses_to_look_for_routes) {
  run(client->stop());
  try {
    find("orders");
    BOOST_ERROR("found");
  } catch (const Error& error) {
    BOOST_TEST(error.code() == make_error_code(ClientErrc::not_running));
  }
}

BOOST_AUTO_TEST_CASE(whoever_waits_for_a_route_when_the_client_stops_is_told) {
  name_server.silent = true;
  error_code code;
  auto on_end = [&code](std::exception_ptr problem, client::TopicRoutePtr) {
    try {
      if (problem) std::rethrow_exception(problem);
    } catch (const Error& error) {
      code = error.code();
    }
  };
  asio::co_spawn(context, client->find_publish_route("orders", time.now() + 3s), on_end);
  settle();
  const Instant begin = time.now();
  run(client->stop());
  BOOST_TEST(code == make_error_code(ClientErrc::not_running));
  BOOST_TEST((time.now() == begin));
}

BOOST_AUTO_TEST_CASE(a_short_deadline_does_not_spoil_the_query_for_others) {
  network.set_latency(100ms);
  client::TopicRoutePtr found;
  auto on_end = [&found](std::exception_ptr, client::TopicRoutePtr route) {
    found = std::move(route);
  };
  try {
    auto hasty = client->find_publish_route("orders", time.now() + 50ms);
    asio::co_spawn(context, client->find_publish_route("orders", time.now() + 3s), on_end);
    run(std::move(hasty));
    BOOST_ERROR("found within 50 ms");
  } catch (const Error& error) {
    BOOST_TEST(error.code() == make_error_code(ClientErrc::no_name_server));
  }
  run_until([&found] { return found != nullptr; }, 3s);
  BOOST_TEST(name_server.queries["orders"] == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
