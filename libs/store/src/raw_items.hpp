#pragma once
// The commit log as a stream of records, and of the blanks that end its files.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "comet/base/error.hpp"

namespace comet::inline v0_1::store {

class RawItem {
 public:
  enum class Kind {
    record,      // its lengths are still to be checked
    blank,       // up to the end of the file
    incomplete,  // `missing` more bytes are needed to say more; no `bytes`
  };
  Kind kind = Kind::incomplete;
  std::string_view bytes;  // all of it
  std::size_t missing = 0;
};

// What `bytes` begin with, `room` bytes in front of the end of their file. RecordErrc: neither a
// record nor a blank that ends there.
[[nodiscard]] Result<RawItem> look_at_item(std::string_view bytes, std::int64_t room);

// zlib's CRC-32.
[[nodiscard]] std::uint32_t crc_of_bytes(std::string_view bytes) noexcept;

}  // namespace comet::inline v0_1::store
