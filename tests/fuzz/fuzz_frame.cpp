// A peer's bytes as a connection takes them: read in pieces, frames found, bodies kept for a while.
// The first byte of the input chooses the size of the pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>

#include "../../libs/remoting/src/frame_buffer.hpp"
#include "header_check.hpp"

namespace {

using namespace comet;
using namespace comet::remoting;

constexpr std::size_t kMaxFrame = 64u << 10;
constexpr std::size_t kKeptBodies = 4;

class Peer {
 public:
  // False: the connection would be closed.
  bool take(std::string_view bytes) {
    while (!bytes.empty()) {
      std::span<char> space = buffer_.space();
      fuzz::require(!space.empty());
      const std::size_t size = std::min(space.size(), bytes.size());
      std::memcpy(space.data(), bytes.data(), size);
      buffer_.commit(size);
      bytes.remove_prefix(size);
      if (!take_frames()) return false;
    }
    return true;
  }

  void check_kept() const {
    for (const auto& [shared, copy] : kept_) fuzz::require(shared.view() == copy);
  }

 private:
  bool take_frames() {
    for (;;) {
      Result<FrameInfo> frame = buffer_.next();
      if (!frame) return false;
      if (!frame->complete) return true;
      if (decode_header(frame->type, frame->header, command_)) return false;
      kept_.emplace_back(buffer_.share(frame->body), std::string(frame->body));
      if (kept_.size() > kKeptBodies) kept_.pop_front();
      check_kept();
    }
  }

  FrameBuffer buffer_{kMaxFrame};
  RemotingCommand command_;
  std::deque<std::pair<SharedBytes, std::string>> kept_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] == 0 ? size : data[0];
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  Peer peer;
  while (!bytes.empty() && peer.take(bytes.substr(0, piece))) {
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  peer.check_kept();
  return 0;
}
