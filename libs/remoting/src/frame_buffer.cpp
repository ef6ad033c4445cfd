#include "frame_buffer.hpp"

#include <algorithm>
#include <cstring>

namespace comet::inline v0_1::remoting {
namespace {

// After so many reads the usual slab size is looked at again.
constexpr int kReadsToShrink = 8;

}  // namespace

// Nobody else refers to the slab: it may be overwritten.
bool FrameBuffer::is_exclusive() const noexcept {
  if (slab_.use_count() != 1) return false;
  // use_count() alone orders nothing. Taking and dropping a reference does: it reads what the last
  // holder, maybe on another thread, left when it let go, so that its reading is over for us too.
  std::shared_ptr<char[]> ordered = slab_;
  return true;
}

// How many bytes should fit behind begin_.
std::size_t FrameBuffer::goal() const noexcept {
  const std::size_t have = end_ - begin_;
  if (wanted_ <= usual_) return std::max(wanted_, have + usual_ / 4);
  return std::min(wanted_, std::max({2 * have, last_frame_, usual_}));
}

void FrameBuffer::replace_slab(std::size_t capacity) {
  std::shared_ptr<char[]> slab = std::make_shared_for_overwrite<char[]>(capacity);
  const std::size_t have = end_ - begin_;
  if (have != 0) std::memcpy(slab.get(), slab_.get() + begin_, have);
  slab_ = std::move(slab);
  capacity_ = capacity;
  begin_ = 0;
  end_ = have;
}

std::span<char> FrameBuffer::space() {
  if (slab_ == nullptr) {
    replace_slab(usual_);
  } else if (capacity_ - end_ < capacity_ / 2 || begin_ == end_) {
    if (is_exclusive()) {
      const std::size_t have = end_ - begin_;
      if (capacity_ < usual_ || (have == 0 && capacity_ != usual_)) {
        replace_slab(usual_);
      } else if (begin_ != 0) {
        std::memmove(slab_.get(), slab_.get() + begin_, have);
        begin_ = 0;
        end_ = have;
      }
    }
    if (capacity_ - begin_ < goal()) replace_slab(std::max(goal(), usual_));
  }
  offered_ = capacity_ - end_;
  return {slab_.get() + end_, offered_};
}

std::size_t FrameBuffer::size_with_space() const noexcept {
  const bool fits = capacity_ - end_ >= capacity_ / 2 && begin_ != end_;
  const std::size_t begin = slab_.use_count() == 1 ? 0 : begin_;  // it is moved to the front
  if (fits || capacity_ - begin >= goal()) return capacity_;
  return capacity_ + std::max(goal(), usual_);
}

void FrameBuffer::clear() noexcept {
  slab_.reset();
  capacity_ = begin_ = end_ = 0;
}

void FrameBuffer::commit(std::size_t size) {
  end_ += size;
  adapt(size);
}

void FrameBuffer::adapt(std::size_t read_size) noexcept {
  if (read_size == offered_ && offered_ >= usual_ / 4) {
    usual_ = std::min(usual_ * 4, kMaxSlab);
    reads_ = 0;
    peak_ = 0;
    return;
  }
  peak_ = std::max(peak_, read_size);
  if (++reads_ < kReadsToShrink) return;
  if (peak_ < usual_ / 8) usual_ = std::max(usual_ / 4, kMinSlab);
  reads_ = 0;
  peak_ = 0;
}

Result<FrameInfo> FrameBuffer::next() {
  Result<FrameInfo> frame =
      inspect_frame(std::string_view(slab_.get() + begin_, end_ - begin_), max_frame_);
  if (!frame) return frame;
  if (frame->complete) {
    begin_ += frame->size;
    last_frame_ = frame->size;
    wanted_ = 0;
  } else {
    wanted_ = frame->size;
  }
  return frame;
}

SharedBytes FrameBuffer::share(std::string_view body) const {
  if (body.empty()) return {};
  if (body.size() >= capacity_ / kMaxWaste) return {slab_, body};
  std::shared_ptr<char[]> copy = std::make_shared_for_overwrite<char[]>(body.size());
  std::memcpy(copy.get(), body.data(), body.size());
  std::string_view view(copy.get(), body.size());
  return {std::move(copy), view};
}

}  // namespace comet::inline v0_1::remoting
