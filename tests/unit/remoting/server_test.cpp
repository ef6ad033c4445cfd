// Servers: connections, events, limits, stopping.
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/remoting/server.hpp"
#include "remoting_world.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace comet::remoting::test;

namespace {

const Address kAddress("broker", 10911);

class ServedWorld : public RemotingWorld {
 public:
  explicit ServedWorld(ServerConfig config = {}) {
    config.listen_at = kAddress;
    auto observe = [this](const std::shared_ptr<Connection>& connection, ConnectionEvent event) {
      constexpr std::string_view signs = "+-i";  // in the order of the enumerators
      events += signs[static_cast<std::size_t>(event)];
      if (event == ConnectionEvent::connected) last_connected = connection;
    };
    const std::vector<asio::any_io_executor> executors{executor()};
    server = std::make_unique<Server>(executors, network, time, config, echo(time), observe);
    server->start();
    settle();
  }
  ~ServedWorld() { stop(Duration::zero()); }

  void stop(Duration timeout) {
    run(server->stop(time.now() + timeout));
    settle();
  }
  RawPeer dial() {
    RawPeer peer(run(network.connect(kAddress, time.now() + 3s)));
    settle();
    return peer;
  }
  Result<RemotingCommand> ask(RawPeer& peer, RequestCode code, std::int32_t opaque) {
    run(peer.send(frame_of(request_of(code, opaque))));
    return run(peer.receive());
  }

  std::unique_ptr<Server> server;
  std::string events;
  std::weak_ptr<Connection> last_connected;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_server_serves_and_reports_its_connections) {
  ServedWorld world;
  RawPeer first = world.dial();
  RawPeer second = world.dial();
  BOOST_TEST(world.server->connections() == 2u);
  BOOST_TEST(world.ask(first, RequestCode::heart_beat, 1)->opaque == 1);
  BOOST_TEST(world.ask(second, RequestCode::heart_beat, 2)->opaque == 2);
  first.close();
  world.settle();
  BOOST_TEST(world.events == "++-");
  BOOST_TEST(world.server->connections() == 1u);
  BOOST_TEST(world.server->local().port() == 10911);
}

BOOST_AUTO_TEST_CASE(the_end_of_a_connection_is_reported_before_its_handlers_end) {
  ServedWorld world;
  RawPeer peer = world.dial();
  world.run(peer.send(frame_of(request_of(RequestCode::pull_message, 1))));
  world.settle();
  peer.close();
  world.settle();
  BOOST_TEST(world.events == "+-");
  BOOST_TEST(!world.last_connected.expired());
  world.pass(2s);
  BOOST_TEST(world.last_connected.expired());
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_reported_as_idle_then_closed) {
  ServedWorld world;
  RawPeer idle = world.dial();
  RawPeer busy = world.dial();
  world.pass(100s);
  BOOST_TEST(world.ask(busy, RequestCode::heart_beat, 1)->opaque == 1);
  world.pass(21s);
  BOOST_TEST(world.events == "++i-");
  BOOST_TEST((world.run(idle.receive()).error() == asio::error::eof));
  BOOST_TEST(world.ask(busy, RequestCode::heart_beat, 2)->opaque == 2);
  busy.close();
  world.settle();
  BOOST_TEST(world.events == "++i--");
}

BOOST_AUTO_TEST_CASE(connections_beyond_the_limit_are_closed_at_once) {
  ServerConfig config;
  config.max_connections = 2;
  ServedWorld world(config);
  RawPeer first = world.dial();
  RawPeer second = world.dial();
  RawPeer third = world.dial();
  BOOST_TEST((world.run(third.receive()).error() == asio::error::eof));
  BOOST_TEST(world.ask(second, RequestCode::heart_beat, 1)->opaque == 1);
  first.close();
  world.settle();
  RawPeer fourth = world.dial();
  BOOST_TEST(world.ask(fourth, RequestCode::heart_beat, 1)->opaque == 1);
  BOOST_TEST(world.events == "++-+");
}

BOOST_AUTO_TEST_CASE(garbage_on_one_connection_leaves_the_others_alone) {
  ServedWorld world;
  RawPeer good = world.dial();
  RawPeer bad = world.dial();
  world.run(bad.send(std::string(100'000, '\xff')));
  BOOST_TEST(world.run(bad.receive()).has_error());
  BOOST_TEST(world.ask(good, RequestCode::heart_beat, 1)->opaque == 1);
  RawPeer next = world.dial();
  BOOST_TEST(world.ask(next, RequestCode::heart_beat, 2)->opaque == 2);
}

BOOST_AUTO_TEST_CASE(an_observer_that_throws_does_no_harm) {
  RemotingWorld world;
  ServerConfig config;
  config.listen_at = kAddress;
  const std::vector<asio::any_io_executor> executors{world.executor()};
  auto observe = [](const std::shared_ptr<Connection>&, ConnectionEvent) {
    throw std::runtime_error("observer");
  };
  Server server(executors, world.network, world.time, config, RemotingWorld::echo(world.time),
                observe);
  server.start();
  RawPeer peer(world.run(world.network.connect(kAddress, world.time.now() + 3s)));
  world.run(peer.send(frame_of(request_of(RequestCode::heart_beat, 1))));
  BOOST_TEST(world.run(peer.receive())->opaque == 1);
  world.run(server.stop(world.time.now()));
}

BOOST_AUTO_TEST_CASE(an_address_in_use_is_named) {
  ServedWorld world;
  ServerConfig config;
  config.listen_at = kAddress;
  const std::vector<asio::any_io_executor> executors{world.executor()};
  Server second(executors, world.network, world.time, config, nullptr);
  BOOST_CHECK_EXCEPTION(second.start(), Error, [](const Error& problem) {
    return problem.code() == asio::error::address_in_use &&
           std::string(problem.what()).find("broker:10911") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(stopping_answers_what_is_being_served_and_closes) {
  ServedWorld world;
  RawPeer busy = world.dial();
  RawPeer idle = world.dial();
  world.run(busy.send(frame_of(request_of(RequestCode::pull_message, 1))));
  world.settle();
  const Instant begin = world.time.now();
  world.stop(10s);
  BOOST_TEST(to_millis(world.time.now() - begin) == 1000);
  BOOST_TEST(world.events == "++--");
  BOOST_TEST(world.server->connections() == 0u);
  BOOST_TEST(world.run(busy.receive())->opaque == 1);
  BOOST_TEST((world.run(busy.receive()).error() == asio::error::eof));
  BOOST_TEST((world.run(idle.receive()).error() == asio::error::eof));
  BOOST_TEST((world.error_of(world.network.connect(kAddress, world.time.now() + 1s)) ==
              asio::error::connection_refused));
}

BOOST_AUTO_TEST_CASE(stopping_does_not_wait_beyond_its_deadline) {
  ServedWorld world;
  RawPeer busy = world.dial();
  world.run(busy.send(frame_of(request_of(RequestCode::pull_message, 1))));
  world.settle();
  const Instant begin = world.time.now();
  world.stop(300ms);
  BOOST_TEST(to_millis(world.time.now() - begin) == 300);
  BOOST_TEST((world.run(busy.receive()).error() == asio::error::eof));
}
