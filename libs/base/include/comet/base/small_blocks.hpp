#pragma once

#include <cstddef>
#include <cstdint>

namespace comet::inline v0_1::small_blocks {

// Memory for short-lived objects of a few sizes up to 4 KiB: each thread keeps what has been given
// back to it, up to a limit, for the next one that asks. Sanitizer builds keep nothing, to see
// stale uses.
[[nodiscard]] void* take(std::size_t size);
void give_back(void* block, std::size_t size) noexcept;
// How often this thread has asked for more than that, which is then not kept.
[[nodiscard]] std::uint64_t too_large() noexcept;

// The same as an allocator.
template <class T>
class Allocator {
 public:
  using value_type = T;
  Allocator() noexcept = default;
  template <class U>
  Allocator(const Allocator<U>& /*other*/) noexcept {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] T* allocate(std::size_t count) { return static_cast<T*>(take(count * sizeof(T))); }
  void deallocate(T* at, std::size_t count) noexcept { give_back(at, count * sizeof(T)); }
  friend bool operator==(const Allocator& /*a*/, const Allocator& /*b*/) noexcept { return true; }
};

}  // namespace comet::inline v0_1::small_blocks
