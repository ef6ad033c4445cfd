#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "comet/base/time.hpp"

namespace comet::inline v0_1::broker {

// How much is being stored for producers, over all connections, so that it cannot grow without a
// bound when the log is slower than they are. Thread-safe; must outlive its places.
class SendsInFlight {
 public:
  SendsInFlight(std::size_t most, std::size_t most_bytes)
      : most_(most), most_bytes_(most_bytes), began_(std::bit_ceil(most + 1)) {}

  // One send, until it goes away. Empty: there was no room.
  class Place {
   public:
    Place() = default;
    Place(SendsInFlight& owner, std::size_t bytes) noexcept : owner_(&owner), bytes_(bytes) {}
    Place(Place&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), bytes_(other.bytes_) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (owner_ != nullptr) owner_->leave(bytes_);
    }
    explicit operator bool() const noexcept { return owner_ != nullptr; }
    // The send turns out to take so many bytes more. False: there is no room for them, and they are
    // not counted.
    [[nodiscard]] bool grow(std::size_t bytes) noexcept {
      if (!owner_->add(bytes)) return false;
      bytes_ += bytes;
      return true;
    }

   private:
    SendsInFlight* owner_ = nullptr;
    std::size_t bytes_ = 0;
  };

  // A send that is alone always has room, whatever its size.
  [[nodiscard]] Place enter(std::size_t bytes, Instant now) noexcept {
    const std::uint64_t number = entered_.fetch_add(1, std::memory_order_relaxed);
    // Less than there were when some have come behind this one and left already.
    const std::uint64_t left = left_.load(std::memory_order_relaxed);
    const std::uint64_t others = number > left ? number - left : 0;
    const std::size_t before = bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (others == 0 || (others < most_ && before + bytes <= most_bytes_)) {
      began_[number % began_.size()].store(now.time_since_epoch().count(),
                                           std::memory_order_relaxed);
      return {*this, bytes};
    }
    leave(bytes);
    return {};
  }

  [[nodiscard]] std::size_t count() const noexcept {
    const std::uint64_t left = left_.load(std::memory_order_relaxed);
    return static_cast<std::size_t>(entered_.load(std::memory_order_relaxed) - left);
  }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return bytes_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t most() const noexcept { return most_; }
  [[nodiscard]] std::size_t most_bytes() const noexcept { return most_bytes_; }

  // How long the one has waited that came first; zero when there is none. They are taken to leave
  // in the order in which they came.
  [[nodiscard]] Duration longest_wait(Instant now) const noexcept {
    const std::uint64_t left = left_.load(std::memory_order_relaxed);
    if (left == entered_.load(std::memory_order_relaxed)) return Duration::zero();
    const Duration began(began_[left % began_.size()].load(std::memory_order_relaxed));
    return std::max(now.time_since_epoch() - began, Duration::zero());
  }

 private:
  bool add(std::size_t bytes) noexcept {
    const std::size_t before = bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (before + bytes <= most_bytes_ || count() == 1) return true;
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  void leave(std::size_t bytes) noexcept {
    left_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }

  const std::size_t most_;
  const std::size_t most_bytes_;
  std::atomic<std::uint64_t> entered_{0};
  std::atomic<std::uint64_t> left_{0};
  std::atomic<std::size_t> bytes_{0};
  std::vector<std::atomic<Duration::rep>> began_;  // by number
};

}  // namespace comet::inline v0_1::broker
