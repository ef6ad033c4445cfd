#include "comet/message/properties.hpp"

#include <algorithm>

#include "comet/message/property_reader.hpp"

namespace comet::inline v0_1 {
namespace {

constexpr char kNameValueSeparator = '\x01';
constexpr char kPropertySeparator = '\x02';

}  // namespace

std::string_view MessageProperties::get(std::string_view name) const noexcept {
  for (const auto& [key, value] : entries_) {
    if (key == name) return value;
  }
  return {};
}

bool MessageProperties::contains(std::string_view name) const noexcept {
  return std::any_of(entries_.begin(), entries_.end(),
                     [name](const auto& entry) { return entry.first == name; });
}

void MessageProperties::set(std::string_view name, std::string_view value) {
  for (auto& [key, old] : entries_) {
    if (key == name) {
      old = value;
      return;
    }
  }
  entries_.emplace_back(name, value);
}

bool MessageProperties::erase(std::string_view name) {
  return std::erase_if(entries_, [name](const auto& entry) { return entry.first == name; }) != 0;
}

std::string MessageProperties::encode() const {
  std::string text;
  encode_to(text);
  return text;
}

void MessageProperties::encode_to(std::string& out) const {
  for (const auto& [name, value] : entries_) {
    out += name;
    out += kNameValueSeparator;
    out += value;
    out += kPropertySeparator;
  }
}

MessageProperties MessageProperties::decode(std::string_view text) {
  MessageProperties properties;
  PropertyReader reader(text);
  std::string_view name, value;
  while (reader.next(name, value)) properties.set(name, value);
  return properties;
}

std::string_view find_property(std::string_view text, std::string_view name) noexcept {
  // Looking for the name alone is several times faster than property by property.
  std::string_view found, key, value;
  for (;;) {
    const std::size_t at = text.find(name);
    if (at == std::string_view::npos) return found;
    // The property in which it is.
    const std::size_t before = text.substr(0, at).rfind(kPropertySeparator);
    if (before != std::string_view::npos) text.remove_prefix(before + 1);
    if (!PropertyReader(text).next(key, value)) return found;
    if (key == name) found = value;  // as in a map, the last one counts
    text.remove_prefix(static_cast<std::size_t>(value.data() + value.size() - text.data()));
  }
}

void append_to_properties(std::string_view name, std::string_view value, std::string& text) {
  if (!text.empty() && text.back() != kPropertySeparator) text += kPropertySeparator;
  text.append(name).append(1, kNameValueSeparator).append(value);
}

std::string erase_property(std::string_view text, std::string_view name) {
  std::string kept;
  kept.reserve(text.size());
  PropertyReader reader(text);
  std::string_view key, value;
  while (reader.next(key, value)) {
    if (key == name) continue;
    kept.append(key.data(), value.data() + value.size());  // name, separator, value
    kept += kPropertySeparator;
  }
  return kept;
}

}  // namespace comet::inline v0_1
