#pragma once

#include <utility>

#include "comet/remoting/handling.hpp"

namespace comet::inline v0_1::broker {

// What a Handling waits for calls this with the result, on the connection's executor. Whoever drops
// it uncalled destroys the coroutine: its executor's context has gone.
template <class Result>
class Resume {
 public:
  Resume(remoting::Handling::Handle waiting, Result& result) noexcept
      : waiting_(waiting), result_(&result) {}
  Resume(Resume&& other) noexcept
      : waiting_(std::exchange(other.waiting_, nullptr)), result_(other.result_) {}
  Resume& operator=(Resume&&) = delete;
  ~Resume() {
    if (waiting_) waiting_.destroy();
  }

  void operator()(Result result) {
    *result_ = std::move(result);
    std::exchange(waiting_, nullptr).resume();
  }

 private:
  remoting::Handling::Handle waiting_;
  Result* result_;
};

}  // namespace comet::inline v0_1::broker
