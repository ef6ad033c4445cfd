#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <optional>

#include "comet/base/turns.hpp"

namespace comet::inline v0_1 {

namespace asio = boost::asio;

class SendCall;  // NOLINT(cppcoreguidelines-virtual-class-destructor): it is final

// Sends that have ended, on their way to the callers.
class Completions {
 public:
  // `together`: all that end at about the same time are completed one after the other by one posted
  // function, which suits callers of a single thread.
  Completions(asio::any_io_executor callers, bool together);
  void add(std::unique_ptr<SendCall> call);
  [[nodiscard]] const asio::any_io_executor& callers() const noexcept { return executor_; }

 private:
  class One;

  asio::any_io_executor executor_;
  std::optional<Turns> together_;  // none: each by itself
};

}  // namespace comet::inline v0_1
