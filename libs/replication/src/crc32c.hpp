#pragma once
// CRC-32C (Castagnoli), as iSCSI and ext4 have it: crc32c("123456789") is 0xe3069283.

#include <cstdint>
#include <string_view>

namespace comet::inline v0_1::replication {

// `before`: the CRC of what lies in front of `bytes`; 0 for nothing.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0) noexcept;
// The same without the processor's instruction, for tests and other processors.
[[nodiscard]] std::uint32_t crc32c_by_table(std::string_view bytes,
                                            std::uint32_t before = 0) noexcept;

}  // namespace comet::inline v0_1::replication
