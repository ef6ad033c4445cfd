#include "comet/base/properties.hpp"

#include <fmt/format.h>

#include "comet/base/files.hpp"

namespace comet::inline v0_1 {
namespace {

void append_utf8(std::string& out, std::uint32_t code_point) {
  auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\f'; }

// The next logical line: continuations joined, leading white space and comments gone. `number` is
// moved on to its first line.
bool next_logical_line(std::string_view& rest, std::string& line, std::size_t& number,
                       std::size_t& lines_read) {
  line.clear();
  bool continued = false;
  while (!rest.empty()) {
    std::size_t end = rest.find_first_of("\r\n");
    std::string_view natural = rest.substr(0, end);
    if (end == std::string_view::npos) {
      rest = {};
    } else {
      bool crlf = rest[end] == '\r' && end + 1 < rest.size() && rest[end + 1] == '\n';
      rest.remove_prefix(end + (crlf ? 2 : 1));
    }
    ++lines_read;
    if (!continued) number = lines_read;
    while (!natural.empty() && is_space(natural.front())) natural.remove_prefix(1);
    if (!continued && (natural.empty() || natural.front() == '#' || natural.front() == '!'))
      continue;
    std::size_t backslashes = 0;
    while (backslashes < natural.size() && natural[natural.size() - 1 - backslashes] == '\\')
      ++backslashes;
    if (backslashes % 2 == 1) {
      line += natural.substr(0, natural.size() - 1);
      continued = true;
      continue;
    }
    line += natural;
    return true;
  }
  return continued;
}

bool unescape(std::string_view text, std::string& out) {
  auto hex4 = [&text](std::size_t at, std::uint32_t& value) {
    if (at + 4 > text.size()) return false;
    value = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
      char c = text[i];
      std::uint32_t digit = 0;
      if (c >= '0' && c <= '9')
        digit = static_cast<std::uint32_t>(c - '0');
      else if (c >= 'a' && c <= 'f')
        digit = static_cast<std::uint32_t>(c - 'a' + 10);
      else if (c >= 'A' && c <= 'F')
        digit = static_cast<std::uint32_t>(c - 'A' + 10);
      else
        return false;
      value = value * 16 + digit;
    }
    return true;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out.push_back(text[i]);
      continue;
    }
    if (++i == text.size()) break;
    switch (text[i]) {
      case 't':
        out.push_back('\t');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 'f':
        out.push_back('\f');
        break;
      case 'u': {
        std::uint32_t unit = 0;
        if (!hex4(i + 1, unit)) return false;
        i += 4;
        std::uint32_t low = 0;
        if (unit >= 0xD800 && unit < 0xDC00 && text.substr(i + 1, 2) == "\\u" && hex4(i + 3, low) &&
            low >= 0xDC00 && low < 0xE000) {
          unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
          i += 6;
        }
        append_utf8(out, unit);
        break;
      }
      default:
        out.push_back(text[i]);
    }
  }
  return true;
}

}  // namespace

Result<Properties> Properties::parse(std::string_view text) {
  Properties properties;
  std::string line;
  std::size_t number = 0;
  std::size_t lines_read = 0;
  while (next_logical_line(text, line, number, lines_read)) {
    std::size_t key_end = 0;
    while (key_end < line.size() && !is_space(line[key_end]) && line[key_end] != '=' &&
           line[key_end] != ':') {
      key_end += line[key_end] == '\\' ? 2u : 1u;
    }
    key_end = std::min(key_end, line.size());
    std::size_t value_begin = key_end;
    while (value_begin < line.size() && is_space(line[value_begin])) ++value_begin;
    if (value_begin < line.size() && (line[value_begin] == '=' || line[value_begin] == ':')) {
      ++value_begin;
      while (value_begin < line.size() && is_space(line[value_begin])) ++value_begin;
    }
    std::string key, value;
    if (!unescape(std::string_view(line).substr(0, key_end), key) ||
        !unescape(std::string_view(line).substr(value_begin), value)) {
      return BaseErrc::bad_property_file;
    }
    properties.lines_[key] = number;
    properties.set(std::move(key), std::move(value));
  }
  return properties;
}

Properties Properties::load(const std::string& path) {
  Result<std::string> text = read_file(path);
  if (!text) throw Error(text.error(), fmt::format("read properties file {}", path));
  Result<Properties> properties = parse(*text);
  if (!properties)
    throw Error(properties.error(), fmt::format("properties file {}: bad \\u escape", path));
  return *properties;
}

const std::string* Properties::find(std::string_view key) const {
  auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

std::size_t Properties::line_of(std::string_view key) const {
  const auto found = lines_.find(key);
  return found == lines_.end() ? 0 : found->second;
}

void append_property(std::string& out, std::string_view key, std::string_view value) {
  const auto append = [&out](std::string_view text, bool is_key) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      const bool separates = c == ' ' || c == '=' || c == ':' || c == '#' || c == '!';
      if (c == '\n' || c == '\r' || c == '\t') {
        out += '\\';
        out += c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
      } else {
        if (c == '\\' || (is_key && separates) || (i == 0 && c == ' ')) out += '\\';
        out += c;
      }
    }
  };
  append(key, true);
  out += '=';
  append(value, false);
  out += '\n';
}

std::string change_properties_file(const std::string& path, const Properties& changes,
                                   std::string_view writer) {
  Properties stored;
  // What cannot be read now must not be lost by writing the changes alone.
  const Result<std::string> content = read_file(path);
  if (content) {
    if (const Result<Properties> present = Properties::parse(*content)) stored = *present;
  } else if (content.error() != boost::system::errc::no_such_file_or_directory) {
    return "the configuration in " + path + " cannot be read: " + content.error().message();
  }
  for (const auto& [key, value] : changes.values()) stored.set(key, value);
  std::string text = fmt::format("# Written by {}\n", writer);
  for (const auto& [key, value] : stored.values()) append_property(text, key, value);
  const error_code error = write_file_atomically(path, text, true);
  if (!error) return {};
  return "the configuration cannot be saved to " + path + ": " + error.message();
}

}  // namespace comet::inline v0_1
