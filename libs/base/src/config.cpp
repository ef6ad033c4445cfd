#include "comet/base/config.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <stdexcept>
#include <utility>

#include "comet/base/ascii.hpp"
#include "comet/base/edit_distance.hpp"
#include "comet/base/parse_number.hpp"
#include "comet/base/printable.hpp"

namespace comet::inline v0_1 {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);  // as Java
  return parse_number<std::int64_t>(text);
}

std::string quoted(std::string_view text) { return '"' + printable(text) + '"'; }

template <class Equal>
bool is_choice(std::string_view choices, std::string_view value, Equal equal) {
  for (;;) {
    const std::size_t end = choices.find('|');
    if (equal(choices.substr(0, end), value)) return true;
    if (end == std::string_view::npos) return false;
    choices.remove_prefix(end + 1);
  }
}

// "broker.conf:12", or without the line where there is none.
std::string place(std::string_view source, std::size_t line) {
  std::string text(source);
  if (line > 0) text += ":" + std::to_string(line);
  return text;
}

std::string join_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

}  // namespace

std::string ConfigKey::complaint(std::string_view value) const {
  switch (type_) {
    case Type::text:
      return {};
    case Type::integer: {
      const std::optional<std::int64_t> number = parse_integer(value);
      if (number && (is_clamped_ || (*number >= least_ && *number <= most_))) return {};
      return "must be a whole number from " + std::to_string(least_) + " to " +
             std::to_string(most_);
    }
    case Type::boolean:
      if (equal_in_any_case(value, "true") || equal_in_any_case(value, "false")) return {};
      return "must be true or false";
    case Type::choice:
      if (use_ == Use::refused) {
        if (is_choice(choices_, value, equal_in_any_case)) return {};
        return "cannot be served: " + std::string(help_);
      }
      if (is_choice(choices_, value, std::equal_to<>())) return {};
      return "must be one of " + std::string(choices_);
  }
  return {};
}

std::int64_t ConfigKey::clamp(std::int64_t value) const noexcept {
  return is_clamped_ ? std::clamp(value, least_, most_) : value;
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

void Config::set(std::string_view key, std::string_view value, std::string_view source,
                 std::size_t line) {
  const ConfigKey* known = find(key);
  if (known == nullptr) {
    std::string text = place(source, line) + ": unknown key " + quoted(key) + " has no effect";
    const std::string_view near = nearest(key);
    if (!near.empty()) text += "; did you mean " + std::string(near) + "?";
    unknown_.push_back(std::move(text));
    return;
  }
  Value given{std::string(trim(value)), std::string(source), line};
  switch (known->use()) {
    case ConfigKey::Use::no_effect:
      no_effect_[given.source].push_back(known->name());
      return;
    case ConfigKey::Use::unsupported:
      warnings_.push_back(place(source, line) + ": " + std::string(key) +
                          " has no effect here: " + std::string(known->help()));
      return;
    case ConfigKey::Use::refused:
    case ConfigKey::Use::used:
      break;
  }
  if (const std::string wrong = known->complaint(given.text); !wrong.empty()) {
    throw make_error(*known, given, wrong);
  }
  if (known->use() == ConfigKey::Use::refused) return;
  if (known->type() == ConfigKey::Type::integer) clamp(*known, given);
  values_.at(key) = std::move(given);
}

// The warning belongs to the configuration that is set, not to each look at the value.
void Config::clamp(const ConfigKey& key, Value& given) {
  const std::int64_t number = parse_integer(given.text).value();
  const std::int64_t held = key.clamp(number);
  if (held == number) return;
  warnings_.push_back(place(given.source, given.line) + ": " + std::string(key.name()) + " = " +
                      quoted(given.text) + " is taken as " + std::to_string(held) +
                      ", as Apache does");
  given.text = std::to_string(held);
}

void Config::apply(const Properties& properties, std::string_view source) {
  std::map<std::size_t, std::vector<std::string>> wrong;  // by line
  for (const auto& [key, value] : properties.values()) {
    const std::size_t line = properties.line_of(key);
    try {
      set(key, value, source, line);
    } catch (const Error& problem) {
      wrong[line].push_back(problem.context());
    }
  }
  if (wrong.empty()) return;
  std::vector<std::string> lines;
  for (const auto& [line, texts] : wrong) lines.insert(lines.end(), texts.begin(), texts.end());
  throw Error(BaseErrc::bad_value, join_lines(lines));
}

std::vector<std::string> Config::warnings() const {
  std::vector<std::string> lines = unknown_;
  lines.insert(lines.end(), warnings_.begin(), warnings_.end());
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
  return make_error(*by_name_.at(key), values_.at(key), complaint);
}

Error Config::make_error(const ConfigKey& key, const Value& value, std::string_view complaint) {
  const std::string source = value.source.empty() ? "default" : place(value.source, value.line);
  return {BaseErrc::bad_value, source + ": " + std::string(key.name()) + " = " +
                                   (key.is_secret() ? "***" : quoted(value.text)) + " " +
                                   std::string(complaint)};
}

std::map<std::string_view, std::string> Config::lines_by_source() const {
  std::map<std::string_view, std::string> groups;  // the empty source, defaults, comes first
  for (const ConfigKey& key : keys_) {
    if (key.use() != ConfigKey::Use::used) continue;
    const Value& stored = values_.at(key.name());
    const bool hide = key.is_secret() && !stored.text.empty();
    append_property(groups[stored.source], key.name(), hide ? "***" : stored.text);
  }
  return groups;
}

std::string Config::print() const {
  std::string out;
  for (const auto& [source, lines] : lines_by_source()) {
    out += source.empty() ? "# defaults\n" : "# from " + printable(source, 1024) + "\n";
    out += lines;
  }
  return out;
}

std::string Config::print_values() const {
  std::string out;
  for (const auto& [source, lines] : lines_by_source()) out += lines;
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
  for (const auto& [key, row] : by_name_) {
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

}  // namespace comet::inline v0_1
