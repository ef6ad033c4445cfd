// async_send with each kind of completion token.

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <future>

#include "producer_world.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

using Act = FakeBroker::Act;

// Counts what is taken from it.
template <class T>
class CountingAllocator {
 public:
  using value_type = T;
  explicit CountingAllocator(int& balance, int& total) : balance_(&balance), total_(&total) {}
  template <class U>
  CountingAllocator(const CountingAllocator<U>& other)  // NOLINT(google-explicit-constructor)
      : balance_(other.balance_), total_(other.total_) {}
  T* allocate(std::size_t count) {
    ++*balance_;
    ++*total_;
    return std::allocator<T>().allocate(count);
  }
  void deallocate(T* at, std::size_t count) {
    --*balance_;
    std::allocator<T>().deallocate(at, count);
  }
  friend bool operator==(const CountingAllocator&, const CountingAllocator&) { return true; }

 private:
  template <class U>
  friend class CountingAllocator;
  int* balance_;
  int* total_;
};

BOOST_FIXTURE_TEST_SUITE(async_sends, ProducerWorld)

BOOST_AUTO_TEST_CASE(a_callback_is_called_once_and_never_from_within_the_call) {
  start();
  int calls = 0;
  SendOutcome outcome;
  auto on_end = [&](error_code error, SendOutcome ended) {
    ++calls;
    BOOST_TEST(!error);
    outcome = std::move(ended);
  };
  producer->async_send(Message("orders", "x"), on_end);
  BOOST_TEST(calls == 0);
  run_until([&] { return calls > 0; });
  BOOST_TEST(calls == 1);
  BOOST_TEST(outcome.result().status == SendStatus::send_ok);
  producer->async_send(Message("orders", ""), [&](error_code error, const SendOutcome&) {
    ++calls;
    BOOST_TEST(error == make_error_code(ClientErrc::illegal_message));
  });
  BOOST_TEST(calls == 1);
  run_until([&] { return calls == 2; });
}

BOOST_AUTO_TEST_CASE(a_callback_may_be_movable_only) {
  start();
  bool called = false;
  auto owned = std::make_unique<int>(7);
  producer->async_send(Message("orders", "x"), SendOptions().timeout(1s),
                       [&called, owned = std::move(owned)](error_code, const SendOutcome&) {
                         called = *owned == 7;
                       });
  run_until([&] { return called; });
}

BOOST_AUTO_TEST_CASE(a_future_has_the_outcome_or_throws_the_code) {
  start();
  std::future<SendOutcome> good = producer->async_send(Message("orders", "x"), asio::use_future);
  std::future<SendOutcome> bad = producer->async_send(Message("orders", ""), asio::use_future);
  pass(1s);
  BOOST_TEST(good.get().ok());
  BOOST_CHECK_THROW(bad.get(), boost::system::system_error);
}

BOOST_AUTO_TEST_CASE(an_awaitable_tuple_has_both_and_throws_nothing) {
  start();
  both(Act::code(ResponseCode::no_permission));
  auto work = [this]() -> asio::awaitable<void> {
    Message message("orders", "x");
    auto [error, outcome] =
        co_await producer->async_send(std::move(message), asio::as_tuple(asio::use_awaitable));
    BOOST_TEST(error == make_error_code(ResponseCode::no_permission));
    BOOST_TEST(outcome.tries().size() == 3u);
    BOOST_TEST(!outcome.may_be_stored());
  };
  run(work());
}

BOOST_AUTO_TEST_CASE(a_plain_awaitable_returns_the_outcome_of_a_stored_message) {
  start();
  auto work = [this]() -> asio::awaitable<void> {
    Message message("orders", "x");
    const SendOutcome outcome =
        co_await producer->async_send(std::move(message), asio::use_awaitable);
    BOOST_TEST(outcome.ok());
  };
  run(work());
}

BOOST_AUTO_TEST_CASE(a_deferred_send_begins_when_it_is_started) {
  start();
  auto sending = producer->async_send(Message("orders", "x"), asio::deferred);
  pass(1s);
  BOOST_TEST(tries() == 0u);
  bool called = false;
  std::move(sending)([&called](error_code error, const SendOutcome& outcome) {
    called = true;
    BOOST_TEST(!error);
    BOOST_TEST(outcome.ok());
  });
  run_until([&] { return called; });
  BOOST_TEST(tries() == 1u);
}

BOOST_AUTO_TEST_CASE(a_handler_is_called_on_its_executor) {
  start();
  asio::io_context other(1);
  bool called = false;
  auto on_end = [&](error_code error, const SendOutcome&) {
    called = true;
    BOOST_TEST(!error);
    BOOST_TEST(other.get_executor().running_in_this_thread());
    BOOST_TEST(!context.get_executor().running_in_this_thread());
  };
  producer->async_send(Message("orders", "x"), asio::bind_executor(other.get_executor(), on_end));
  pass(1s);
  BOOST_TEST(tries() == 1u);
  BOOST_TEST(!called);
  other.run();  // has had work to wait for
  BOOST_TEST(called);
}

BOOST_AUTO_TEST_CASE(a_handler_on_a_strand_runs_in_it) {
  start();
  auto strand = asio::make_strand(context);
  bool called = false;
  auto on_end = [&](error_code, const SendOutcome&) { called = strand.running_in_this_thread(); };
  producer->async_send(Message("orders", "x"), asio::bind_executor(strand, on_end));
  pass(1s);
  BOOST_TEST(called);
}

BOOST_AUTO_TEST_CASE(the_executor_of_a_context_has_work_until_the_handler_is_called) {
  start();
  asio::io_context other(1);
  producer->async_send(Message("orders", "x"),
                       asio::bind_executor(other.get_executor(), [](error_code, SendOutcome) {}));
  other.poll();
  BOOST_TEST(!other.stopped());
  pass(1s);
  other.poll();
  BOOST_TEST(other.stopped());
}

BOOST_AUTO_TEST_CASE(the_handlers_allocator_gives_the_memory_of_the_call) {
  start();
  int balance = 0;
  int total = 0;
  bool called = false;
  auto on_end = [&](error_code, const SendOutcome&) {
    called = true;
    BOOST_TEST(balance == 0);  // given back before the call
  };
  const CountingAllocator<void*> allocator(balance, total);
  producer->async_send(Message("orders", "x"), asio::bind_allocator(allocator, on_end));
  run_until([&] { return called; });
  BOOST_TEST(total > 0);
  BOOST_TEST(balance == 0);
}

BOOST_AUTO_TEST_CASE(a_slot_cancels_the_send_and_may_be_emitted_late) {
  start();
  both(Act::hang());
  asio::cancellation_signal signal;
  int calls = 0;
  auto on_end = [&](error_code error, const SendOutcome&) {
    ++calls;
    BOOST_TEST(error == make_error_code(asio::error::operation_aborted));
  };
  producer->async_send(Message("orders", "x"), asio::bind_cancellation_slot(signal.slot(), on_end));
  settle();
  signal.emit(asio::cancellation_type::terminal);
  settle();
  BOOST_TEST(calls == 1);
  signal.emit(asio::cancellation_type::terminal);
  settle();
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(an_erased_handler_is_a_token_like_others) {
  start();
  bool called = false;
  asio::any_completion_handler<void(error_code, SendOutcome)> erased =
      [&called](error_code, const SendOutcome&) { called = true; };
  producer->async_send(Message("orders", "x"), std::move(erased));
  run_until([&] { return called; });
}

BOOST_AUTO_TEST_CASE(a_single_threaded_producer_does_all_of_it_as_well) {
  start(config().single_threaded(true));
  bool called = false;
  producer->async_send(Message("orders", "x"), [&](error_code error, const SendOutcome& outcome) {
    called = true;
    BOOST_TEST(!error);
    BOOST_TEST(outcome.ok());
  });
  BOOST_TEST(!called);
  run_until([&] { return called; });
  BOOST_TEST(send().status == SendStatus::send_ok);
}

BOOST_AUTO_TEST_CASE(a_coroutine_of_another_context_gets_its_result_there) {
  start();
  asio::io_context other(1);
  bool done = false;
  auto work = [&]() -> asio::awaitable<void> {
    Message message("orders", "x");
    SendResult result = co_await producer->send(std::move(message));
    BOOST_TEST(result.status == SendStatus::send_ok);
    BOOST_TEST(other.get_executor().running_in_this_thread());
    done = true;
  };
  auto on_end = [](std::exception_ptr problem) { BOOST_TEST(!problem); };
  asio::co_spawn(other, work(), on_end);
  other.poll();
  pass(1s);
  other.run();
  BOOST_TEST(done);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
