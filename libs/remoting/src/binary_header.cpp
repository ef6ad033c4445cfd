#include <concepts>
#include <cstring>
#include <limits>

#include "comet/base/bytes.hpp"
#include "comet/remoting/errors.hpp"
#include "header_codec.hpp"

namespace comet::inline v0_1::remoting {
namespace {

bool fits_int16(std::int64_t value) noexcept {
  return value >= std::numeric_limits<std::int16_t>::min() &&
         value <= std::numeric_limits<std::int16_t>::max();
}

// Sizes of an entry's key and value.
constexpr std::size_t kEntryOverhead = sizeof(std::int16_t) + sizeof(std::int32_t);

// Code, language, version, opaque, flag, and the sizes of the remark and the fields.
constexpr std::size_t kFixedSize = 2 + 1 + 2 + 4 + 4 + 4 + 4;

// Puts values behind each other where there is room for them.
class BigEndianWriter {
 public:
  explicit BigEndianWriter(char* to) noexcept : to_(to) {}
  template <std::integral T>
  void put(T value) noexcept {
    store_be(to_, value);
    to_ += sizeof value;
  }
  void put(std::string_view bytes) noexcept {
    if (!bytes.empty()) std::memcpy(to_, bytes.data(), bytes.size());
    to_ += bytes.size();
  }

 private:
  char* to_;
};

bool fits(const RemotingCommand& command, std::size_t& fields_size) noexcept {
  if (!fits_int16(command.code) || !fits_int16(command.version)) return false;
  fields_size = command.fields.text_size() + command.fields.size() * kEntryOverhead;
  for (std::size_t i = 0; i < command.fields.size(); ++i) {
    if (!fits_int16(static_cast<std::int64_t>(command.fields[i].first.size()))) return false;
  }
  constexpr std::size_t limit = std::numeric_limits<std::int32_t>::max();
  return fields_size <= limit && command.remark.size() <= limit;
}

// An empty key or value is Java's null, which is no entry.
bool read_fields(std::string_view bytes, Fields& fields) {
  ByteReader reader(bytes);
  if (!bytes.empty()) fields.reserve(kUsualFields, bytes.size());
  while (reader.ok() && !reader.rest().empty()) {
    std::string_view key = reader.read_bytes(reader.read<std::int16_t>());
    std::string_view value = reader.read_bytes(reader.read<std::int32_t>());
    if (!reader.ok() || key.empty() || value.empty()) continue;
    if (fields.size() == kMostFields) return false;
    fields.add(key, value);
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
  const std::size_t begin = out.size();
  out.resize(begin + kFixedSize + command.remark.size() + fields_size);
  BigEndianWriter writer(out.data() + begin);
  writer.put(static_cast<std::int16_t>(command.code));
  writer.put(static_cast<std::uint8_t>(command.language));
  writer.put(static_cast<std::int16_t>(command.version));
  writer.put(command.opaque);
  writer.put(command.flag);
  writer.put(static_cast<std::int32_t>(command.remark.size()));
  writer.put(std::string_view(command.remark));
  writer.put(static_cast<std::int32_t>(fields_size));
  for (std::size_t i = 0; i < command.fields.size(); ++i) {
    auto [key, value] = command.fields[i];
    writer.put(static_cast<std::int16_t>(key.size()));
    writer.put(key);
    writer.put(static_cast<std::int32_t>(value.size()));
    writer.put(value);
  }
  return true;
}

}  // namespace comet::inline v0_1::remoting
