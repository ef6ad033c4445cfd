// The remoting client and server over TLS: in virtual time, and over TCP with several threads,
// where ThreadSanitizer watches.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <future>

#include "comet/base/tcp_network.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/server.hpp"
#include "loop.hpp"
#include "tls_world.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace std::chrono_literals;
using comet::test::Loop;
using comet::test::TlsWorld;
using comet::test::wait_for;

namespace {

std::shared_ptr<Dispatcher> make_echo() {
  auto handlers = std::make_shared<Dispatcher>();
  handlers->on(RequestCode::heart_beat, [](Request& request) -> Reply {
    RemotingCommand reply = RemotingCommand::response(request.command, ResponseCode::success);
    reply.body = request.command.body;
    return reply;
  });
  return handlers;
}

asio::awaitable<std::size_t> call_many(Client& client, Address to, TimeSource& time, int count) {
  std::size_t right = 0;
  for (int i = 0; i < count; ++i) {
    std::string body =
        std::to_string(i) + std::string(static_cast<std::size_t>(i * 3701 % 90'000), 'x');
    RemotingCommand request =
        RemotingCommand::request(RequestCode::heart_beat, Body(std::string(body)));
    RemotingCommand answer = co_await client.invoke(to, std::move(request), time.now() + 30s);
    if (answer.body.view() == body) ++right;
  }
  co_return right;
}

}  // namespace

BOOST_AUTO_TEST_CASE(client_and_server_work_over_tls_beside_plain_clients) {
  TlsWorld world;
  world.network.set_latency(1ms);
  auto network = world.serving(world.files.server());
  ServerConfig config;
  config.listen_at = world.at;
  const std::vector<asio::any_io_executor> executors{world.executor()};
  Server server(executors, *network, world.time, config, make_echo());
  server.start();
  auto tls = world.connecting(world.files.client());
  Client secure(world.executor(), *tls, world.time);
  Client plain(world.executor(), world.network, world.time);
  TaskGroup callers(world.executor(), world.time);
  std::size_t right = 0;
  auto call = [&](Client& client) -> asio::awaitable<void> {
    right += co_await call_many(client, world.at, world.time, 20);
  };
  for (int i = 0; i < 4; ++i) {
    callers.spawn("secure", call(secure));
    callers.spawn("plain", call(plain));
  }
  world.run(callers.join());
  BOOST_TEST(right == 160u);
  BOOST_TEST(server.connections() == 2u);
  world.run(secure.stop());
  world.run(plain.stop());
  world.run(server.stop(world.time.now() + 1s));
  BOOST_TEST(server.connections() == 0u);
}

BOOST_AUTO_TEST_CASE(a_request_to_a_server_that_is_not_trusted_fails_and_says_why) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  ServerConfig config;
  config.listen_at = world.at;
  const std::vector<asio::any_io_executor> executors{world.executor()};
  Server server(executors, *network, world.time, config, make_echo());
  server.start();
  TlsClientConfig elsewhere = world.files.client();
  elsewhere.server_name = "elsewhere";
  auto tls = world.connecting(elsewhere);
  Client client(world.executor(), *tls, world.time);
  BOOST_CHECK_EXCEPTION(world.run(call_many(client, world.at, world.time, 1)), Error,
                        [](const Error& problem) { return problem.code() == TlsErrc::wrong_host; });
  world.run(client.stop());
  world.run(server.stop(world.time.now() + 1s));
}

BOOST_AUTO_TEST_CASE(tls_over_tcp_works_with_several_threads_while_certificates_are_reloaded) {
  comet::test::TlsFiles files;
  TcpNetwork tcp;
  TlsConfig settings;
  settings.server = files.server();
  settings.client = files.client();
  TlsNetwork network(tcp, settings);
  Loop server_a, server_b, client_core;
  ServerConfig config;
  config.listen_at = Address("127.0.0.1", 0);
  const std::vector<asio::any_io_executor> executors{server_a.executor(), server_b.executor()};
  Server server(executors, network, real_time(), config, make_echo());
  server.start();
  const Address address("127.0.0.1", server.local().port());

  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::future<std::size_t>> calls;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<Client>(client_core.executor(), network, real_time()));
    calls.push_back(asio::co_spawn(client_core.context,
                                   call_many(*clients.back(), address, real_time(), 30),
                                   asio::use_future));
    network.reload();
  }
  std::size_t right = 0;
  for (auto& call : calls) right += wait_for(std::move(call));
  BOOST_TEST(right == 360u);
  for (auto& client : clients) {
    wait_for(asio::co_spawn(client_core.context, client->stop(), asio::use_future));
  }
  wait_for(asio::co_spawn(server_a.context, server.stop(real_time().now() + 5s), asio::use_future));
}
