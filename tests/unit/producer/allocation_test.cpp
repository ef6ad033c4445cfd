// A send in steady state makes hardly any allocation: what it needs, sends lend each other.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/base/async.hpp"
#include "comet/producer/producer.hpp"
#include "counted_allocations.hpp"
#include "loopback_peer.hpp"

namespace comet::inline v0_1::test {
namespace {

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
  LoopbackPeer peer;
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
}  // namespace comet::inline v0_1::test
