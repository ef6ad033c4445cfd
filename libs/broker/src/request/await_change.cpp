#include "request/await_change.hpp"

#include <boost/asio/post.hpp>

namespace comet::inline v0_1::broker {

void AwaitChange::await_suspend(remoting::Handling::Handle waiting) {
  const remoting::Handling::Wait wait(waiting);
  const asio::any_io_executor executor = request_.connection->executor();
  const auto resume = std::make_shared<remoting::Resume<bool>>(waiting, is_saved_);
  const auto done = [resume, executor](bool saved) {
    asio::post(executor, [resume, saved] { (*resume)(saved); });
  };
  // Once `change` has given `done` away, the coroutine may go on and end at any time.
  const auto run = [change = std::move(change_), &problem = problem_, done] {
    try {
      change(done);
    } catch (...) {
      problem = std::current_exception();
      done(false);
    }
  };
  if (is_done_here(helper_, request_)) return run();
  const std::size_t bytes = request_.command.memory_size();
  if (!helper_.has_room(bytes)) {
    problem_ = std::make_exception_ptr(helper_is_busy());
    return done(false);
  }
  const auto large = std::make_shared<HelperThread::LargeJob>(helper_, request_.connection->id());
  helper_.post([run, large] { run(); }, bytes);
}

}  // namespace comet::inline v0_1::broker
