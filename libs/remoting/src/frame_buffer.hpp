#pragma once
// The bytes that a connection has received and not yet handled, and the frames in them.

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "comet/base/body.hpp"
#include "comet/remoting/codec.hpp"

namespace comet::inline v0_1::remoting {

// Bytes are read into a slab of memory; bodies are handed out as references into it. A slab is used
// again when nobody refers to it any more, otherwise it is left to them and replaced.
//
// Memory follows what really arrives: a slab begins small, grows for peers that send much at a time
// and shrinks again for those that stop; for a large frame it at most doubles what has arrived
// (unless the peer has just sent one as large).
class FrameBuffer {
 public:
  static constexpr std::size_t kMinSlab = 3u << 9;    // a body of 1 KiB with its header
  static constexpr std::size_t kMaxSlab = 64u << 10;  // except for one larger frame
  // A body smaller than this part of its slab is copied, so that somebody who keeps it does not
  // keep much more memory than he knows of.
  static constexpr std::size_t kMaxWaste = 64;

  explicit FrameBuffer(std::size_t max_frame) noexcept : max_frame_(max_frame) {}

  // Where the next bytes belong; never empty. Ends the validity of the views of earlier frames.
  [[nodiscard]] std::span<char> space();
  void commit(std::size_t size);

  // Takes the next complete frame, or says that there is none (FrameInfo::complete).
  [[nodiscard]] Result<FrameInfo> next();
  // Bytes of a frame that is not complete (or not taken).
  [[nodiscard]] std::size_t pending() const noexcept { return end_ - begin_; }
  // The body of a frame, for as long as somebody wants it.
  [[nodiscard]] SharedBytes share(std::string_view body) const;

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  // What the slab will take at the next space(), with its predecessor while it is copied.
  [[nodiscard]] std::size_t size_with_space() const noexcept;
  // Gives the memory back.
  void clear() noexcept;

 private:
  [[nodiscard]] bool is_exclusive() const noexcept;
  [[nodiscard]] std::size_t goal() const noexcept;
  void replace_slab(std::size_t capacity);
  void adapt(std::size_t read_size) noexcept;

  std::size_t max_frame_;
  std::shared_ptr<char[]> slab_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0, end_ = 0;  // of the bytes not yet taken
  std::size_t wanted_ = 0;           // size of the incomplete frame at begin_; 0: not known
  std::size_t last_frame_ = 0;       // size of the last complete frame

  std::size_t usual_ = kMinSlab;  // capacity for a slab without a large frame
  std::size_t offered_ = 0;       // by the last space()
  std::size_t peak_ = 0;          // largest of the last reads
  int reads_ = 0;
};

}  // namespace comet::inline v0_1::remoting
