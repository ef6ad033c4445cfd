#pragma once
// Names of RocketMQ's versions.

#include <cstdint>
#include <string>

namespace comet::inline v0_1::remoting {

// "V4_9_8" for the number that requests have (Apache: MQVersion.getVersionDesc); "UNKNOWN" for one
// that no version has.
[[nodiscard]] std::string version_name(std::int32_t version);

}  // namespace comet::inline v0_1::remoting
