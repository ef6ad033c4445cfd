#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "tables/background_saver.hpp"

#include "comet/base/awaitable.hpp"

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

}  // namespace comet::inline v0_1::broker
