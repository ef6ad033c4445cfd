#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

#include "comet/base/spawn.hpp"
#include "comet/client/errors.hpp"
#include "comet/producer/blocking_producer.hpp"
#include "comet/producer/producer.hpp"
#include "comet/producer/send_error.hpp"
#include "comet/producer/transaction_producer.hpp"
#include "send_outcome.hpp"

namespace comet::inline v0_1 {

// Throws SendError for a call after the shutdown.
template <class Call>
auto as_send_error(Call call) {
  try {
    return call();
  } catch (const Error& error) {
    if (error.code() != ClientErrc::not_running) throw;
    throw SendError(refused_send(std::current_exception()));
  }
}

// A producer in a thread of its own, and how other threads wait for what it does.
struct BlockingProducer::Impl {
  explicit Impl(ProducerConfig config);
  Impl(ProducerConfig config, BlockingTransactionCheck check);

  [[nodiscard]] Producer& producer() noexcept {
    return transactions ? transactions->producer() : *plain;
  }
  [[nodiscard]] asio::awaitable<void> start() {
    return transactions ? transactions->start() : plain->start();
  }
  // In a thread that shutdown() would wait for.
  [[nodiscard]] bool must_not_wait() const noexcept;
  void shutdown();
  [[nodiscard]] asio::awaitable<void> stop() {
    return transactions ? transactions->shutdown() : plain->shutdown();
  }
  // Throws Error(illegal_config) when there is no check.
  [[nodiscard]] TransactionProducer& transaction_producer();

  // Runs what `begin` makes (in the thread of the context). Throws Error(not_running).
  template <class T, class Begin>
  std::future<T> begin_run(Begin begin) {
    std::promise<T> promise;
    std::future<T> future = promise.get_future();
    auto start = [promise = std::move(promise), begin = std::move(begin), this]() mutable {
      spawn(context.get_executor(), keep_promise(std::move(promise), begin()),
            [](std::exception_ptr) {});
    };
    post(std::move(start));
    return future;
  }
  // The promise lies in the coroutine: the caller may be gone before set_value() has returned.
  template <class T>
  static asio::awaitable<void> keep_promise(std::promise<T> promise, asio::awaitable<T> task) {
    std::exception_ptr problem;
    try {
      if constexpr (std::is_void_v<T>) {
        co_await std::move(task);
        promise.set_value();
      } else {
        promise.set_value(co_await std::move(task));
      }
    } catch (...) {
      problem = std::current_exception();
    }
    // Nothing of the exception is left here when the caller looks at it.
    if (problem) std::exchange(promise, {}).set_exception(std::exchange(problem, nullptr));
  }
  // The same, and waits for its end.
  template <class T, class Begin>
  T run(Begin begin) {
    return begin_run<T>(std::move(begin)).get();
  }

  // The same for what sends, which throws SendError for all that happens before the message has an
  // id, too.
  template <class T, class Begin>
  T run_send(Begin begin) {
    return as_send_error([&] { return run<T>(std::move(begin)); });
  }

  template <class Start>
  void post(Start start) {
    require_another_thread(context);
    const std::lock_guard lock(mutex);
    if (ended) throw Error(ClientErrc::not_running, "the producer has been shut down");
    asio::post(context, std::move(start));
  }

  // The producer whose local transaction this thread runs: its shutdown would wait for that.
  static inline thread_local const Impl* in_local_transaction = nullptr;

  // Throws Error(illegal_call) in the thread that `of` has: it cannot wait for itself.
  template <class Context>
  static void require_another_thread(Context& of) {
    if (!of.get_executor().running_in_this_thread()) return;
    throw Error(ClientErrc::illegal_call, "call of a BlockingProducer in its own thread");
  }

  mutable asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  mutable std::optional<asio::thread_pool> checks;  // where the user's check runs
  std::optional<Producer> plain;                    // one of these two
  std::optional<TransactionProducer> transactions;
  std::mutex shutting_down;
  std::mutex mutex;
  bool ended = false;  // nothing more is posted
  std::thread thread;
};

}  // namespace comet::inline v0_1
