#pragma once
// The two serializations of a command's header.

#include <string>
#include <string_view>

#include "comet/base/error.hpp"
#include "comet/remoting/command.hpp"

namespace comet::inline v0_1::remoting {

// Overwrite all of `command` but its body and serialization, reusing its memory.
[[nodiscard]] error_code decode_json_header(std::string_view header, RemotingCommand& command);
[[nodiscard]] error_code decode_binary_header(std::string_view header, RemotingCommand& command);

void encode_json_header(const RemotingCommand& command, std::string& out);
// False with nothing appended when the command has a number or a name that the format cannot hold.
[[nodiscard]] bool encode_binary_header(const RemotingCommand& command, std::string& out);

// Decoders make room for so many at once; SEND_MESSAGE_V2 has up to 14.
inline constexpr std::size_t kUsualFields = 16;
// More make a header malformed: requests have up to 30, and each is looked for among all.
inline constexpr std::size_t kMostFields = 4096;

// What a header says that leaves everything out (Java's defaults of the fields).
inline void reset_header(RemotingCommand& command) noexcept {
  command.code = 0;
  command.version = 0;
  command.opaque = 0;
  command.flag = 0;
  command.language = Language::java;
  command.remark.clear();
  command.fields.clear();
}

[[nodiscard]] inline Language language_of(std::int64_t code) noexcept {
  bool known = code >= 0 && code <= static_cast<std::int64_t>(Language::node_js);
  return known ? static_cast<Language>(code) : Language::other;
}

}  // namespace comet::inline v0_1::remoting
