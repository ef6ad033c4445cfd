#pragma once
// The tables of topics and groups: in parts, from brokers that give them so (RocketMQ 5.4 and
// later, and ours), else whole.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "comet/routing/topic_config.hpp"

namespace comet::inline v0_1::admin {

// What has been got of a table, and what to ask for next.
template <class Entry>
class TableParts {
 public:
  using Entries = std::map<std::string, Entry, std::less<>>;

  // Entries of a part, as Apache's tools ask for them.
  static constexpr std::int32_t kMost = 2000;

  // Nullopt: for the whole table. It changes faster than it can be read in parts.
  [[nodiscard]] std::optional<std::int32_t> next() const {
    if (changes_ > kMostChanges) return std::nullopt;
    return static_cast<std::int32_t>(entries_.size());
  }
  // JSON, of the part before; empty: there is none.
  [[nodiscard]] const std::string& version() const noexcept { return version_text_; }

  // The answer; `total`: how many entries the table has, of brokers that give parts. Whether there
  // is more to be asked for.
  bool take(Entries part, const routing::DataVersion& version, std::optional<std::int32_t> total) {
    const bool is_whole = !total || !next();
    // Of a table that has changed meanwhile it is the first part.
    const bool is_first = version_text_.empty() || version != version_;
    if (is_first && !version_text_.empty()) ++changes_;
    version_ = version;
    version_text_ = routing::to_json(version);
    const bool is_empty = part.empty();
    if (is_whole || is_first) entries_.clear();
    entries_.merge(part);
    return !is_whole && !is_empty && static_cast<std::int64_t>(entries_.size()) < *total;
  }
  [[nodiscard]] Entries& entries() noexcept { return entries_; }

 private:
  static constexpr int kMostChanges = 10;

  Entries entries_;
  routing::DataVersion version_;
  std::string version_text_;
  int changes_ = 0;
};

}  // namespace comet::inline v0_1::admin
