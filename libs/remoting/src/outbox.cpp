#include "outbox.hpp"

#include "comet/remoting/codec.hpp"

namespace comet::remoting {
namespace {

constexpr std::size_t kAlwaysKept = 4u << 10;
constexpr std::size_t kNeverKept = 256u << 10;
constexpr int kBurstsToShrink = 8;

}  // namespace

std::size_t Outbox::append(const RemotingCommand& command, std::size_t max_frame) {
  const std::size_t begin = text_.size();
  const std::size_t size = encode_frame_head(command, text_);
  if (size == 0 || size > max_frame) {
    text_.resize(begin);
    return 0;
  }
  for (std::size_t i = 0; i < command.body.pieces(); ++i) {
    const SharedBytes& piece = command.body.piece(i);
    if (piece.size() < kReferFrom) {
      text_ += piece.view();
    } else {
      references_.push_back({text_.size(), piece});
    }
  }
  size_ += size;
  return size;
}

std::span<const boost::asio::const_buffer> Outbox::buffers() {
  buffers_.clear();
  std::size_t text_done = 0;
  auto add_text = [&](std::size_t until) {
    if (until != text_done) buffers_.emplace_back(text_.data() + text_done, until - text_done);
    text_done = until;
  };
  for (const Reference& reference : references_) {
    add_text(reference.text_before);
    buffers_.emplace_back(reference.piece.view().data(), reference.piece.size());
  }
  add_text(text_.size());
  if (skipped_ == 0) return buffers_;
  std::size_t skip = skipped_;
  std::size_t first = 0;
  while (first < buffers_.size() && buffers_[first].size() <= skip)
    skip -= buffers_[first++].size();
  if (first < buffers_.size()) buffers_[first] += skip;
  return std::span(buffers_).subspan(first);
}

void Outbox::clear() {
  small_bursts_ = text_.size() < text_.capacity() / 8 ? small_bursts_ + 1 : 0;
  const bool rarely_used = text_.capacity() > kAlwaysKept && small_bursts_ >= kBurstsToShrink;
  text_.clear();
  if (rarely_used || text_.capacity() > kNeverKept) {
    text_ = std::string();
    small_bursts_ = 0;
  }
  references_.clear();
  size_ = 0;
  skipped_ = 0;
}

}  // namespace comet::remoting
