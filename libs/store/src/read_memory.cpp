#include "read_memory.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace comet::inline v0_1::store {

namespace {

// Blocks of these sizes are kept, of every power of two between them. Smaller ones cost malloc
// nothing worth mentioning, larger ones are rare.
constexpr std::size_t kSmallest = 32 << 10;
constexpr std::size_t kLargest = 512 << 10;
constexpr std::size_t kSizes = std::bit_width(kLargest / kSmallest);

constexpr bool is_kept(std::size_t capacity) noexcept {
  return capacity >= kSmallest && capacity <= kLargest;
}

constexpr std::size_t rounded(std::size_t size) noexcept {
  return size > kSmallest / 2 && size <= kLargest ? std::max(std::bit_ceil(size), kSmallest) : size;
}

}  // namespace

class ReadMemory::Pool {
 public:
  using Memory = std::unique_ptr<char[]>;

  Memory take(std::size_t capacity) {
    lent_.fetch_add(static_cast<std::int64_t>(capacity), std::memory_order_relaxed);
    if (is_kept(capacity)) {
      std::lock_guard lock(mutex_);
      std::vector<Memory>& free = free_of(capacity);
      if (!free.empty()) {
        Memory memory = std::move(free.back());
        free.pop_back();
        kept_ -= capacity;
        return memory;
      }
    }
    try {
      return std::make_unique_for_overwrite<char[]>(capacity);
    } catch (...) {
      lent_.fetch_sub(static_cast<std::int64_t>(capacity), std::memory_order_relaxed);
      throw;
    }
  }

  void give_back(Memory memory, std::size_t capacity) noexcept {
    lent_.fetch_sub(static_cast<std::int64_t>(capacity), std::memory_order_relaxed);
    if (!is_kept(capacity)) return;
    std::lock_guard lock(mutex_);
    std::vector<Memory>& free = free_of(capacity);
    if (kept_ + capacity > kMostKept || free.size() == free.capacity()) return;
    free.push_back(std::move(memory));
    kept_ += capacity;
  }

  [[nodiscard]] std::int64_t lent() const noexcept { return lent_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t kept() {
    std::lock_guard lock(mutex_);
    return kept_;
  }

  Pool() {
    // So that giving back takes no memory.
    for (std::size_t i = 0; i < kSizes; ++i) free_[i].reserve(kMostKept / (kSmallest << i));
  }

 private:
  std::vector<Memory>& free_of(std::size_t capacity) noexcept {
    return free_[std::bit_width(capacity / kSmallest) - 1];
  }

  std::atomic<std::int64_t> lent_{0};
  std::mutex mutex_;
  std::size_t kept_ = 0;
  std::array<std::vector<Memory>, kSizes> free_;  // the last one was used last
};

ReadMemory::ReadMemory() : pool_(std::make_shared<Pool>()) {}

std::shared_ptr<ReadMemory::Block> ReadMemory::take(std::size_t size) const {
  return std::make_shared<Block>(pool_, size);
}

std::int64_t ReadMemory::capacity_for(std::size_t size) noexcept {
  return static_cast<std::int64_t>(rounded(size));
}

std::int64_t ReadMemory::lent_bytes() const noexcept { return pool_->lent(); }
std::size_t ReadMemory::kept_bytes() const { return pool_->kept(); }

ReadMemory::Block::Block(std::shared_ptr<Pool> pool, std::size_t size)
    : pool_(std::move(pool)),
      size_(size),
      capacity_(rounded(size)),
      memory_(pool_->take(capacity_)) {}

ReadMemory::Block::~Block() { pool_->give_back(std::move(memory_), capacity_); }

}  // namespace comet::inline v0_1::store
