#include "comet/base/context_watch.hpp"

#include <unistd.h>

#include <mutex>
#include <utility>
#include <vector>

namespace comet::inline v0_1 {

// Those of one context. Outlives it with the last watch.
class ContextWatch::Watches {
 public:
  std::mutex mutex;
  std::list<Calls> calls;
  bool ended = false;
};

class ContextWatch::Service : public asio::execution_context::service {
 public:
  static asio::execution_context::id id;  // NOLINT(readability-identifier-naming): Asio's name

  explicit Service(asio::execution_context& context)
      : asio::execution_context::service(context), watches(std::make_shared<Watches>()) {}

  const std::shared_ptr<Watches> watches;

 private:
  void shutdown() override {
    for (const Calls& watch : copy(true)) watch.on_end();
  }
  void notify_fork(asio::execution_context::fork_event event) override {
    if (event != asio::execution_context::fork_child) return;
    for (const Calls& watch : copy(false)) watch.on_fork();
  }
  std::vector<Calls> copy(bool ends) {
    const std::lock_guard lock(watches->mutex);
    watches->ended |= ends;
    return {watches->calls.begin(), watches->calls.end()};
  }
};

asio::execution_context::id ContextWatch::Service::id;

ContextWatch::ContextWatch(asio::execution_context& context, Call on_end, Call on_fork)
    : watches_(asio::use_service<Service>(context).watches), process_(::getpid()) {
  const std::lock_guard lock(watches_->mutex);
  position_ =
      watches_->calls.insert(watches_->calls.end(), Calls{std::move(on_end), std::move(on_fork)});
}

ContextWatch::~ContextWatch() {
  const std::lock_guard lock(watches_->mutex);
  watches_->calls.erase(position_);
}

bool ContextWatch::is_over() const noexcept {
  if (process_ != ::getpid()) return true;
  const std::lock_guard lock(watches_->mutex);
  return watches_->ended;
}

}  // namespace comet::inline v0_1
