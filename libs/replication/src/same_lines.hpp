#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "comet/base/time.hpp"

namespace comet::inline v0_1::replication {

// Which lines about peers are worth saying: not again within a minute one that differs from the
// last in nothing but numbers, which are ports and positions of logs that grow. Those behind a '#'
// are names of replicas.
class SameLines {
 public:
  [[nodiscard]] bool is_new(const std::string& peer, std::string_view line, Instant now) {
    std::erase_if(said_, [now](const auto& entry) { return now - entry.second >= kPeriod; });
    if (said_.size() >= kMost) return false;
    return said_.try_emplace(peer + ' ' + without_positions(line), now).second;
  }

 private:
  static constexpr Duration kPeriod = std::chrono::minutes(1);
  static constexpr std::size_t kMost = 1000;

  static std::string without_positions(std::string_view line) {
    std::string kept;
    while (!line.empty()) {
      const std::size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
      if (kept.ends_with('#')) kept += line.substr(0, digits);
      line.remove_prefix(digits);
      const std::size_t others = std::min(line.find_first_of("0123456789"), line.size());
      kept += line.substr(0, others);
      line.remove_prefix(others);
    }
    return kept;
  }

  std::map<std::string, Instant> said_;
};

}  // namespace comet::inline v0_1::replication
