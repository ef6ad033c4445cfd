#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string_view>

namespace comet::inline v0_1::remoting {

// How the header of a command is written.
enum class SerializeType : std::uint8_t { json = 0, rocketmq = 1 };
// "JSON", "ROCKETMQ"; read in any case.
[[nodiscard]] std::string_view to_string(SerializeType type) noexcept;
[[nodiscard]] std::optional<SerializeType> parse_serialize_type(std::string_view name) noexcept;
// Such a word, for options of programs; fails at any other.
std::istream& operator>>(std::istream& in, SerializeType& type);

}  // namespace comet::inline v0_1::remoting
