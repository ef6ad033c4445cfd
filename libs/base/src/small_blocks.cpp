#include "comet/base/small_blocks.hpp"

#include <array>
#include <cstdint>
#include <new>

namespace comet::inline v0_1::small_blocks {
namespace {

constexpr std::size_t kStep = 64;
constexpr std::size_t kClasses = 64;    // up to 4 KiB: a send's coroutine takes 1.8
constexpr unsigned kMostOfClass = 256;  // kept in each

#ifdef BOOST_ASIO_DISABLE_SMALL_BLOCK_RECYCLING
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif

struct Free {
  Free* next;
};

class ThreadsBlocks {
 public:
  ThreadsBlocks() = default;
  ~ThreadsBlocks();
  ThreadsBlocks(const ThreadsBlocks&) = delete;
  ThreadsBlocks& operator=(const ThreadsBlocks&) = delete;

  struct Class {
    Free* first = nullptr;
    unsigned count = 0;
  };
  std::array<Class, kClasses> classes;
};

// Objects may be destroyed after the blocks of their thread.
thread_local bool is_over = false;
thread_local ThreadsBlocks blocks;
thread_local std::uint64_t refused = 0;

ThreadsBlocks::~ThreadsBlocks() {
  is_over = true;
  for (Class& of : classes) {
    while (of.first != nullptr) {
      Free* next = of.first->next;
      ::operator delete(of.first);
      of.first = next;
    }
  }
}

void* take_elsewhere(std::size_t size) {
  if (size > kStep * kClasses) ++refused;
  return ::operator new(size);
}

}  // namespace

std::uint64_t too_large() noexcept { return refused; }

void* take(std::size_t size) {
  const std::size_t index = (size - 1) / kStep;
  if (!kKeeps || index >= kClasses || is_over) return take_elsewhere(size);
  ThreadsBlocks::Class& of = blocks.classes[index];
  if (of.first == nullptr) return ::operator new((index + 1) * kStep);
  Free* block = of.first;
  of.first = block->next;
  --of.count;
  return block;
}

void give_back(void* block, std::size_t size) noexcept {
  const std::size_t index = (size - 1) / kStep;
  if (!kKeeps || index >= kClasses || is_over) return ::operator delete(block);
  ThreadsBlocks::Class& of = blocks.classes[index];
  if (of.count >= kMostOfClass) return ::operator delete(block);
  of.first = ::new (block) Free{of.first};
  ++of.count;
}

}  // namespace comet::inline v0_1::small_blocks
