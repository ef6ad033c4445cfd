#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include "comet/remoting/handling.hpp"
#include "request/helper_thread.hpp"
#include "request/later_answers.hpp"

namespace comet::inline v0_1::broker {

// Makes a change of a table and waits until its file is down; false: it could not be written. Large
// requests are looked at on the helper thread, in the order of their connection
// (later_answers.hpp). `change` keeps its callback, calls it or throws. What it throws, a Refusal
// for instance, is thrown where it is awaited; it must not have given the callback away then.
class AwaitChange {
 public:
  AwaitChange(HelperThread& helper, const remoting::Request& request,
              std::function<void(Saved)> change)
      : helper_(helper), request_(request), change_(std::move(change)) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(remoting::Handling::Handle waiting);
  [[nodiscard]] bool await_resume() const {
    if (problem_) std::rethrow_exception(problem_);
    return is_saved_;
  }

 private:
  HelperThread& helper_;
  const remoting::Request& request_;
  std::function<void(Saved)> change_;
  bool is_saved_ = false;
  std::exception_ptr problem_;
};

}  // namespace comet::inline v0_1::broker
