#include <algorithm>

#include "comet/base/edit_distance.hpp"
#include "subcommand.hpp"

namespace comet::inline v0_1::ctl {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_word(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::vector<Subcommand> gather() {
  std::vector<Subcommand> all;
  for (const auto table : {topic_subcommands(), group_subcommands(), connection_subcommands(),
                           offset_subcommands(), message_subcommands(), read_subcommands(),
                           send_subcommands(), broker_subcommands(), replication_subcommands(),
                           access_subcommands(), stats_subcommands(), namesrv_subcommands()}) {
    all.insert(all.end(), table.begin(), table.end());
  }
  return all;
}

}  // namespace

const std::vector<Subcommand>& subcommands() {
  static const std::vector<Subcommand> all = gather();
  return all;
}

const Subcommand* find_subcommand(std::string_view name) {
  for (const Subcommand& one : subcommands()) {
    if (same_word(one.name, name)) return &one;
  }
  return nullptr;
}

std::string_view nearest_subcommand(std::string_view name) {
  std::string_view best;
  std::size_t best_distance = near_distance(name) + 1;
  for (const Subcommand& one : subcommands()) {
    const std::size_t distance = edit_distance(name, one.name);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = one.name;
  }
  return best;
}

}  // namespace comet::inline v0_1::ctl
