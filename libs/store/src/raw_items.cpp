#include "raw_items.hpp"

#include <zlib.h>

#include "comet/base/bytes.hpp"
#include "comet/message/record.hpp"
#include "commit_log.hpp"

namespace comet::inline v0_1::store {

namespace {

// Larger ones are none: a store of Apache's takes messages of 4 MiB, or as it is set.
constexpr std::int64_t kLargestItem = 64 << 20;

Result<std::int64_t> size_of_item(std::string_view front, std::int64_t room) {
  if (room < kBlankSize) return room;  // no blank has room there
  const auto size = load_be<std::int32_t>(front.data());
  const auto magic = load_be<std::int32_t>(front.data() + 4);
  const bool is_blank = magic == kBlankMagic;
  if (!is_blank && magic != kRecordMagic && magic != kRecordMagicV2) return RecordErrc::bad_magic;
  const bool fits = is_blank ? size == room : size >= kRecordOverhead && size <= room;
  if (!fits || size > kLargestItem) return RecordErrc::bad_length;
  return std::int64_t{size};
}

}  // namespace

Result<RawItem> look_at_item(std::string_view bytes, std::int64_t room) {
  RawItem item;
  constexpr auto kFront = static_cast<std::size_t>(kBlankSize);
  if (room >= kBlankSize && bytes.size() < kFront) {
    item.missing = kFront - bytes.size();
    return item;
  }
  const Result<std::int64_t> size = size_of_item(bytes, room);
  if (!size) return size.error();
  const auto whole = static_cast<std::size_t>(*size);
  if (bytes.size() < whole) {
    item.missing = whole - bytes.size();
    return item;
  }
  const bool is_blank = room < kBlankSize || load_be<std::int32_t>(bytes.data() + 4) == kBlankMagic;
  item.kind = is_blank ? RawItem::Kind::blank : RawItem::Kind::record;
  item.bytes = bytes.substr(0, whole);
  return item;
}

std::uint32_t crc_of_bytes(std::string_view bytes) noexcept {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace comet::inline v0_1::store
