#include "outbox.hpp"

#include <functional>

#include "comet/remoting/codec.hpp"

namespace comet::inline v0_1::remoting {
namespace {

// Connections that have nothing to send keep no memory for it: what one has used the next of its
// thread uses, up to this size.
constexpr std::size_t kLargestSpare = 256u << 10;

std::string& spare_text() {
  thread_local std::string spare;
  return spare;
}

}  // namespace

std::size_t Outbox::append(const RemotingCommand& command, std::size_t max_frame) {
  if (text_.capacity() <= std::string().capacity()) std::swap(text_, spare_text());
  const std::size_t begin = text_.size();
  const std::size_t size = encode_frame_head(command, text_);
  if (size == 0 || size > max_frame) {
    text_.resize(begin);
    return 0;
  }
  const std::size_t refer_from = command.body.pieces() > 1 ? kReferPieceFrom : kReferFrom;
  for (std::size_t i = 0; i < command.body.pieces(); ++i) {
    const SharedBytes& piece = command.body.piece(i);
    if (piece.size() < refer_from) {
      text_ += piece.view();
    } else {
      // Neighbours mostly lie in the same file of the log: one of them keeps it.
      const bool is_kept = !references_.empty() && last_owner_ == piece.owner().get();
      last_owner_ = piece.owner().get();
      references_.push_back({text_.size(), is_kept ? SharedBytes({}, piece.view()) : piece});
    }
  }
  if (command.body.pages()) {
    pages_.push_back(command.body.pages());
    for (const std::span<const char> part : command.body.pages()->parts()) {
      references_.push_back({text_.size(), SharedBytes({}, {part.data(), part.size()})});
    }
  }
  size_ += size;
  return size;
}

std::string Outbox::note_unsendable(const void* at) const {
  const char* address = static_cast<const char*>(at);
  const std::less_equal<const char*> not_behind;
  for (const auto& pages : pages_) {
    for (const std::span<const char> part : pages->parts()) {
      if (not_behind(part.data(), address) && !not_behind(part.data() + part.size(), address)) {
        return pages->file().note_unsendable(address);
      }
    }
  }
  return {};
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
  while (first < buffers_.size() && buffers_[first].size() <= skip) {
    skip -= buffers_[first++].size();
  }
  if (first < buffers_.size()) buffers_[first] += skip;
  return std::span(buffers_).subspan(first);
}

void Outbox::clear() {
  text_.clear();
  std::string& spare = spare_text();
  if (text_.capacity() > spare.capacity() && text_.capacity() <= kLargestSpare) {
    std::swap(text_, spare);
  }
  std::string().swap(text_);  // an assignment would keep the memory
  references_.clear();
  pages_.clear();
  last_owner_ = nullptr;
  size_ = 0;
  skipped_ = 0;
}

}  // namespace comet::inline v0_1::remoting
