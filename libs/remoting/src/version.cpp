#include "comet/remoting/version.hpp"

#include <fmt/format.h>

#include <string_view>

namespace comet::inline v0_1::remoting {

std::string version_name(std::int32_t version) {
  if (version < 0) return "UNKNOWN";
  // Apache: the enumerators of MQVersion.Version. Each release follows its snapshot.
  constexpr std::string_view kFirst[] = {
      "V3_0_0_SNAPSHOT", "V3_0_0_ALPHA1",         "V3_0_0_BETA1", "V3_0_0_BETA2",
      "V3_0_0_BETA3",    "V3_0_0_BETA4",          "V3_0_0_BETA5", "V3_0_0_BETA6_SNAPSHOT",
      "V3_0_0_BETA6",    "V3_0_0_BETA7_SNAPSHOT", "V3_0_0_BETA7", "V3_0_0_BETA8_SNAPSHOT",
      "V3_0_0_BETA8",    "V3_0_0_BETA9_SNAPSHOT", "V3_0_0_BETA9", "V3_0_0_FINAL"};
  if (static_cast<std::size_t>(version) < std::size(kFirst)) {
    return std::string(kFirst[version]);
  }
  struct Block {  // versions from `begin` on
    std::int32_t begin, major, minor, first_patch, patches;
  };
  constexpr Block kBlocks[] = {{412, 5, 0, 0, 10},
                               {212, 4, 0, 0, 10},
                               {86, 3, 3, 1, 9},
                               {46, 3, 1, 0, 10},
                               {16, 3, 0, 1, 15}};
  for (const Block& block : kBlocks) {
    if (version < block.begin) continue;
    const std::int32_t number = (version - block.begin) / 2;
    return fmt::format("V{}_{}_{}{}", block.major, block.minor + number / block.patches,
                       block.first_patch + number % block.patches,
                       (version - block.begin) % 2 == 0 ? "_SNAPSHOT" : "");
  }
  return "UNKNOWN";
}

}  // namespace comet::inline v0_1::remoting
