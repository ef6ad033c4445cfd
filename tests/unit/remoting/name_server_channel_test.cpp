// RocketMQ's rule for the choice among several name servers.
#include "comet/remoting/name_server_channel.hpp"

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>

#include "comet/remoting/server.hpp"
#include "remoting_world.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace comet::remoting::test;

namespace {

class NameServer {
 public:
  std::unique_ptr<Server> server;
  int asked = 0;
  ResponseCode answer = ResponseCode::success;
  bool silent = false;
};

class ChannelWorld : public RemotingWorld {
 public:
  explicit ChannelWorld(int count, std::uint64_t seed = 1) : client(executor(), network, time) {
    for (int i = 1; i <= count; ++i) addresses.emplace_back("ns" + std::to_string(i), 9876);
    for (const Address& address : addresses) start(address);
    channel = std::make_unique<NameServerChannel>(client, time, addresses, seed);
  }
  ~ChannelWorld() {
    run(client.stop());
    for (auto& [address, one] : servers) {
      if (one.server) run(one.server->stop(time.now()));
    }
    settle();
  }

  void start(const Address& address) {
    NameServer& one = servers[address];
    ServerConfig config;
    config.listen_at = address;
    auto handlers = std::make_shared<Dispatcher>();
    handlers->otherwise([&one](Request& request) -> Reply {
      ++one.asked;
      if (one.silent) return std::nullopt;
      return RemotingCommand::response(request.command, one.answer, "from the test");
    });
    const std::vector<asio::any_io_executor> executors{executor()};
    one.server = std::make_unique<Server>(executors, network, time, config, handlers);
    one.server->start();
    settle();
  }
  asio::awaitable<RemotingCommand> ask(Duration timeout = 3s) {
    RemotingCommand request = RemotingCommand::request(RequestCode::get_routeinfo_by_topic);
    return channel->ask(std::move(request), time.now() + timeout);
  }
  NameServer& in_use() { return servers[channel->current()]; }
  int asked() const {
    int sum = 0;
    for (const auto& [address, one] : servers) sum += one.asked;
    return sum;
  }

  std::vector<Address> addresses;
  std::map<Address, NameServer> servers;
  Client client;
  std::unique_ptr<NameServerChannel> channel;
};

}  // namespace

BOOST_AUTO_TEST_CASE(one_name_server_is_used_until_it_fails_then_the_next) {
  ChannelWorld world(3);
  const Address first = world.channel->current();
  for (int i = 0; i < 5; ++i) world.run(world.ask());
  BOOST_TEST(world.servers[first].asked == 5);
  BOOST_TEST(world.asked() == 5);

  world.network.set_down(first.host(), true);
  BOOST_TEST((world.run(world.ask()).response_code() == ResponseCode::success));
  const Address second = world.channel->current();
  BOOST_TEST((second != first));
  world.network.set_down(first.host(), false);
  for (int i = 0; i < 4; ++i) world.run(world.ask());
  BOOST_TEST(world.servers[second].asked == 5);  // it stays though the first is back
  BOOST_TEST(world.servers[first].asked == 5);
}

BOOST_AUTO_TEST_CASE(the_first_choice_depends_on_the_seed_and_reaches_every_server) {
  std::set<Address> chosen;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    ChannelWorld world(3, seed);
    chosen.insert(world.channel->current());
  }
  BOOST_TEST(chosen.size() == 3u);
}

BOOST_AUTO_TEST_CASE(answers_that_say_that_a_server_cannot_serve_lead_to_the_next) {
  for (ResponseCode code : {ResponseCode::system_error, ResponseCode::system_busy,
                            ResponseCode::request_code_not_supported, ResponseCode::go_away}) {
    ChannelWorld world(2);
    const Address first = world.channel->current();
    world.servers[first].answer = code;
    BOOST_TEST((world.run(world.ask()).response_code() == ResponseCode::success));
    BOOST_TEST((world.channel->current() != first));
  }
}

BOOST_AUTO_TEST_CASE(other_answers_are_the_answer) {
  ChannelWorld world(2);
  const Address first = world.channel->current();
  world.servers[first].answer = ResponseCode::topic_not_exist;
  BOOST_TEST((world.run(world.ask()).response_code() == ResponseCode::topic_not_exist));
  BOOST_TEST((world.channel->current() == first));
}

BOOST_AUTO_TEST_CASE(a_silent_server_leaves_time_for_the_next) {
  ChannelWorld world(3);
  world.in_use().silent = true;
  const Instant begin = world.time.now();
  BOOST_TEST((world.run(world.ask(3s)).response_code() == ResponseCode::success));
  BOOST_TEST(to_millis(world.time.now() - begin) == 1000);
}

BOOST_AUTO_TEST_CASE(when_none_answers_the_error_names_each_with_its_reason) {
  ChannelWorld world(3);
  const Address refusing = world.channel->current();
  world.network.set_down(refusing.host(), true);
  std::string silent;
  std::string busy;
  for (const Address& address : world.addresses) {
    if (address == refusing) continue;
    if (silent.empty()) {
      silent = address.to_string();
      world.servers[address].silent = true;
    } else {
      busy = address.to_string();
      world.servers[address].answer = ResponseCode::system_busy;
    }
  }
  BOOST_TEST((world.error_of(world.ask()) == RemotingErrc::no_name_server));
  const std::string& text = world.last_message;
  BOOST_TEST(text.find(refusing.to_string() + " (Connection refused)") != std::string::npos, text);
  BOOST_TEST(text.find(silent + " (no answer within ") != std::string::npos, text);
  BOOST_TEST(text.find(busy + " (SYSTEM_BUSY: from the test)") != std::string::npos, text);
  BOOST_TEST(text.find("check that") != std::string::npos, text);
}

BOOST_AUTO_TEST_CASE(giving_up_the_current_server_closes_its_connection) {
  ChannelWorld world(2);
  const Address first = world.channel->current();
  world.run(world.ask());
  world.channel->give_up_current();
  world.settle();
  BOOST_TEST(world.servers[first].server->connections() == 0u);
  world.run(world.ask());
  BOOST_TEST(world.servers[first].asked == 1);
}

BOOST_AUTO_TEST_CASE(requests_that_fail_together_move_on_by_one_server_only) {
  ChannelWorld world(3);
  const Address first = world.channel->current();
  world.servers[first].answer = ResponseCode::system_error;
  TaskGroup tasks(world.executor(), world.time);
  auto one = [](ChannelWorld& in) -> asio::awaitable<void> {
    RemotingCommand answer = co_await in.ask();
    BOOST_TEST((answer.response_code() == ResponseCode::success));
  };
  for (int i = 0; i < 10; ++i) tasks.spawn("ask", one(world));
  world.run(tasks.join());
  BOOST_TEST(world.servers[first].asked == 10);
  BOOST_TEST(world.in_use().asked == 10);
}

BOOST_AUTO_TEST_CASE(a_cancelled_request_says_nothing_about_the_server) {
  ChannelWorld world(2);
  const Address first = world.channel->current();
  world.in_use().silent = true;
  TaskGroup tasks(world.executor(), world.time);
  auto one = [](ChannelWorld& in) -> asio::awaitable<void> { co_await in.ask(); };
  tasks.spawn("ask", one(world));
  world.settle();
  tasks.cancel();
  world.run(tasks.join());
  BOOST_TEST((world.channel->current() == first));
  BOOST_TEST(world.channel->list().find(first.to_string()) == 0u);
}
