#pragma once
// Typed command headers. A header is a struct with one declarative description of its fields, from
// which reading and writing of extFields are made:
//
//   struct GetRouteInfoHeader {
//     std::string topic;
//     std::optional<bool> accept_standard_json_only;
//     static constexpr auto fields = std::make_tuple(
//         field("topic", &GetRouteInfoHeader::topic),
//         field("acceptStandardJsonOnly", &GetRouteInfoHeader::accept_standard_json_only));
//   };
//
// Member types: std::string, std::string_view (a view into the command: valid while the command
// lives and its fields are not changed), std::int32_t, std::int64_t, bool, and std::optional of
// these. An optional member may be absent on the wire; any other must be present when read.
// A field may have a second name, RocketMQ's one-letter form (SEND_MESSAGE_V2).
//
// Reading is as tolerant as RocketMQ's: numbers may come as text, booleans in any case, unknown
// fields are ignored; a number that does not parse counts as absent.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "comet/base/error.hpp"
#include "comet/base/parse_number.hpp"
#include "comet/remoting/command.hpp"
#include "comet/remoting/errors.hpp"

namespace comet::inline v0_1::remoting {

enum class FieldNames { full, short_form };

template <class Owner, class Value>
struct HeaderField {
  std::string_view name;
  std::string_view short_name;  // empty: none
  Value Owner::* member;
  std::uint64_t tag = Fields::tag_of(name);
  std::uint64_t short_tag = Fields::tag_of(short_name);

  [[nodiscard]] constexpr bool is_short(FieldNames names) const noexcept {
    return names == FieldNames::short_form && !short_name.empty();
  }
  [[nodiscard]] constexpr std::string_view name_in(FieldNames names) const noexcept {
    return is_short(names) ? short_name : name;
  }
};

template <class Owner, class Value>
constexpr HeaderField<Owner, Value> field(std::string_view name, Value Owner::* member) {
  return {name, {}, member};
}
template <class Owner, class Value>
constexpr HeaderField<Owner, Value> field(std::string_view name, std::string_view short_name,
                                          Value Owner::* member) {
  return {name, short_name, member};
}

namespace detail {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <class T>
bool parse_field(std::string_view text, T& value) {
  if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>) {
    value = T(text);
    return true;
  } else if constexpr (std::is_same_v<T, bool>) {
    value = text.size() == 4 && (text[0] | 0x20) == 't' && (text[1] | 0x20) == 'r' &&
            (text[2] | 0x20) == 'u' && (text[3] | 0x20) == 'e';
    return true;
  } else {
    const std::optional<T> number = parse_number<T>(text);
    if (number) value = *number;
    return number.has_value();
  }
}

template <class Header, class Field>
bool read_field(const Fields& fields, FieldNames names, const Field& described, Header& header,
                std::string_view& missing, std::size_t& next) {
  const std::string_view name = described.name_in(names);
  const std::uint64_t tag = described.is_short(names) ? described.short_tag : described.tag;
  auto& member = header.*(described.member);
  using Member = std::remove_reference_t<decltype(member)>;
  const std::optional<std::string_view> text = fields.find(name, tag, next);
  if constexpr (IsOptional<Member>::value) {
    if (text) {
      typename Member::value_type value{};
      if (parse_field(*text, value)) member = std::move(value);
    }
    return true;
  } else {
    if (text && parse_field(*text, member)) return true;
    if (missing.empty()) missing = name;
    return false;
  }
}

template <class Header, class Field>
void write_field(Fields& fields, FieldNames names, const Field& described, const Header& header) {
  const std::string_view name = described.name_in(names);
  const auto& member = header.*(described.member);
  if constexpr (IsOptional<std::remove_cvref_t<decltype(member)>>::value) {
    if (member) fields.add(name, *member);
  } else {
    fields.add(name, member);
  }
}

}  // namespace detail

// Reads into a header that is as it was made. Returns the name of the first required field that is
// missing or malformed, or "".
template <class Header>
[[nodiscard]] std::string_view fill_header(Header& header, const Fields& fields,
                                           FieldNames names = FieldNames::full) {
  std::string_view missing;
  bool complete = true;
  std::size_t next = 0;
  auto read_one = [&](const auto& described) {
    if (!detail::read_field(fields, names, described, header, missing, next)) complete = false;
  };
  std::apply([&](const auto&... described) { (read_one(described), ...); }, Header::fields);
  return complete ? std::string_view() : missing;
}

// Reads a header. When required fields are missing or malformed: RemotingErrc::missing_field, and
// `missing`, if given, names the first of them.
template <class Header>
[[nodiscard]] Result<Header> read_header(const Fields& fields, FieldNames names = FieldNames::full,
                                         std::string* missing = nullptr) {
  Header header{};
  const std::string_view first_missing = fill_header(header, fields, names);
  if (first_missing.empty()) return header;
  if (missing != nullptr) *missing = first_missing;
  return RemotingErrc::missing_field;
}

template <class Header>
void write_header(const Header& header, Fields& fields, FieldNames names = FieldNames::full) {
  std::apply(
      [&](const auto&... described) {
        (detail::write_field(fields, names, described, header), ...);
      },
      Header::fields);
}

template <class Header>
  requires requires { Header::fields; }
RemotingCommand RemotingCommand::request(RequestCode code, const Header& header, Body body) {
  RemotingCommand command = request(code, std::move(body));
  write_header(header, command.fields);
  return command;
}

}  // namespace comet::inline v0_1::remoting
