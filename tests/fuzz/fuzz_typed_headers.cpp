// Every typed header read from whatever fields a header has. Byte 0 of the input chooses the header
// type, byte 1 its names (full or short) and the serialization; the rest is header bytes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "../support/typed_headers.hpp"
#include "header_check.hpp"

namespace {

using namespace comet;
using namespace comet::remoting;

// What was read and written again must read as the same.
template <class Header>
void check(const Fields& fields, FieldNames names) {
  std::string missing;
  Result<Header> header = read_header<Header>(fields, names, &missing);
  fuzz::require(header.has_value() == missing.empty());
  if (!header) return;
  RemotingCommand command;
  write_header(*header, command.fields, names);
  Result<Header> again = read_header<Header>(command.fields, names);
  fuzz::require(again.has_value());
  std::apply(
      [&](const auto&... described) {
        (fuzz::require((*header).*(described.member) == (*again).*(described.member)), ...);
      },
      Header::fields);
  fuzz::check_round_trips(command);
}

template <class... Headers>
void check_one(test::HeaderList<Headers...>, std::size_t chosen, const Fields& fields,
               FieldNames names) {
  std::size_t index = 0;
  ((index++ == chosen ? check<Headers>(fields, names) : void()), ...);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t chosen = data[0] % test::AllHeaders::size;
  const FieldNames names = (data[1] & 1) != 0 ? FieldNames::short_form : FieldNames::full;
  const SerializeType type = (data[1] & 2) != 0 ? SerializeType::rocketmq : SerializeType::json;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  static RemotingCommand command;  // reused, as connections do
  if (decode_header(type, bytes, command)) return 0;
  check_one(test::AllHeaders(), chosen, command.fields, names);
  return 0;
}
