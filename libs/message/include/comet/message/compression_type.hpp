#pragma once

#include <string_view>

namespace comet::inline v0_1 {

// Apache 5.x: CompressionType. ZLIB is what 4.x knows.
enum class CompressionType { zlib, lz4, zstd };
// "ZLIB", "LZ4", "ZSTD".
[[nodiscard]] std::string_view to_string(CompressionType type) noexcept;

}  // namespace comet::inline v0_1
