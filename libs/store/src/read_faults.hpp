#pragma once
// What reads meet that is damaged or cannot be read: counted, and said once in a while.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>

namespace comet::inline v0_1::store {

// Thread-safe.
class ReadFaults {
 public:
  // Counts it; the first time one ERROR line says it.
  void note(const std::string& what);
  [[nodiscard]] std::int64_t count() const noexcept { return count_; }

 private:
  std::atomic<std::int64_t> count_{0};
  std::mutex mutex_;
  std::set<std::string> said_;
};

}  // namespace comet::inline v0_1::store
