#pragma once
// What was read of the log a moment ago: queues lie between each other there, and what one read
// goes over, the next read of another queue asks for.

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

#include "comet/base/body.hpp"
#include "read_memory.hpp"

namespace comet::inline v0_1::store {

// Bytes of the log, with their place.
class Window {
 public:
  SharedBytes bytes;
  std::int64_t begin = 0;

  [[nodiscard]] bool has(std::int64_t from, std::int64_t until) const noexcept {
    return from >= begin && until <= begin + std::ssize(bytes.view());
  }
};

// Thread-safe. What is written to the log does not change until it is cut: then all is forgotten.
class RecentWindows {
 public:
  // Smaller ones are not worth keeping.
  static constexpr std::int64_t kLeast = 32 << 10;

  // Empty bytes: there is none that has all of it.
  [[nodiscard]] Window find(std::int64_t from, std::int64_t until) const {
    std::lock_guard lock(mutex_);
    for (const Window& window : windows_) {
      if (window.has(from, until)) return window;
    }
    return {};
  }
  // In place of the oldest. `cuts`: as forget() had it when the window was read.
  void keep(Window window, std::uint64_t cuts) {
    std::lock_guard lock(mutex_);
    if (cuts != cuts_) return;
    std::swap(windows_[next_++ % windows_.size()], window);
  }
  void forget(std::uint64_t cuts) {
    std::lock_guard lock(mutex_);
    windows_ = {};
    cuts_ = cuts;
  }
  // Memory that nobody else has.
  [[nodiscard]] std::int64_t own_bytes() const {
    std::lock_guard lock(mutex_);
    std::int64_t own = 0;
    for (const Window& window : windows_) {
      if (window.bytes.owner().use_count() == 1)
        own += ReadMemory::capacity_for(window.bytes.size());
    }
    return own;
  }

 private:
  mutable std::mutex mutex_;
  std::array<Window, 4> windows_;
  std::size_t next_ = 0;
  std::uint64_t cuts_ = 0;
};

}  // namespace comet::inline v0_1::store
