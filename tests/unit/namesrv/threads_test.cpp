// Connections on several threads over real sockets; what the thread sanitizer looks at.

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <future>
#include <list>
#include <string>
#include <vector>

#include "comet/base/tcp_network.hpp"
#include "loop.hpp"
#include "name_server_fixture.hpp"

using namespace comet;
using namespace comet::test;

namespace {

// Registers, queries and leaves again and again; returns how often its own topic had a route.
asio::awaitable<int> live(asio::any_io_executor executor, Network& network, Address name_server,
                          std::string name, int rounds) {
  TimeSource& time = real_time();
  const auto header = broker_header(name, name + ":10911");
  const std::string body = to_json(broker_body({name, "shared"}));
  remoting::GetRouteInfoHeader own;
  own.topic = name;
  own.watch = true;
  remoting::GetRouteInfoHeader shared;
  shared.topic = "shared";
  shared.watch = true;  // the others' changes come while this one is at work
  int found = 0;
  for (int round = 0; round < rounds; ++round) {
    remoting::Client client(executor, network, time);
    auto registration =
        RemotingCommand::request(RequestCode::register_broker, header, Body(std::string(body)));
    co_await client.invoke(name_server, std::move(registration), time.now() + 30s);
    auto query = RemotingCommand::request(RequestCode::get_routeinfo_by_topic, own);
    const auto answer = co_await client.invoke(name_server, std::move(query), time.now() + 30s);
    if (answer.response_code() == ResponseCode::success) ++found;
    query = RemotingCommand::request(RequestCode::get_routeinfo_by_topic, shared);
    co_await client.invoke(name_server, std::move(query), time.now() + 30s);
    auto list = RemotingCommand::request(RequestCode::get_broker_cluster_info);
    co_await client.invoke(name_server, std::move(list), time.now() + 30s);
    co_await client.stop();
  }
  co_return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(name_server_threads)

BOOST_DATA_TEST_CASE(brokers_on_several_threads_find_their_own_topics,
                     boost::unit_test::data::make({false, true}), with_worker) {
  constexpr int kRounds = 20;
  TcpNetwork network;
  std::list<Loop> loops(2);
  namesrv::NameServerConfig config;
  config.listen_at = Address("127.0.0.1", 0);
  config.scan_interval = 1ms;
  Loop worker;
  namesrv::NameServer server(executors_of(loops), network, real_time(), std::move(config),
                             with_worker ? worker.executor() : asio::any_io_executor());
  auto start = [](namesrv::NameServer& name_server) -> asio::awaitable<void> {
    name_server.start();
    co_return;
  };
  loops.front().spawn(start(server)).get();
  const Address address("127.0.0.1", server.local().port());

  Loop clients;
  std::vector<std::future<int>> lives;
  for (int broker = 0; broker < 6; ++broker) {
    lives.push_back(clients.spawn(
        live(clients.executor(), network, address, "broker-" + std::to_string(broker), kRounds)));
  }
  // Whether the close of the last round's connection comes before or after the next registration:
  // it must not take the new one away.
  while (lives.back().wait_for(1ms) != std::future_status::ready) (void)server.stats();
  for (std::future<int>& life : lives) BOOST_TEST(life.get() == kRounds);
  loops.front().spawn(server.stop(real_time().now() + 5s)).get();
  BOOST_TEST(server.stats().route_watches == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
