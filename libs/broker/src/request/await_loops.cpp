#include "request/await_loops.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace comet::inline v0_1::broker {
namespace {

void pass(const Loops& loops, std::size_t step, std::function<void()> done) {
  if (step == loops->size()) return done();
  asio::post((*loops)[step], [loops, step, done = std::move(done)]() mutable {
    pass(loops, step + 1, std::move(done));
  });
}

}  // namespace

void AwaitLoops::await_suspend(remoting::Handling::Handle waiting) {
  const remoting::Handling::Wait wait(waiting);
  const asio::any_io_executor home = waiting.promise().connection()->executor();
  const auto resume = std::make_shared<remoting::Resume<bool>>(waiting, have_passed_);
  pass(loops_, 0, [resume, home] { asio::post(home, [resume] { (*resume)(true); }); });
}

}  // namespace comet::inline v0_1::broker
