#pragma once

#include <cstddef>
#include <utility>

#include "comet/base/time.hpp"

namespace comet::inline v0_1::client {

// Bounds the lines about one kind of event: so many in a period, the others are counted.
class LineLimit {
 public:
  LineLimit(std::size_t most, Duration period) noexcept : most_(most), period_(period) {}

  // Whether this event gets a line.
  [[nodiscard]] bool allows(Instant now) noexcept {
    if (now >= ends_) {
      ends_ = now + period_;
      told_ = 0;
    }
    if (told_ < most_) return ++told_, true;
    ++untold_;
    return false;
  }
  // The events without a line since the last call.
  [[nodiscard]] std::size_t take_untold() noexcept { return std::exchange(untold_, 0); }

 private:
  std::size_t most_;
  Duration period_;
  Instant ends_{};
  std::size_t told_ = 0;
  std::size_t untold_ = 0;
};

}  // namespace comet::inline v0_1::client
