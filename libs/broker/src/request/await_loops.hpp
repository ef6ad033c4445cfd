#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "comet/remoting/handling.hpp"

namespace comet::inline v0_1::broker {

// The executors of the broker's event loops, the first one its home.
using Loops = std::shared_ptr<const std::vector<asio::any_io_executor>>;

// Waits until every event loop has done what it had begun: a handler that has looked at a table
// before has then handed to the store what it was going to store, unless it has waited meanwhile
// and looks again. For who changes a table and must not be overtaken by those that have seen the
// old one.
class AwaitLoops {
 public:
  explicit AwaitLoops(Loops loops) noexcept : loops_(std::move(loops)) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(remoting::Handling::Handle waiting);
  void await_resume() const noexcept {}

 private:
  Loops loops_;
  bool have_passed_ = false;
};

}  // namespace comet::inline v0_1::broker
