#pragma once
// Frames that wait to be written, ready for one gather write.

#include <boost/asio/buffer.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "comet/base/body.hpp"
#include "comet/remoting/command.hpp"
#include "comet/remoting/outbox_limits.hpp"

namespace comet::inline v0_1::remoting {

// Heads and small bodies are copied behind each other; large pieces of bodies are referred to, and
// pages of files always: only the kernel may read them.
class Outbox {
 public:
  // From here on a copy costs more than one more buffer in the write.
  static constexpr std::size_t kReferFrom = kBodiesCopiedBelow;
  // Bodies in pieces are parts of what was read of the log. Down to here referring to them costs
  // little more than a copy.
  static constexpr std::size_t kReferPieceFrom = 512;

  // Returns the frame's size, or 0 with nothing appended when it is greater than `max_frame`.
  std::size_t append(const RemotingCommand& command, std::size_t max_frame);

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // Drops bytes at the front: they are sent.
  void skip(std::size_t sent) noexcept {
    skipped_ += sent;
    size_ -= sent;
  }
  // Everything in order; valid until the next change.
  [[nodiscard]] std::span<const boost::asio::const_buffer> buffers();
  // The kernel could not have what lies there (FilePages). Says what it is; empty: none of these.
  std::string note_unsendable(const void* at) const;
  void clear();

 private:
  struct Reference {
    std::size_t text_before;  // bytes of text_ that precede the piece
    SharedBytes piece;
  };

  std::string text_;
  std::vector<Reference> references_;
  std::vector<std::shared_ptr<const PagedBytes>> pages_;  // that are referred to
  const void* last_owner_ = nullptr;                      // of the last reference
  std::vector<boost::asio::const_buffer> buffers_;
  std::size_t size_ = 0;     // of what is not skipped
  std::size_t skipped_ = 0;  // bytes at the front
};

}  // namespace comet::inline v0_1::remoting
