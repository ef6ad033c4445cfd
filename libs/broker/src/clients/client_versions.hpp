#pragma once
// From which version on clients know what a broker may ask of them (Apache: MQVersion ordinals).

#include <cstdint>

namespace comet::inline v0_1::broker {

inline constexpr std::int32_t kVersionV3_0_7Snapshot = 28;  // 220, 221
inline constexpr std::int32_t kVersionV3_1_8Snapshot = 62;  // 307, 309

}  // namespace comet::inline v0_1::broker
