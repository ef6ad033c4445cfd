#include "apache_wire.hpp"

#include <algorithm>
#include <cstring>

#include "comet/base/bytes.hpp"

namespace comet::inline v0_1::replication {

std::array<char, kReportSize> encode_report(std::int64_t end) noexcept {
  std::array<char, kReportSize> bytes;
  store_be<std::int64_t>(bytes.data(), end);
  return bytes;
}

std::array<char, kFrameHeadSize> encode_frame_head(std::int64_t offset,
                                                   std::int32_t size) noexcept {
  std::array<char, kFrameHeadSize> bytes;
  store_be<std::int64_t>(bytes.data(), offset);
  store_be<std::int32_t>(bytes.data() + sizeof offset, size);
  return bytes;
}

std::optional<std::int64_t> ReportReader::take(std::string_view bytes) noexcept {
  std::optional<std::int64_t> last;
  while (!bytes.empty()) {
    const std::size_t size = std::min(kReportSize - have_, bytes.size());
    std::memcpy(partial_.data() + have_, bytes.data(), size);
    bytes.remove_prefix(size);
    have_ += size;
    if (have_ < kReportSize) break;
    last = load_be<std::int64_t>(partial_.data());
    have_ = 0;
  }
  return last;
}

FrameReader::Part FrameReader::next(std::string_view& input) noexcept {
  Part part;
  if (body_left_ > 0 && !input.empty()) {
    part.kind = Kind::body;
    part.offset = body_at_;
    part.bytes = input.substr(0, static_cast<std::size_t>(body_left_));
    part.size = static_cast<std::int32_t>(part.bytes.size());
    input.remove_prefix(part.bytes.size());
    body_left_ -= part.size;
    body_at_ += part.size;
    return part;
  }
  const std::size_t size = std::min(kFrameHeadSize - have_, input.size());
  if (size > 0) std::memcpy(head_.data() + have_, input.data(), size);
  input.remove_prefix(size);
  have_ += size;
  if (have_ < kFrameHeadSize) return part;
  have_ = 0;
  part.offset = load_be<std::int64_t>(head_.data());
  part.size = load_be<std::int32_t>(head_.data() + sizeof(std::int64_t));
  const bool good = part.offset >= 0 && part.offset < kMaxSaneReport && part.size >= 0 &&
                    part.size <= kMaxApacheFrame;
  part.kind = good ? Kind::head : Kind::bad;
  if (good) {
    body_left_ = part.size;
    body_at_ = part.offset;
  }
  return part;
}

}  // namespace comet::inline v0_1::replication
