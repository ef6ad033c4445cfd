#include "tables/attributes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

#include "comet/base/parse_number.hpp"

namespace comet::inline v0_1::broker {
namespace {

constexpr std::int64_t kNoMost = std::numeric_limits<std::int64_t>::max();

// One attribute that 5.5 knows.
class Rule {
 public:
  std::string_view key;
  bool is_changeable = true;
  std::string_view values;  // of an enumeration, each followed by a blank; empty: a number
  std::int64_t least = 0, most = 0;
  std::string_view missing;  // values, each followed by a blank, of what is not there; "*": all
};

constexpr Rule kTopicRules[] = {
    {"cleanup.policy", false, "DELETE COMPACTION ", 0, 0, "COMPACTION "},
    {"lite.topic.expiration", true, {}, -1, 43'200, "*"},
    {"message.type", true, "UNSPECIFIED MIXED TRANSACTION PRIORITY FIFO DELAY LITE NORMAL ", 0, 0,
     "MIXED LITE "},
    {"queue.type", false, "SimpleCQ BatchCQ ", 0, 0, "BatchCQ "},
    {"reserve.time", true, {}, -1, kNoMost, "*"},
};
constexpr Rule kGroupRules[] = {
    {"lite.bind.topic", true, {}, 0, kNoMost, "*"},
    {"lite.sub.client.max.event.cnt", true, {}, 10, kNoMost, "*"},
    {"lite.sub.client.quota", true, {}, -1, kNoMost, "*"},
    {"lite.sub.model", true, "Shared Exclusive ", 0, 0, "*"},
    {"lite.sub.reset.offset.exclusive", true, "true false ", 0, 0, "*"},
    {"lite.sub.reset.offset.unsubscribe", true, "true false ", 0, 0, "*"},
    {"lite.sub.wildcard", true, {}, 0, kNoMost, "*"},
    {"priority.factor", true, {}, 0, 100, {}},
};

const Rule* find_rule(AttributeOwner owner, std::string_view key) {
  const std::span<const Rule> rules = owner == AttributeOwner::topic
                                          ? std::span<const Rule>(kTopicRules)
                                          : std::span<const Rule>(kGroupRules);
  const auto found = std::ranges::find(rules, key, &Rule::key);
  return found == rules.end() ? nullptr : &*found;
}

bool has_word(std::string_view words, std::string_view word) {
  return !word.empty() && word.find(' ') == std::string_view::npos &&
         (" " + std::string(words)).find(fmt::format(" {} ", word)) != std::string::npos;
}

std::string complaint_about_value(const Rule& rule, std::string_view value) {
  if (rule.missing == "*" || has_word(rule.missing, value)) {
    return fmt::format("{}={}: this broker has nothing that honours it", rule.key, value);
  }
  if (!rule.values.empty()) {
    if (has_word(rule.values, value)) return {};
    return fmt::format("{}: value is not in set: {}", rule.key, rule.values);
  }
  const auto number = parse_number<std::int64_t>(value);
  if (number && *number >= rule.least && *number <= rule.most) return {};
  return fmt::format("{}: value is not in range({}, {})", rule.key, rule.least, rule.most);
}

std::string complaint_about_change(AttributeOwner owner, bool is_new, bool adds,
                                   const std::string& key, const std::string& value,
                                   const Attributes& before) {
  if (is_new && !adds) {
    return fmt::format("only add attribute is supported while creating topic. key: {}", key);
  }
  const Rule* rule = find_rule(owner, key);
  if (rule == nullptr) return fmt::format("unsupported key: {}", key);
  if (!adds && !before.contains(key)) {
    return fmt::format("attempt to delete a nonexistent key: {}", key);
  }
  if (!is_new && !rule->is_changeable) {
    return fmt::format("attempt to update an unchangeable attribute. key: {}", key);
  }
  return adds ? complaint_about_value(*rule, value) : std::string();
}

}  // namespace

std::string parse_attribute_changes(std::string_view text, Attributes& changes) {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view one = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (one.empty()) continue;
    const std::size_t equals = one.find('=');
    const std::string key(one.substr(0, equals));
    const bool adds = key.starts_with('+');
    if (key.size() < 2 || (!adds && !key.starts_with('-')) ||
        adds != (equals != std::string_view::npos)) {
      return fmt::format("attributes: '{}' is neither +key=value nor -key", one);
    }
    std::string value(adds ? one.substr(equals + 1) : std::string_view());
    if (!changes.emplace(key, std::move(value)).second) {
      return fmt::format("key duplication: {}", key);
    }
  }
  return {};
}

std::string change_attributes(AttributeOwner owner, bool is_new, const Attributes& changes,
                              Attributes& attributes) {
  Attributes changed = attributes;
  for (const auto& [change, value] : changes) {
    const bool adds = change.starts_with('+');
    if (change.size() < 2 || (!adds && !change.starts_with('-'))) {
      return fmt::format("wrong format key: {}; write +key to set it, -key to remove it", change);
    }
    const std::string key = change.substr(1);
    if (adds && changes.contains('-' + key)) {
      return fmt::format("alter duplication key. key: {}", key);
    }
    std::string complaint = complaint_about_change(owner, is_new, adds, key, value, attributes);
    if (!complaint.empty()) return complaint;
    if (adds) {
      changed.insert_or_assign(key, value);
    } else {
      changed.erase(key);
    }
  }
  attributes = std::move(changed);
  return {};
}

}  // namespace comet::inline v0_1::broker
