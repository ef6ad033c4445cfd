#pragma once
// Compressed bodies (Apache: Compressor; the type is in the sysFlag).

#include <string>
#include <string_view>

#include "comet/base/error.hpp"
#include "comet/message/compression_type.hpp"

namespace comet::inline v0_1 {

enum class CompressionErrc {
  damaged = 1,  // the bytes do not decompress
  too_large,    // more than `max_size` bytes come out
  unsupported,  // bits that stand for no compression type
};
const boost::system::error_category& compression_category() noexcept;
inline error_code make_error_code(CompressionErrc code) noexcept {
  return {static_cast<int>(code), compression_category()};
}

// RFC 1950 stream; level 1..9 (Apache's default is 5).
[[nodiscard]] std::string zlib_compress(std::string_view bytes, int level);
// Never produces more than `max_size` bytes: a small input may inflate a thousandfold.
[[nodiscard]] Result<std::string> zlib_decompress(std::string_view bytes, std::size_t max_size);

// The bits of a sysFlag that say so.
[[nodiscard]] int compression_flags(CompressionType type) noexcept;
// A zlib stream, an LZ4 frame or a Zstandard frame. Levels are zlib's (1..9); those of the others
// are the same numbers, as Apache has it.
[[nodiscard]] std::string compress_body(std::string_view bytes, CompressionType type, int level);
// By the compression bits of a message's sysFlag; none of them counts as zlib.
[[nodiscard]] Result<std::string> decompress_body(std::string_view bytes, int sys_flag,
                                                  std::size_t max_size);

}  // namespace comet::inline v0_1

template <>
struct boost::system::is_error_code_enum<comet::CompressionErrc> : std::true_type {};
