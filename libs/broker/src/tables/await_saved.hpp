#pragma once

#include <boost/asio/post.hpp>
#include <memory>
#include <string>
#include <utility>

#include "comet/base/awaitable.hpp"
#include "comet/remoting/handling.hpp"

namespace comet::inline v0_1::broker {

// Waits until an entry of a table is on the disk: a topic or a group. False: its file cannot be
// written.
template <class Table>
class AwaitSaved {
 public:
  AwaitSaved(Table& table, std::string name) : table_(table), name_(std::move(name)) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(remoting::Handling::Handle waiting) {
    const remoting::Handling::Wait wait(waiting);
    const asio::any_io_executor executor = waiting.promise().connection()->executor();
    const auto resume = std::make_shared<remoting::Resume<bool>>(waiting, is_saved_);
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
