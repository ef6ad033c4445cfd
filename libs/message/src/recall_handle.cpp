#include "comet/message/recall_handle.hpp"

#include <fmt/format.h>

#include <vector>

#include "comet/base/parse_number.hpp"

namespace comet::inline v0_1 {
namespace {

constexpr std::string_view kVersion = "v1";
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kMostText = 4096;  // of a handle; topic, broker and key are far shorter

std::string encode_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
    for (count += 8; count >= 6; count -= 6) text += kAlphabet[bits >> (count - 6) & 63];
  }
  if (count > 0) text += kAlphabet[bits << (6 - count) & 63];
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  const std::size_t end = text.find_last_not_of('=');
  const std::string_view digits = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
  const std::size_t padding = text.size() - digits.size();
  if (digits.size() % 4 == 1 || padding > 2 || (padding > 0 && text.size() % 4 != 0)) {
    return std::nullopt;
  }
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char digit : digits) {
    const std::size_t value = kAlphabet.find(digit);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 255);
  }
  return bytes;
}

// Apache: NumberUtils.toLong(text, -1).
std::int64_t to_time(std::string_view text) {
  return parse_number<std::int64_t>(text).value_or(-1);
}

}  // namespace

std::string RecallHandle::encode() const {
  return encode_base64(
      fmt::format("{} {} {} {} {}", kVersion, topic, broker_name, time_millis, unique_key));
}

std::optional<RecallHandle> RecallHandle::decode(std::string_view text) {
  if (text.empty() || text.size() > kMostText) return std::nullopt;
  const std::optional<std::string> plain = decode_base64(text);
  if (!plain) return std::nullopt;
  std::vector<std::string_view> items;
  std::string_view rest = *plain;
  while (true) {
    const std::size_t end = rest.find(' ');
    items.push_back(rest.substr(0, end));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  if (items.size() < 5 || items[0] != kVersion || items[4].empty()) return std::nullopt;
  RecallHandle handle;
  handle.topic = items[1];
  handle.broker_name = items[2];
  handle.time_millis = to_time(items[3]);
  handle.unique_key = items[4];
  return handle;
}

}  // namespace comet::inline v0_1
