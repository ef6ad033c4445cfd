#include "comet/base/config.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <utility>

#include "comet/base/edit_distance.hpp"
#include "comet/base/printable.hpp"

namespace comet {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool equal_in_any_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string quoted(std::string_view text) { return '"' + printable(text) + '"'; }

bool is_choice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    const std::size_t end = choices.find('|');
    if (choices.substr(0, end) == value) return true;
    choices.remove_prefix(end == std::string_view::npos ? choices.size() : end + 1);
  }
  return false;
}

}  // namespace

std::string ConfigKey::complaint(std::string_view value) const {
  switch (type_) {
    case Type::text:
      return {};
    case Type::integer: {
      const std::optional<std::int64_t> number = parse_integer(value);
      if (number && *number >= least_ && *number <= most_) return {};
      return "a whole number from " + std::to_string(least_) + " to " + std::to_string(most_);
    }
    case Type::boolean:
      if (equal_in_any_case(value, "true") || equal_in_any_case(value, "false")) return {};
      return "true or false";
    case Type::choice:
      return is_choice(choices_, value) ? std::string() : "one of " + std::string(choices_);
  }
  return {};
}

Config::Config(std::span<const ConfigKey> keys) : keys_(keys) {
  for (const ConfigKey& key : keys_) {
    by_name_.emplace(key.name(), &key);
    if (key.use() == ConfigKey::Use::used) {
      values_.emplace(key.name(), Value{std::string(key.otherwise()), {}});
    }
  }
}

void Config::set_default(std::string_view key, std::string value) {
  Value& stored = values_.at(key);
  if (stored.source.empty()) stored.text = std::move(value);
}

void Config::set(std::string_view key, std::string_view value, std::string_view source) {
  const ConfigKey* known = find(key);
  if (known == nullptr) {
    std::string line = std::string(source) + ": unknown key " + quoted(key) + " has no effect";
    const std::string_view near = nearest(key);
    if (!near.empty()) line += "; did you mean " + std::string(near) + "?";
    warnings_.push_back(std::move(line));
    return;
  }
  switch (known->use()) {
    case ConfigKey::Use::no_effect:
      no_effect_[std::string(source)].push_back(known->name());
      return;
    case ConfigKey::Use::unsupported:
      warnings_.push_back(std::string(source) + ": " + std::string(key) +
                          " has no effect here: " + std::string(known->help()));
      return;
    case ConfigKey::Use::used:
      break;
  }
  Value& stored = values_.at(key);
  stored.text = trim(value);
  stored.source = source;
  const std::string wanted = known->complaint(stored.text);
  if (!wanted.empty()) throw error(key, "must be " + wanted);
}

void Config::apply(const Properties& properties, std::string_view source) {
  for (const auto& [key, value] : properties.values()) set(key, value, source);
}

std::vector<std::string> Config::warnings() const {
  std::vector<std::string> lines = warnings_;
  for (const auto& [source, keys] : no_effect_) {
    std::string line = source + ": accepted without effect:";
    for (std::size_t i = 0; i < keys.size(); ++i) {
      line += i == 0 ? " " : ", ";
      line += keys[i];
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

const std::string& Config::text(std::string_view key) const {
  const ConfigKey* known = find(key);
  const bool choice = known != nullptr && known->type() == ConfigKey::Type::choice;
  return value(key, choice ? ConfigKey::Type::choice : ConfigKey::Type::text).text;
}

std::int64_t Config::integer(std::string_view key) const {
  const std::optional<std::int64_t> number =
      parse_integer(value(key, ConfigKey::Type::integer).text);
  if (!number) throw error(key, "must be a whole number");
  return *number;
}

bool Config::boolean(std::string_view key) const {
  return equal_in_any_case(value(key, ConfigKey::Type::boolean).text, "true");
}

bool Config::is_set(std::string_view key) const { return !values_.at(key).source.empty(); }

Error Config::error(std::string_view key, std::string_view complaint) const {
  const Value& stored = values_.at(key);
  const std::string source = stored.source.empty() ? "default" : stored.source;
  const ConfigKey* known = find(key);
  const bool hide = known != nullptr && known->is_secret();
  return {BaseErrc::bad_value, source + ": " + std::string(key) + " = " +
                                   (hide ? "***" : quoted(stored.text)) + " " +
                                   std::string(complaint)};
}

std::string Config::print() const {
  std::map<std::string_view, std::string> groups;  // the empty source, defaults, comes first
  for (const ConfigKey& key : keys_) {
    if (key.use() != ConfigKey::Use::used) continue;
    const Value& stored = values_.at(key.name());
    const bool hide = key.is_secret() && !stored.text.empty();
    append_property(groups[stored.source], key.name(), hide ? "***" : stored.text);
  }
  std::string out;
  for (const auto& [source, lines] : groups) {
    out += source.empty() ? "# defaults\n" : "# from " + printable(source, 1024) + "\n";
    out += lines;
  }
  return out;
}

std::string Config::describe() const {
  std::size_t width = 0;
  for (const auto& [name, stored] : values_) width = std::max(width, name.size());
  std::string out;
  for (const ConfigKey& key : keys_) {
    if (key.use() != ConfigKey::Use::used) continue;
    out += "  " + std::string(key.name()) + std::string(width - key.name().size() + 2, ' ');
    out += key.help();
    const std::string& otherwise = values_.at(key.name()).text;
    if (!otherwise.empty()) out += " (" + otherwise + ")";
    out += '\n';
  }
  return out;
}

std::string_view Config::nearest(std::string_view name) const {
  constexpr std::size_t kLongestName = 100;  // no key is as long
  if (name.size() > kLongestName) return {};
  std::string_view best;
  std::size_t best_distance = near_distance(name) + 1;
  for (const auto& [key, stored] : values_) {
    const std::size_t distance = edit_distance(name, key);
    if (distance < best_distance) {
      best_distance = distance;
      best = key;
    }
  }
  return best;
}

const ConfigKey* Config::find(std::string_view key) const noexcept {
  const auto found = by_name_.find(key);
  return found == by_name_.end() ? nullptr : found->second;
}

const Config::Value& Config::value(std::string_view key, ConfigKey::Type type) const {
  const ConfigKey* known = find(key);
  if (known == nullptr || known->use() != ConfigKey::Use::used || known->type() != type) {
    throw std::logic_error("no configuration key of this type: " + std::string(key));
  }
  return values_.at(key);
}

}  // namespace comet
