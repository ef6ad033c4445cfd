// A send in steady state makes hardly any allocation: what it needs, sends lend each other.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <new>
#include <thread>

#include "comet/base/async.hpp"
#include "comet/base/tcp_network.hpp"
#include "comet/producer/producer.hpp"
#include "comet/remoting/header.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/remoting/server.hpp"

namespace {

thread_local std::size_t allocations = 0;

void* allocate(std::size_t size) {
  ++allocations;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// Of the whole test program; the counter costs the other tests nothing.
void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept {
  return operator new(size, tag);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace comet::test {
namespace {

using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::ResponseCode;

// Name server and broker in one, in a thread of its own, over loopback.
class Peer {
 public:
  Peer() {
    auto handlers = std::make_shared<remoting::Dispatcher>();
    auto route = [this](remoting::Request& request) -> remoting::Reply {
      RemotingCommand answer = RemotingCommand::response(request.command, ResponseCode::success);
      answer.body = route_text();
      return answer;
    };
    auto stored = [](remoting::Request& request) -> remoting::Reply {
      RemotingCommand answer = RemotingCommand::response(request.command, ResponseCode::success);
      answer.fields.add("msgId", "0A00000200002A9F0000000000000000");
      answer.fields.add("queueId", 1);
      answer.fields.add("queueOffset", 7);
      answer.fields.add("MSG_REGION", "DefaultRegion");
      answer.fields.add("TRACE_ON", "true");
      return answer;
    };
    auto noted = [](remoting::Request& request) -> remoting::Reply {
      return RemotingCommand::response(request.command, ResponseCode::success);
    };
    handlers->on(RequestCode::get_routeinfo_by_topic, route);
    handlers->on(RequestCode::send_message_v2, stored);
    handlers->on(RequestCode::heart_beat, noted);
    handlers->on(RequestCode::unregister_client, noted);
    remoting::ServerConfig config;
    config.listen_at = Address("127.0.0.1", 0);
    server_ = std::make_unique<remoting::Server>(
        std::vector{asio::any_io_executor(context_.get_executor())}, network_, real_time(),
        std::move(config), handlers);
    server_->start();
    port_ = server_->local().port();
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Peer() {
    auto stop = [this]() { return server_->stop(real_time().now()); };
    asio::co_spawn(context_, stop(), [this](std::exception_ptr) { work_.reset(); });
    thread_.join();
  }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  [[nodiscard]] std::string route_text() const {
    return R"({"brokerDatas":[{"brokerAddrs":{"0":")" + address() +
           R"("},"brokerName":"broker-a","cluster":"c"}],"filterServerTable":{},)"
           R"("queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,)"
           R"("topicSysFlag":0,"writeQueueNums":4}]})";
  }

  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  TcpNetwork network_;
  std::unique_ptr<remoting::Server> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

asio::awaitable<void> send_each(Producer& producer, std::vector<Message>& messages) {
  for (Message& message : messages) co_await producer.send(std::move(message));
}

constexpr int kSenders = 64;
constexpr int kEach = 300;

// Allocations of this thread for each of the sends of one round.
asio::awaitable<double> count_round(Producer& producer) {
  auto executor = co_await asio::this_coro::executor;
  std::vector<std::vector<Message>> messages(kSenders);
  for (auto& of_sender : messages) {
    for (int i = 0; i < kEach; ++i) of_sender.emplace_back("orders", std::string(1024, 'x'));
  }
  TaskGroup senders(executor, real_time());
  const std::size_t before = allocations;
  for (auto& of_sender : messages) senders.spawn("sender", send_each(producer, of_sender));
  co_await senders.join();
  co_return static_cast<double>(allocations - before) / (kSenders * kEach);
}

asio::awaitable<double> count_allocations(Producer& producer) {
  co_await producer.start();
  co_await count_round(producer);  // warms up
  const double each = co_await count_round(producer);
  co_await producer.shutdown();
  co_return each;
}

BOOST_AUTO_TEST_SUITE(allocation)

BOOST_AUTO_TEST_CASE(a_send_in_steady_state_makes_at_most_three_allocations) {
  Peer peer;
  asio::io_context context(1);
  ProducerConfig config("allocations");
  config.name_servers(peer.address());
  Producer producer(context.get_executor(), config);
  double each = -1;
  std::exception_ptr problem;
  auto on_end = [&](std::exception_ptr error, double counted) {
    problem = error;
    each = counted;
  };
  asio::co_spawn(context, count_allocations(producer), on_end);
  context.run();
  if (problem) std::rethrow_exception(problem);
  BOOST_TEST_MESSAGE("allocations for each send: " << each);
  BOOST_TEST(each > 0);
#ifndef BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING  // sanitizers: frames are never reused
  BOOST_TEST(each <= 3.0);
#endif
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::test
