#include "comet/remoting/command.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <istream>

namespace comet::inline v0_1::remoting {
namespace {

constexpr std::array<std::string_view, 14> kLanguageNames = {
    "JAVA",  "CPP",  "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY",
    "OTHER", "HTTP", "GO",     "PHP",    "OMS",    "RUST",   "NODE_JS"};

}  // namespace

std::string_view to_string(Language language) noexcept {
  auto code = static_cast<std::size_t>(language);
  return code < kLanguageNames.size() ? kLanguageNames[code] : "OTHER";
}

std::optional<Language> parse_language(std::string_view name) noexcept {
  for (std::size_t code = 0; code < kLanguageNames.size(); ++code) {
    if (kLanguageNames[code] == name) return static_cast<Language>(code);
  }
  return std::nullopt;
}

std::string_view to_string(SerializeType type) noexcept {
  return type == SerializeType::json ? "JSON" : "ROCKETMQ";
}

std::optional<SerializeType> parse_serialize_type(std::string_view name) noexcept {
  auto equals = [name](std::string_view upper) {
    auto same = [](char c, char u) {
      return c == u || (c >= 'a' && c <= 'z' && c - 'a' + 'A' == u);
    };
    return std::equal(name.begin(), name.end(), upper.begin(), upper.end(), same);
  };
  if (equals("JSON")) return SerializeType::json;
  if (equals("ROCKETMQ")) return SerializeType::rocketmq;
  return std::nullopt;
}

std::istream& operator>>(std::istream& in, SerializeType& type) {
  std::string word;
  in >> word;
  if (const auto parsed = parse_serialize_type(word)) {
    type = *parsed;
  } else {
    in.setstate(std::ios::failbit);
  }
  return in;
}

void Fields::add(std::string_view key, std::string_view value) {
  char* to = add_sized(key, value.size());
  if (!value.empty()) std::memcpy(to, value.data(), value.size());
}

void Fields::add(std::string_view key, std::int64_t value) {
  char digits[20];
  auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  add(key, std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

char* Fields::add_sized(std::string_view key, std::size_t value_size) {
  const std::size_t begin = text_.size();
  text_.resize(begin + key.size() + value_size);
  char* to = text_.data() + begin;
  if (!key.empty()) std::memcpy(to, key.data(), key.size());
  add_entry({tag_of(key), static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(key.size()),
             static_cast<std::uint32_t>(begin + key.size()),
             static_cast<std::uint32_t>(value_size)});
  return to + key.size();
}

void Fields::set_text(std::string_view text) {
  text_.resize(text.size());
  if (!text.empty()) std::memcpy(text_.data(), text.data(), text.size());
}

std::optional<std::string_view> Fields::find(std::string_view key) const noexcept {
  const std::uint64_t tag = tag_of(key);
  for (std::size_t i = entries_.size(); i-- > 0;) {
    if (is_of(entries_[i], key, tag)) return value_of(entries_[i]);
  }
  return std::nullopt;
}

std::optional<std::string_view> Fields::find_elsewhere(std::string_view key, std::uint64_t tag,
                                                       std::size_t& next) const noexcept {
  if (is_ascending_) {
    const bool is_last = next == entries_.size();
    // Where it would stand: between two that are others.
    if ((is_last || entries_[next].tag > tag) && (next == 0 || entries_[next - 1].tag < tag)) {
      return std::nullopt;
    }
  }
  for (std::size_t i = entries_.size(); i-- > 0;) {
    if (!is_of(entries_[i], key, tag)) continue;
    next = i + 1;
    return value_of(entries_[i]);
  }
  return std::nullopt;
}

void Fields::clear() noexcept {
  text_.clear();
  entries_.clear();
  text_size_ = 0;
  is_ascending_ = true;
}

void Fields::reserve(std::size_t fields, std::size_t bytes) {
  entries_.reserve(fields);
  text_.reserve(bytes);
}

RemotingCommand RemotingCommand::request(RequestCode code, Body body) {
  RemotingCommand command;
  command.code = static_cast<std::int32_t>(code);
  command.body = std::move(body);
  return command;
}

RemotingCommand RemotingCommand::response(const RemotingCommand& to, ResponseCode code,
                                          std::string remark) {
  RemotingCommand command;
  command.code = static_cast<std::int32_t>(code);
  command.opaque = to.opaque;
  command.flag = kResponseFlag;
  command.serialize_type = to.serialize_type;
  command.remark = std::move(remark);
  return command;
}

}  // namespace comet::inline v0_1::remoting
