// A producer on a context that several threads run, over real connections; run with
// ThreadSanitizer.

#include <sys/wait.h>
#include <unistd.h>
#include <list>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <future>
#include <optional>
#include <thread>

#include "comet/producer/producer.hpp"
#include "comet/producer/transaction_producer.hpp"
#include "loopback_peer.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

// A context and the threads that run it.
class Threads {
 public:
  explicit Threads(int count) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this] { context_->run(); });
  }
  ~Threads() { join(); }
  // Returns when there is no work left.
  void join() {
    work_.reset();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  void stop() {
    context_->stop();
    join();
  }
  void destroy_context() { context_.reset(); }
  [[nodiscard]] asio::io_context& context() { return *context_; }
  [[nodiscard]] asio::any_io_executor executor() { return context_->get_executor(); }
  // A result that does not come fails the test.
  template <class T>
  T wait_for(std::future<T> future) {
    BOOST_REQUIRE(future.wait_for(60s) == std::future_status::ready);
    return future.get();
  }

 private:
  std::optional<asio::io_context> context_{std::in_place};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_->get_executor()};
  std::vector<std::thread> threads_;
};

class ThreadedProducer {
 public:
  explicit ThreadedProducer(int count) : threads(count) {
    ProducerConfig config("threads");
    config.name_servers(peer.address());
    producer = std::make_unique<Producer>(threads.executor(), config);
    threads.wait_for(asio::co_spawn(threads.executor(), producer->start(), asio::use_future));
  }
  void shut_down() {
    threads.wait_for(asio::co_spawn(threads.executor(), producer->shutdown(), asio::use_future));
  }
  // Sends from outside whose handlers count.
  void send_some(int count) {
    for (int i = 0; i < count; ++i) {
      producer->async_send(Message("orders", "x"), [this](error_code error, const SendOutcome&) {
        ++(error ? failed : stored);
      });
    }
  }
  void wait_for_sends(int count) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (peer.sends < count && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    BOOST_REQUIRE(peer.sends >= count);
  }

  LoopbackPeer peer;
  Threads threads;
  std::unique_ptr<Producer> producer;
  std::atomic<int> stored = 0;
  std::atomic<int> failed = 0;
};

BOOST_AUTO_TEST_SUITE(threads)

BOOST_AUTO_TEST_CASE(coroutines_and_callbacks_of_one_two_and_four_threads_share_a_producer) {
  for (const int count : {1, 2, 4}) {
    BOOST_TEST_CONTEXT(count << " threads") {
      ThreadedProducer world(count);
      auto send = [&]() -> asio::awaitable<void> {
        for (int i = 0; i < 40; ++i) {
          Message message("orders", std::string(100, 'x'));
          const SendResult result = co_await world.producer->send(std::move(message));
          if (result.status == SendStatus::send_ok) ++world.stored;
        }
      };
      std::vector<std::future<void>> senders;
      for (int i = 0; i < 8; ++i) {
        senders.push_back(asio::co_spawn(world.threads.executor(), send(), asio::use_future));
      }
      std::thread outside([&] { world.send_some(100); });
      world.send_some(100);
      outside.join();
      for (auto& sender : senders) world.threads.wait_for(std::move(sender));
      world.shut_down();
      world.threads.join();
      BOOST_TEST(world.stored == 8 * 40 + 200);
      BOOST_TEST(world.failed == 0);
      BOOST_TEST(world.peer.connections == 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(transactions_of_one_two_and_four_threads_share_a_producer) {
  for (const int count : {1, 2, 4}) {
    BOOST_TEST_CONTEXT(count << " threads") {
      LoopbackPeer peer;
      Threads threads(count);
      ProducerConfig config("threads");
      config.name_servers(peer.address());
      TransactionProducer producer(threads.executor(), config, {});
      threads.wait_for(asio::co_spawn(threads.executor(), producer.start(), asio::use_future));
      std::atomic<int> ended = 0;
      auto work = [&]() -> asio::awaitable<void> {
        for (int i = 0; i < 20; ++i) {
          Message message("orders", "x");
          Transaction transaction = co_await producer.begin(std::move(message));
          auto end = i % 2 == 0 ? transaction.commit() : transaction.rollback();
          const error_code error = co_await std::move(end);
          if (!error && !transaction.is_open()) ++ended;
        }
      };
      auto decide = [](const Message&) -> asio::awaitable<TransactionState> {
        co_return TransactionState::commit;
      };
      auto whole = [&]() -> asio::awaitable<void> {
        for (int i = 0; i < 10; ++i) {
          Message message("orders", "x");
          const TransactionResult result =
              co_await producer.send_in_transaction(std::move(message), decide);
          if (!result.end_error) ++ended;
        }
      };
      std::vector<std::future<void>> workers;
      for (int i = 0; i < 4; ++i) {
        workers.push_back(asio::co_spawn(threads.executor(), work(), asio::use_future));
        workers.push_back(asio::co_spawn(threads.executor(), whole(), asio::use_future));
      }
      for (auto& worker : workers) threads.wait_for(std::move(worker));
      threads.wait_for(asio::co_spawn(threads.executor(), producer.shutdown(), asio::use_future));
      threads.join();
      BOOST_TEST(ended == 4 * 30);
      BOOST_TEST(peer.sends == 4 * 30);
      BOOST_TEST(peer.connections == 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_open_transaction_may_outlive_a_stopped_context_and_its_producer) {
  for (const int count : {1, 2, 4}) {
    LoopbackPeer peer;
    Threads threads(count);
    ProducerConfig config("threads");
    config.name_servers(peer.address());
    auto producer =
        std::make_unique<TransactionProducer>(threads.executor(), config, TransactionCheck());
    threads.wait_for(asio::co_spawn(threads.executor(), producer->start(), asio::use_future));
    auto begin = producer->begin(Message("orders", "x"));
    Transaction open =
        threads.wait_for(asio::co_spawn(threads.executor(), std::move(begin), asio::use_future));
    threads.stop();
    threads.destroy_context();
    producer.reset();
    BOOST_TEST(open.is_open());
  }
}

BOOST_AUTO_TEST_CASE(a_thread_pool_is_an_executor_as_well) {
  for (const int count : {1, 2, 4}) {
    LoopbackPeer peer;
    asio::thread_pool pool(static_cast<std::size_t>(count));
    ProducerConfig config("pool");
    config.name_servers(peer.address());
    Producer producer(pool.get_executor(), config);
    asio::co_spawn(pool, producer.start(), asio::use_future).get();
    BOOST_TEST(producer.async_send(Message("orders", "x"), asio::use_future).get().ok());
    asio::co_spawn(pool, producer.shutdown(), asio::use_future).get();
    pool.join();
  }
}

BOOST_AUTO_TEST_CASE(sends_are_cancelled_from_other_threads) {
  for (const int count : {1, 2, 4}) {
    ThreadedProducer world(count);
    world.peer.silent = true;
    class Send {
     public:
      explicit Send(asio::io_context& context) : strand(context.get_executor()) {}
      asio::strand<asio::io_context::executor_type> strand;
      asio::cancellation_signal signal;
    };
    constexpr int kSends = 50;
    std::list<Send> sends;
    std::atomic<int> cancelled = 0;
    auto on_end = [&](error_code error, const SendOutcome& outcome) {
      if (error == asio::error::operation_aborted && outcome.message_id().size() == 32u)
        ++cancelled;
    };
    for (int i = 0; i < kSends; ++i) {
      Send& send = sends.emplace_back(world.threads.context());
      world.producer->async_send(Message("orders", "x"),
                                 asio::bind_executor(send.strand, asio::bind_cancellation_slot(
                                                                      send.signal.slot(), on_end)));
    }
    world.wait_for_sends(kSends / 2);
    for (Send& send : sends) {
      asio::post(send.strand, [&send] { send.signal.emit(asio::cancellation_type::terminal); });
    }
    world.shut_down();
    world.threads.join();
    BOOST_TEST(cancelled == kSends);
  }
}

BOOST_AUTO_TEST_CASE(a_producer_is_destroyed_from_another_thread_while_it_sends) {
  for (const int count : {1, 2, 4}) {
    ThreadedProducer world(count);
    world.send_some(200);
    world.producer.reset();
    world.threads.join();  // the sends end, then the connections
    BOOST_TEST(world.stored + world.failed == 200);
    BOOST_TEST(world.stored > 0);
  }
}

BOOST_AUTO_TEST_CASE(a_stopped_context_and_its_producer_go_in_any_order) {
  for (const int count : {1, 2, 4}) {
    for (const bool producer_first : {true, false}) {
      ThreadedProducer world(count);
      world.peer.silent = true;
      world.send_some(50);
      world.wait_for_sends(1);
      world.threads.stop();
      if (producer_first) {
        world.producer.reset();
        world.threads.destroy_context();
      } else {
        world.threads.destroy_context();
        world.producer.reset();
      }
      BOOST_TEST(world.stored == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_context_that_ends_destroys_the_coroutines_that_wait_in_it) {
  for (const int count : {1, 2, 4}) {
    class Guard {
     public:
      explicit Guard(bool& gone) : gone_(gone) {}
      ~Guard() { gone_ = true; }

     private:
      bool& gone_;
    };
    bool gone = false;
    {
      ThreadedProducer world(count);
      world.peer.silent = true;
      auto send = [&]() -> asio::awaitable<void> {
        const Guard guard(gone);
        Message message("orders", "x");
        co_await world.producer->send(std::move(message));
      };
      asio::co_spawn(world.threads.executor(), send(), [](std::exception_ptr) {});
      world.wait_for_sends(1);
      world.threads.stop();
      world.threads.destroy_context();
      BOOST_TEST(gone);
    }
  }
}

// What a child does to its copy of a producer; its exit code.
template <class InChild>
int in_child(InChild act) {
  const pid_t child = ::fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    act();
    ::_exit(0);
  }
  int status = -1;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

class Forking {
 public:
  Forking() {
    ProducerConfig config("fork");
    config.name_servers(peer.address());
    producer = std::make_unique<Producer>(context->get_executor(), config);
    run(producer->start());
    send();
  }
  ~Forking() {
    run(producer->shutdown());
    producer.reset();
  }
  void run(asio::awaitable<void> task) {
    std::exception_ptr problem;
    bool done = false;
    asio::co_spawn(*context, std::move(task), [&](std::exception_ptr error) {
      done = true;
      problem = error;
    });
    context->restart();
    while (!done && context->run_one_for(60s) > 0) {
    }
    BOOST_TEST(done);
    BOOST_TEST(!problem);
  }
  void send() {
    auto work = [this]() -> asio::awaitable<void> {
      Message message("orders", "x");
      co_await producer->send(std::move(message));
    };
    run(work());
  }
  void check_parent() {
    for (int i = 0; i < 3; ++i) send();
    BOOST_TEST(peer.connections == 1);  // the one from before
  }

  LoopbackPeer peer;
  std::optional<asio::io_context> context{std::in_place, 1};
  std::unique_ptr<Producer> producer;
};

BOOST_AUTO_TEST_CASE(a_child_that_exits_leaves_the_parents_connections_alone) {
  Forking world;
  BOOST_TEST(in_child([] {}) == 0);
  world.check_parent();
}

BOOST_AUTO_TEST_CASE(a_child_that_destroys_the_producer_leaves_the_parents_connections_alone) {
  for (const bool with_context : {false, true}) {
    Forking world;
    const int status = in_child([&] {
      world.producer.reset();
      if (with_context) world.context.reset();
    });
    BOOST_TEST(status == 0);
    world.check_parent();
  }
}

BOOST_AUTO_TEST_CASE(a_child_that_goes_on_with_the_context_has_copies_that_are_closed) {
  Forking world;
  world.context->notify_fork(asio::io_context::fork_prepare);
  const int status = in_child([&] {
    world.context->notify_fork(asio::io_context::fork_child);
    bool refused = false;
    world.producer->async_send(Message("orders", "x"), [&](error_code error, const SendOutcome&) {
      refused = error == make_error_code(ClientErrc::not_running);
    });
    world.context->restart();
    world.context->run_for(200ms);
    world.producer.reset();
    world.context.reset();
    if (!refused) ::_exit(7);
  });
  world.context->notify_fork(asio::io_context::fork_parent);
  BOOST_TEST(status == 0);
  world.check_parent();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
