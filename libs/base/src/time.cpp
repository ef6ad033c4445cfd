#include "comet/base/time.hpp"

namespace comet::inline v0_1 {
namespace {

class RealTime final : public TimeSource {
 public:
  Instant now() const noexcept override {
    return Instant(
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
  }
  std::int64_t wall_millis() const noexcept override {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

}  // namespace

TimeSource& real_time() noexcept {
  static RealTime time;
  return time;
}

}  // namespace comet::inline v0_1
