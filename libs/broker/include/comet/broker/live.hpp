#pragma once

#include <atomic>

namespace comet::inline v0_1::broker {

// A setting that may change while the broker runs, by UPDATE_BROKER_CONFIG. To read it costs a
// load. Thread-safe.
template <class T>
class Live {
 public:
  constexpr Live(T value) noexcept : value_(value) {}  // NOLINT: implicit
  Live(const Live& other) noexcept : value_(other.get()) {}
  Live& operator=(const Live& other) noexcept { return *this = other.get(); }
  Live& operator=(T value) noexcept {
    value_.store(value, std::memory_order_relaxed);
    return *this;
  }

  [[nodiscard]] T get() const noexcept { return value_.load(std::memory_order_relaxed); }
  operator T() const noexcept { return get(); }  // NOLINT: implicit

 private:
  std::atomic<T> value_;
};

}  // namespace comet::inline v0_1::broker
