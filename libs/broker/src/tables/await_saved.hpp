#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "comet/base/awaitable.hpp"
#include "comet/remoting/handling.hpp"
#include "request/resume.hpp"
#include "tables/background_saver.hpp"

namespace comet::inline v0_1::broker {

// Asio's initiation; a class, because g++ 12.2 destroys capturing lambdas twice in expressions that
// are awaited.
class StartSaving {
 public:
  explicit StartSaving(std::function<void(BackgroundSaver::Done)> start)
      : start_(std::move(start)) {}
  template <class Handler>
  void operator()(Handler&& handler) {
    const asio::any_io_executor executor = asio::get_associated_executor(handler);
    const auto kept = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(handler));
    start_([kept, executor](bool saved) {
      asio::post(executor, [kept, saved] { std::move (*kept)(saved); });
    });
  }

 private:
  std::function<void(BackgroundSaver::Done)> start_;
};

// Whether the file was written: `start` gets what is to be called then.
[[nodiscard]] inline asio::awaitable<bool> await_saved(
    std::function<void(BackgroundSaver::Done)> start) {
  StartSaving initiation(std::move(start));
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(bool)>(
      std::move(initiation), asio::use_awaitable);
}

// The same for a Handling, of one entry of a table: a topic or a group. False: its file cannot be
// written.
template <class Table>
class AwaitSaved {
 public:
  AwaitSaved(Table& table, std::string name) : table_(table), name_(std::move(name)) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(remoting::Handling::Handle waiting) {
    waiting.promise().will_wait();
    const asio::any_io_executor executor = waiting.promise().connection()->executor();
    const auto resume = std::make_shared<Resume<bool>>(waiting, is_saved_);
    const auto done = [resume, executor](bool saved) {
      asio::post(executor, [resume, saved] { (*resume)(saved); });
    };
    if (!table_.when_saved(name_, done)) done(true);  // it was saved this moment
  }
  [[nodiscard]] bool await_resume() const noexcept { return is_saved_; }

 private:
  Table& table_;
  std::string name_;
  bool is_saved_ = false;
};

}  // namespace comet::inline v0_1::broker
