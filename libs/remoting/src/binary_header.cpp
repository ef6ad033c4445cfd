#include <limits>

#include "comet/base/bytes.hpp"
#include "comet/remoting/errors.hpp"
#include "header_codec.hpp"

namespace comet::remoting {
namespace {

bool fits_int16(std::int64_t value) noexcept {
  return value >= std::numeric_limits<std::int16_t>::min() &&
         value <= std::numeric_limits<std::int16_t>::max();
}

// Sizes of an entry's key and value.
constexpr std::size_t kEntryOverhead = sizeof(std::int16_t) + sizeof(std::int32_t);

bool fits(const RemotingCommand& command, std::size_t& fields_size) noexcept {
  if (!fits_int16(command.code) || !fits_int16(command.version)) return false;
  fields_size = 0;
  for (std::size_t i = 0; i < command.fields.size(); ++i) {
    auto [key, value] = command.fields[i];
    if (!fits_int16(static_cast<std::int64_t>(key.size()))) return false;
    fields_size += kEntryOverhead + key.size() + value.size();
  }
  constexpr std::size_t limit = std::numeric_limits<std::int32_t>::max();
  return fields_size <= limit && command.remark.size() <= limit;
}

// An empty key or value is Java's null, which is no entry.
bool read_fields(std::string_view bytes, Fields& fields) {
  ByteReader reader(bytes);
  while (reader.ok() && !reader.rest().empty()) {
    std::string_view key = reader.read_bytes(reader.read<std::int16_t>());
    std::string_view value = reader.read_bytes(reader.read<std::int32_t>());
    if (reader.ok() && !key.empty() && !value.empty()) fields.add(key, value);
  }
  return reader.ok();
}

}  // namespace

error_code decode_binary_header(std::string_view header, RemotingCommand& command) {
  reset_header(command);
  ByteReader reader(header);
  command.code = reader.read<std::int16_t>();
  command.language = language_of(reader.read<std::uint8_t>());
  command.version = reader.read<std::int16_t>();
  command.opaque = reader.read<std::int32_t>();
  command.flag = reader.read<std::int32_t>();
  command.remark = reader.read_bytes(reader.read<std::int32_t>());
  std::string_view fields = reader.read_bytes(reader.read<std::int32_t>());
  bool good = reader.ok() && reader.rest().empty() && read_fields(fields, command.fields);
  return good ? error_code{} : RemotingErrc::bad_header;
}

bool encode_binary_header(const RemotingCommand& command, std::string& out) {
  std::size_t fields_size = 0;
  if (!fits(command, fields_size)) return false;
  append_be<std::int16_t>(out, static_cast<std::int16_t>(command.code));
  append_be<std::uint8_t>(out, static_cast<std::uint8_t>(command.language));
  append_be<std::int16_t>(out, static_cast<std::int16_t>(command.version));
  append_be<std::int32_t>(out, command.opaque);
  append_be<std::int32_t>(out, command.flag);
  append_be<std::int32_t>(out, static_cast<std::int32_t>(command.remark.size()));
  out += command.remark;
  append_be<std::int32_t>(out, static_cast<std::int32_t>(fields_size));
  for (std::size_t i = 0; i < command.fields.size(); ++i) {
    auto [key, value] = command.fields[i];
    append_be<std::int16_t>(out, static_cast<std::int16_t>(key.size()));
    out += key;
    append_be<std::int32_t>(out, static_cast<std::int32_t>(value.size()));
    out += value;
  }
  return true;
}

}  // namespace comet::remoting
