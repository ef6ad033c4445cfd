#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace comet::broker {

// How much is being stored for producers, over all connections, so that it cannot grow without a
// bound when the log is slower than they are. Thread-safe; must outlive its places.
class SendsInFlight {
 public:
  SendsInFlight(std::size_t most, std::size_t most_bytes) noexcept
      : most_(most), most_bytes_(most_bytes) {}

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

   private:
    SendsInFlight* owner_ = nullptr;
    std::size_t bytes_ = 0;
  };

  // A send that is alone always has room, whatever its size.
  [[nodiscard]] Place enter(std::size_t bytes) noexcept {
    const std::size_t others = count_.fetch_add(1, std::memory_order_relaxed);
    const std::size_t before = bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (others == 0 || (others < most_ && before + bytes <= most_bytes_)) return {*this, bytes};
    leave(bytes);
    return {};
  }

  [[nodiscard]] std::size_t count() const noexcept {
    return count_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return bytes_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t most() const noexcept { return most_; }
  [[nodiscard]] std::size_t most_bytes() const noexcept { return most_bytes_; }

 private:
  void leave(std::size_t bytes) noexcept {
    count_.fetch_sub(1, std::memory_order_relaxed);
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }

  const std::size_t most_;
  const std::size_t most_bytes_;
  std::atomic<std::size_t> count_{0};
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace comet::broker
