#include "comet/access/address_rules.hpp"

#include <algorithm>
#include <optional>
#include <span>

namespace comet::inline v0_1::access {
namespace {

using Range = AddressRule::Range;
using Family = AddressRule::Kind;

constexpr std::size_t kMostOfOneText = 4096;

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// At commas that stand outside of braces.
std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  bool in_braces = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') in_braces = true;
    if (text[i] == '}') in_braces = false;
    if (text[i] != ',' || in_braces) continue;
    parts.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::optional<std::uint16_t> parse_decimal(std::string_view text) {
  if (text.empty() || text.size() > 3) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value > 255) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

std::optional<std::uint16_t> parse_hex(std::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    unsigned digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<unsigned>(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<unsigned>(c - 'A') + 10;
    } else {
      return std::nullopt;
    }
    value = value * 16 + digit;
  }
  return static_cast<std::uint16_t>(value);
}

using ParseNumber = std::optional<std::uint16_t> (*)(std::string_view);

// "3", "1-5" or "*".
std::optional<Range> parse_part(std::string_view text, ParseNumber parse, std::uint16_t most) {
  Range range;
  if (text == "*") {
    range.last = most;
    return range;
  }
  const std::size_t dash = text.find('-');
  const auto first = parse(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse(text.substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  range.first = *first;
  range.last = *last;
  return range;
}

std::optional<AddressRule> parse_parts(std::span<const std::string_view> parts, Family kind) {
  AddressRule rule;
  rule.kind = kind;
  const std::size_t count = kind == Family::v4 ? 4 : 8;
  if (parts.size() != count) return std::nullopt;
  for (std::size_t i = 0; i < count; ++i) {
    const auto range = kind == Family::v4 ? parse_part(parts[i], parse_decimal, 255)
                                          : parse_part(parts[i], parse_hex, 0xffff);
    if (!range) return std::nullopt;
    rule.parts[i] = *range;
  }
  return rule;
}

// The parts of an address, as numbers; IPv4 in IPv6's form as IPv4.
AddressRule parts_of(const IpEndpoint& peer) {
  AddressRule rule;
  const std::string_view bytes = peer.ip_bytes();
  const auto byte = [&bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
  const bool is_mapped = bytes.size() == 16 && bytes.substr(0, 12) == kMapped;
  if (!peer.is_v6() || is_mapped) {
    rule.kind = Family::v4;
    const std::size_t first = is_mapped ? 12 : 0;
    for (std::size_t i = 0; i < 4; ++i) {
      rule.parts[i].first = rule.parts[i].last = byte(first + i);
    }
    return rule;
  }
  rule.kind = Family::v6;
  for (std::size_t i = 0; i < 8; ++i) {
    const unsigned value = byte(2 * i) * 256u + byte(2 * i + 1);
    rule.parts[i].first = rule.parts[i].last = static_cast<std::uint16_t>(value);
  }
  return rule;
}

// An address and how many of its first bits count.
std::optional<AddressRule> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpEndpoint::parse_ip(text.substr(0, slash), 0);
  if (!address) return std::nullopt;
  AddressRule rule = parts_of(*address);
  const unsigned part_bits = rule.kind == Family::v4 ? 8 : 16;
  const unsigned all_bits = rule.kind == Family::v4 ? 32 : 128;
  unsigned bits = all_bits;
  if (slash != std::string_view::npos) {
    const auto given = parse_decimal(text.substr(slash + 1));
    if (!given || *given > all_bits) return std::nullopt;
    bits = *given;
  }
  for (Range& range : rule.parts) {
    const unsigned fixed = std::min(bits, part_bits);
    bits -= fixed;
    const unsigned free = (1u << (part_bits - fixed)) - 1;
    range.first = static_cast<std::uint16_t>(range.first & ~free);
    range.last = static_cast<std::uint16_t>(range.first | free);
  }
  return rule;
}

std::optional<AddressRule> parse_rule(std::string_view text) {
  if (text == "*") return AddressRule();
  const bool has_pattern = text.find_first_of("*-") != std::string_view::npos;
  if (!has_pattern) return parse_network(text);
  const Family kind = text.find(':') == std::string_view::npos ? Family::v4 : Family::v6;
  return parse_parts(split(text, kind == Family::v4 ? '.' : ':'), kind);
}

// "10.1.2.{4,6}" is "10.1.2.4" and "10.1.2.6".
std::optional<std::vector<std::string>> unfold(std::string_view text) {
  const std::size_t open = text.find('{');
  if (open == std::string_view::npos) return std::vector<std::string>{std::string(text)};
  const std::string_view inside = text.substr(open + 1);
  if (inside.empty() || inside.find_first_of("{}") != inside.size() - 1 || inside.back() != '}') {
    return std::nullopt;
  }
  std::vector<std::string> all;
  for (const std::string_view end : split(inside.substr(0, inside.size() - 1), ',')) {
    all.push_back(std::string(text.substr(0, open)) + std::string(end));
  }
  return all;
}

bool covers(const AddressRule& rule, const AddressRule& address) noexcept {
  if (rule.kind == Family::any) return true;
  if (rule.kind != address.kind) return false;
  for (std::size_t i = 0; i < rule.parts.size(); ++i) {
    const std::uint16_t value = address.parts[i].first;
    if (value < rule.parts[i].first || value > rule.parts[i].last) return false;
  }
  return true;
}

}  // namespace

std::string AddressRules::add(std::string_view text) {
  if (text.empty()) return {};
  if (text.size() > kMostOfOneText) return "is too long";
  if (text.find_first_of(" \t\r\n") != std::string_view::npos) return "has a space in it";
  std::vector<AddressRule> rules;
  for (const std::string_view item : split_list(text)) {
    const auto all = unfold(item);
    if (!all) return "has braces that are not at its end";
    for (const std::string& one : *all) {
      const auto rule = parse_rule(one);
      if (!rule) {
        return "is no address, range (10.1.2.1-5), pattern (10.1.*.*), list (10.1.2.{4,6}) or "
               "network (10.1.0.0/16)";
      }
      rules.push_back(*rule);
    }
  }
  rules_.insert(rules_.end(), rules.begin(), rules.end());
  return {};
}

bool AddressRules::match(const IpEndpoint& peer) const noexcept {
  if (rules_.empty()) return false;
  const AddressRule address = parts_of(peer);
  return std::ranges::any_of(rules_,
                             [&address](const AddressRule& rule) { return covers(rule, address); });
}

bool AddressRules::let_all_in() const noexcept {
  const auto is_all = [](const AddressRule& rule) {
    if (rule.kind == Family::any) return true;
    const std::uint16_t most = rule.kind == Family::v4 ? 255 : 0xffff;
    const std::size_t count = rule.kind == Family::v4 ? 4 : 8;
    return std::all_of(rule.parts.begin(), rule.parts.begin() + static_cast<std::ptrdiff_t>(count),
                       [most](const Range& r) { return r.first == 0 && r.last == most; });
  };
  return std::ranges::any_of(rules_, is_all);
}

}  // namespace comet::inline v0_1::access
