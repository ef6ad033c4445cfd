// Clients: connections on demand, shared attempts, pauses after failures, stopping.
#include "comet/remoting/client.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/remoting/server.hpp"
#include "remoting_world.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace comet::remoting::test;

namespace {

const Address kAddress("namesrv", 9876);

// Counts attempts to connect.
class CountingNetwork final : public Network {
 public:
  explicit CountingNetwork(Network& network) : network_(network) {}
  asio::awaitable<std::unique_ptr<Stream>> connect(const Address& to, Instant deadline) override {
    ++attempts;
    return network_.connect(to, deadline);
  }
  std::unique_ptr<Listener> listen(asio::any_io_executor executor, const Address& at) override {
    return network_.listen(std::move(executor), at);
  }
  int attempts = 0;

 private:
  Network& network_;
};

class ClientWorld : public RemotingWorld {
 public:
  explicit ClientWorld(ClientConfig config = {})
      : client(executor(), counting, time, config, echo(time)) {}
  ~ClientWorld() {
    run(client.stop());
    stop_server();
  }

  void start_server() {
    ServerConfig config;
    config.listen_at = kAddress;
    const std::vector<asio::any_io_executor> executors{executor()};
    server = std::make_unique<Server>(executors, network, time, config, echo(time));
    server->start();
    settle();
  }
  void stop_server() {
    if (server) run(server->stop(time.now()));
    settle();
  }
  asio::awaitable<RemotingCommand> ask(RequestCode code = RequestCode::heart_beat,
                                       Duration timeout = 3s) {
    RemotingCommand request = RemotingCommand::request(code, Body(std::string("x")));
    return client.invoke(kAddress, std::move(request), time.now() + timeout);
  }
  // In the background; the outcome goes to `codes`.
  void begin(RequestCode code = RequestCode::heart_beat, Duration timeout = 3s) {
    tasks.spawn("ask", ask_and_note(code, timeout));
  }
  asio::awaitable<void> ask_and_note(RequestCode code, Duration timeout) {
    try {
      co_await ask(code, timeout);
      codes.emplace_back();
    } catch (const boost::system::system_error& problem) {
      codes.push_back(problem.code());
    }
  }

  CountingNetwork counting{network};
  Client client;
  std::unique_ptr<Server> server;
  TaskGroup tasks{executor(), time};
  std::vector<error_code> codes;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_client_connects_at_first_use_and_keeps_the_connection) {
  ClientWorld world;
  world.start_server();
  BOOST_TEST(world.client.find(kAddress) == nullptr);
  BOOST_TEST(world.run(world.ask()).body.view() == "x");
  BOOST_TEST(world.run(world.ask()).body.view() == "x");
  BOOST_TEST(world.counting.attempts == 1);
  BOOST_TEST(world.client.find(kAddress) != nullptr);
}

BOOST_AUTO_TEST_CASE(addresses_that_are_not_in_use_are_kept_up_to_a_number) {
  ClientWorld world;
  world.start_server();
  world.run(world.ask());
  for (std::uint16_t port = 1; port <= 3'000; ++port) {
    RemotingCommand request = RemotingCommand::request(RequestCode::heart_beat);
    world.error_of(
        world.client.invoke(Address("gone", port), std::move(request), world.time.now() + 1s));
    world.pass(10ms);
  }
  BOOST_TEST(world.client.known_addresses() <= 1'024u);
  world.run(world.ask());
  BOOST_TEST(world.counting.attempts == 1 + 3'000);
}

BOOST_AUTO_TEST_CASE(callers_share_one_attempt_to_connect) {
  ClientWorld world;
  world.network.set_latency(50ms);
  world.start_server();
  for (int i = 0; i < 10; ++i) world.begin();
  world.run(world.tasks.join());
  BOOST_TEST(world.counting.attempts == 1);
  BOOST_TEST(world.server->connections() == 1u);
  BOOST_TEST(world.codes == std::vector<error_code>(10), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_attempt_survives_the_caller_that_began_it) {
  ClientWorld world;
  world.network.set_latency(50ms);
  world.start_server();
  world.begin(RequestCode::heart_beat);
  world.settle();
  world.tasks.cancel();
  world.begin(RequestCode::heart_beat);
  world.run(world.tasks.join());
  BOOST_REQUIRE(world.codes.size() == 2u);
  BOOST_TEST((world.codes[0] == asio::error::operation_aborted));
  BOOST_TEST(!world.codes[1]);
  BOOST_TEST(world.counting.attempts == 1);
}

BOOST_AUTO_TEST_CASE(a_refused_connection_names_the_request_and_the_address) {
  ClientWorld world;
  RemotingCommand request = RemotingCommand::request(RequestCode::get_routeinfo_by_topic);
  error_code code =
      world.error_of(world.client.invoke(kAddress, std::move(request), world.time.now() + 3s));
  BOOST_TEST((code == asio::error::connection_refused));
  BOOST_TEST(
      world.last_message.starts_with("send GET_ROUTEINFO_BY_TOPIC to namesrv:9876 (connecting): "));
}

BOOST_AUTO_TEST_CASE(after_a_failure_attempts_pause_and_the_pause_doubles) {
  ClientWorld world;
  auto refused = [&] { return world.error_of(world.ask()) == asio::error::connection_refused; };
  BOOST_TEST(refused());
  BOOST_TEST(refused());
  BOOST_TEST(world.counting.attempts == 1);
  for (Duration pause : {50ms, 100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    const int before = world.counting.attempts;
    world.pass(pause - 1ms);
    BOOST_TEST(refused());
    BOOST_TEST(world.counting.attempts == before);
    world.pass(1ms);
    BOOST_TEST(refused());
    BOOST_TEST(world.counting.attempts == before + 1);
  }
  world.pass(1s);
  world.start_server();
  BOOST_TEST(world.run(world.ask()).body.view() == "x");
  world.stop_server();
  BOOST_TEST(refused());
  world.pass(50ms);  // a success has reset the pause
  const int before = world.counting.attempts;
  BOOST_TEST(refused());
  BOOST_TEST(world.counting.attempts == before + 1);
}

BOOST_AUTO_TEST_CASE(all_waiting_callers_get_the_failure_of_the_attempt) {
  ClientWorld world;
  world.network.set_latency(50ms);
  for (int i = 0; i < 5; ++i) world.begin();
  world.run(world.tasks.join());
  BOOST_TEST(world.counting.attempts == 1);
  BOOST_REQUIRE(world.codes.size() == 5u);
  for (error_code code : world.codes) BOOST_TEST((code == asio::error::connection_refused));
}

BOOST_AUTO_TEST_CASE(a_caller_waits_for_the_connection_only_until_its_deadline) {
  ClientWorld world;
  world.network.set_latency(2s);
  world.start_server();
  BOOST_TEST((world.error_of(world.ask(RequestCode::heart_beat, 1s)) == asio::error::timed_out));
  BOOST_TEST(to_millis(world.time.now().time_since_epoch()) == 1000);
}

BOOST_AUTO_TEST_CASE(the_connect_timeout_ends_an_attempt) {
  ClientConfig config;
  config.connect_timeout = 500ms;
  ClientWorld world(config);
  world.network.set_latency(2s);
  world.start_server();
  BOOST_TEST((world.error_of(world.ask()) == asio::error::timed_out));
  BOOST_TEST(to_millis(world.time.now().time_since_epoch()) == 500);
}

BOOST_AUTO_TEST_CASE(a_lost_connection_is_replaced_at_the_next_use) {
  ClientWorld world;
  world.start_server();
  world.run(world.ask());
  world.begin(RequestCode::pull_message);
  world.settle();
  world.network.cut_connections("namesrv");
  world.settle();
  BOOST_REQUIRE(world.codes.size() == 1u);
  BOOST_TEST((world.codes[0] == RemotingErrc::closed));
  BOOST_TEST(world.client.find(kAddress) == nullptr);
  BOOST_TEST(world.run(world.ask()).body.view() == "x");
  BOOST_TEST(world.counting.attempts == 2);
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_closed_and_replaced_at_the_next_use) {
  ClientConfig config;
  config.connection.idle = 60s;  // less than the server's
  ClientWorld world(config);
  world.start_server();
  world.run(world.ask());
  world.pass(59s);
  BOOST_TEST(world.client.find(kAddress) != nullptr);
  world.pass(2s);
  BOOST_TEST(world.client.find(kAddress) == nullptr);
  BOOST_TEST(world.server->connections() == 0u);
  BOOST_TEST(world.run(world.ask()).body.view() == "x");
  BOOST_TEST(world.counting.attempts == 2);
}

BOOST_AUTO_TEST_CASE(a_waiting_request_does_not_keep_a_dead_connection_for_ever) {
  ClientWorld world;
  world.network.set_latency(10ms);
  world.start_server();
  world.run(world.ask());
  world.network.set_frozen("namesrv", true);
  const Instant begin = world.time.now();
  BOOST_TEST((world.error_of(world.ask(RequestCode::heart_beat, 600s)) == RemotingErrc::closed));
  BOOST_TEST(to_millis(world.time.now() - begin) <= 120'000);
  world.network.set_frozen("namesrv", false);
}

BOOST_AUTO_TEST_CASE(a_connection_can_be_closed_by_address) {
  ClientWorld world;
  world.start_server();
  world.client.close(kAddress);
  world.run(world.ask());
  world.client.close(kAddress);
  world.settle();
  BOOST_TEST(world.server->connections() == 0u);
  world.run(world.ask());
  BOOST_TEST(world.counting.attempts == 2);
}

BOOST_AUTO_TEST_CASE(a_oneway_request_arrives) {
  ClientWorld world;
  int served = 0;
  auto handlers = std::make_shared<Dispatcher>();
  handlers->on(RequestCode::heart_beat, [&served](Request& request) -> Reply {
    served += request.command.is_oneway() ? 1 : 0;
    return std::nullopt;
  });
  ServerConfig config;
  config.listen_at = kAddress;
  const std::vector<asio::any_io_executor> executors{world.executor()};
  world.server = std::make_unique<Server>(executors, world.network, world.time, config, handlers);
  world.server->start();
  world.run(world.client.invoke_oneway(kAddress, RemotingCommand::request(RequestCode::heart_beat),
                                       world.time.now() + 3s));
  world.settle();
  BOOST_TEST(served == 1);
}

BOOST_AUTO_TEST_CASE(a_client_serves_requests_of_its_server) {
  ClientWorld world;
  world.start_server();
  std::shared_ptr<Connection> at_server;
  auto handlers = std::make_shared<Dispatcher>();
  handlers->on(RequestCode::heart_beat, [&at_server](Request& request) -> Reply {
    at_server = request.connection;
    return RemotingCommand::response(request.command, ResponseCode::success);
  });
  ServerConfig config;
  config.listen_at = Address("broker", 10911);
  const std::vector<asio::any_io_executor> executors{world.executor()};
  Server broker(executors, world.network, world.time, config, handlers);
  broker.start();
  world.run(world.client.invoke(config.listen_at, RemotingCommand::request(RequestCode::heart_beat),
                                world.time.now() + 3s));
  BOOST_REQUIRE(at_server != nullptr);
  RemotingCommand question =
      RemotingCommand::request(RequestCode::heart_beat, Body(std::string("ping")));
  BOOST_TEST(world.run(at_server->invoke(std::move(question), world.time.now() + 3s)).body.view() ==
             "ping");
  at_server.reset();
  world.run(broker.stop(world.time.now()));
}

BOOST_AUTO_TEST_CASE(stopping_fails_everything_in_flight_and_later_requests) {
  ClientWorld world;
  world.network.set_latency(10ms);
  world.start_server();
  world.run(world.ask());
  world.begin(RequestCode::pull_message);
  world.pass(20ms);
  world.run(world.client.stop());
  world.settle();
  BOOST_REQUIRE(world.codes.size() == 1u);
  BOOST_TEST((world.codes[0] == RemotingErrc::closed));
  BOOST_TEST((world.error_of(world.ask()) == RemotingErrc::not_sent));
  BOOST_TEST(world.last_message.find("the client is stopped") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(stopping_ends_attempts_to_connect) {
  ClientWorld world;
  world.network.set_latency(1s);
  world.start_server();
  world.begin();
  world.settle();
  world.run(world.client.stop());
  world.run(world.tasks.join());
  BOOST_TEST(to_millis(world.time.now().time_since_epoch()) == 0);
  BOOST_REQUIRE(world.codes.size() == 1u);
  BOOST_TEST((world.codes[0] == RemotingErrc::not_sent));
}
