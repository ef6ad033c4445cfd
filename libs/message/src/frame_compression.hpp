#pragma once
// The compression types that RocketMQ 5.x has beside zlib.

#include <string>
#include <string_view>

#include "comet/message/compression.hpp"

namespace comet::inline v0_1 {

[[nodiscard]] std::string lz4_compress(std::string_view bytes, int level);
[[nodiscard]] Result<std::string> lz4_decompress(std::string_view bytes, std::size_t max_size);
[[nodiscard]] std::string zstd_compress(std::string_view bytes, int level);
[[nodiscard]] Result<std::string> zstd_decompress(std::string_view bytes, std::size_t max_size);

}  // namespace comet::inline v0_1
