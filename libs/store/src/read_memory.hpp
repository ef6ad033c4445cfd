#pragma once
// Memory for what is read of the log: blocks that are used again, because the kernel takes longer
// to give and take back pages than to fill them. A block that was used a moment ago also is in the
// processor's cache still.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace comet::inline v0_1::store {

// Thread-safe. Blocks may outlive it.
class ReadMemory {
 public:
  class Block;

  ReadMemory();
  // A block of `size` bytes of any content; back here with its last reference. Throws
  // std::bad_alloc.
  [[nodiscard]] std::shared_ptr<Block> take(std::size_t size) const;
  // Of a block of that many bytes.
  [[nodiscard]] static std::int64_t capacity_for(std::size_t size) noexcept;
  // Memory of blocks that somebody has.
  [[nodiscard]] std::int64_t lent_bytes() const noexcept;
  // Memory that waits to be used again.
  [[nodiscard]] std::size_t kept_bytes() const;

  // No more than this waits to be used again.
  static constexpr std::size_t kMostKept = 4 << 20;

 private:
  class Pool;
  std::shared_ptr<Pool> pool_;
};

class ReadMemory::Block {
 public:
  Block(std::shared_ptr<Pool> pool, std::size_t size);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  [[nodiscard]] std::span<char> bytes() noexcept { return {memory_.get(), size_}; }

 private:
  std::shared_ptr<Pool> pool_;
  std::size_t size_;
  std::size_t capacity_;
  std::unique_ptr<char[]> memory_;
};

}  // namespace comet::inline v0_1::store
