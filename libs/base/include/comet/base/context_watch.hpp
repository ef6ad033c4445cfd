#pragma once
// For objects that may outlive their execution context, or meet themselves in a forked process.

#include <boost/asio/execution_context.hpp>
#include <functional>
#include <list>
#include <memory>

namespace comet::inline v0_1 {

namespace asio = boost::asio;

// Calls `on_end` when the context is being destroyed: I/O objects and timers that are not in its
// coroutines must go then. Calls `on_fork` in the child when the program says so with
// context.notify_fork(fork_child). Neither after this object has been destroyed.
class ContextWatch {
 public:
  using Call = std::function<void()>;

  ContextWatch(asio::execution_context& context, Call on_end, Call on_fork);
  ~ContextWatch();
  ContextWatch(const ContextWatch&) = delete;
  ContextWatch& operator=(const ContextWatch&) = delete;

  // Whether the context is gone, or this is a child of the process that made the object: nothing
  // may be begun any more. Thread-safe.
  [[nodiscard]] bool is_over() const noexcept;

 private:
  class Service;
  class Watches;
  struct Calls {
    Call on_end;
    Call on_fork;
  };

  std::shared_ptr<Watches> watches_;
  std::list<Calls>::iterator position_;
  int process_;
};

}  // namespace comet::inline v0_1
