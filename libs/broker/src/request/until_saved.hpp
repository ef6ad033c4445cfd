#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "request/later_answers.hpp"

namespace comet::inline v0_1::broker {

// Asio's initiation; a class, because g++ 12.2 destroys capturing lambdas twice in expressions that
// are awaited.
class StartSaving {
 public:
  explicit StartSaving(std::function<void(Saved)> change) : change_(std::move(change)) {}
  template <class Handler>
  void operator()(Handler&& handler) {
    const asio::any_io_executor executor = asio::get_associated_executor(handler);
    const auto kept = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(handler));
    change_([kept, executor](bool saved) {
      asio::post(executor, [kept, saved] { std::move (*kept)(saved); });
    });
  }

 private:
  std::function<void(Saved)> change_;
};

// Makes a change of a table, which keeps its callback or calls it, and throws nothing; returns
// whether its file is down. Cannot be cancelled. For coroutines; handlers have AwaitChange.
[[nodiscard]] inline asio::awaitable<bool> until_saved(std::function<void(Saved)> change) {
  StartSaving initiation(std::move(change));
  const bool saved = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(bool)>(
      std::move(initiation), asio::use_awaitable);
  co_return saved;
}

}  // namespace comet::inline v0_1::broker
