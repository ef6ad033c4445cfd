#include "comet/message/record.hpp"

#include <libdeflate.h>

#include <array>
#include <cstring>
#include <limits>

#include "comet/base/bytes.hpp"
#include "comet/message/compression.hpp"
#include "comet/message/sys_flag.hpp"

namespace comet::inline v0_1 {

namespace {

// Positions of the fields before the first host, whose size varies.
constexpr std::size_t kQueueOffsetAt = 20;
constexpr std::size_t kPhysicalOffsetAt = 28;
constexpr std::size_t kSysFlagAt = 36;
constexpr std::size_t kBornHostAt = 48;

constexpr std::int32_t kV6HostExtra = 12;
constexpr std::size_t kMaxTopicOfV1 = 127;

// What one small record may inflate to; four times the largest body that any broker accepts by
// default is still far below it.
constexpr std::size_t kMaxDecompressedBody = 64U * 1024 * 1024;

class RecordCategory final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "comet.record"; }
  std::string message(int code) const override {
    switch (static_cast<RecordErrc>(code)) {
      case RecordErrc::truncated:
        return "the record is cut short";
      case RecordErrc::bad_magic:
        return "no record starts here";
      case RecordErrc::bad_length:
        return "the record's lengths disagree";
      case RecordErrc::bad_crc:
        return "the record's body does not match its checksum";
    }
    return "unknown record error";
  }
};

IpEndpoint read_host(ByteReader& reader, bool v6) {
  std::string_view ip = reader.read_bytes(v6 ? 16 : 4);
  auto port = static_cast<std::uint16_t>(reader.read<std::int32_t>());
  if (!reader.ok()) return {};
  if (v6) {
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), ip.data(), bytes.size());
    return IpEndpoint::v6(bytes, port);
  }
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), ip.data(), bytes.size());
  return IpEndpoint::v4(bytes, port);
}

void append_host(std::string& out, const IpEndpoint& host) {
  out.append(host.ip_bytes());
  append_be<std::int32_t>(out, host.port());
}

// The sysFlag with host bits that say what the hosts are.
std::int32_t sys_flag_of(const RecordView& record) noexcept {
  std::int32_t flag = record.sys_flag & ~(sys_flag::kBornHostV6 | sys_flag::kStoreHostV6);
  if (record.born_host.is_v6()) flag |= sys_flag::kBornHostV6;
  if (record.store_host.is_v6()) flag |= sys_flag::kStoreHostV6;
  return flag;
}

bool needs_v2(const RecordView& record) noexcept { return record.topic.size() > kMaxTopicOfV1; }

}  // namespace

const boost::system::error_category& record_category() noexcept {
  static const RecordCategory category;
  return category;
}

std::int32_t body_crc(std::string_view body) noexcept {
  const std::uint32_t crc = libdeflate_crc32(0, body.data(), body.size());
  return static_cast<std::int32_t>(crc & 0x7FFFFFFFU);
}

std::int32_t RecordView::encoded_size() const noexcept {
  std::size_t size = static_cast<std::size_t>(kRecordOverhead) + body.size() + topic.size() +
                     properties.size() + (needs_v2(*this) ? 1 : 0);
  if (born_host.is_v6()) size += kV6HostExtra;
  if (store_host.is_v6()) size += kV6HostExtra;
  constexpr auto kMax = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max());
  return static_cast<std::int32_t>(size < kMax ? size : kMax);
}

Result<RecordView> parse_record(std::string_view bytes, CheckCrc check) {
  if (bytes.size() < 8) return make_error_code(RecordErrc::truncated);
  RecordView record;
  record.total_size = load_be<std::int32_t>(bytes.data());
  record.magic = load_be<std::int32_t>(bytes.data() + 4);
  bool v2 = record.magic == kRecordMagicV2;
  if (record.magic != kRecordMagic && !v2) return make_error_code(RecordErrc::bad_magic);
  if (record.total_size < kRecordOverhead) return make_error_code(RecordErrc::bad_length);
  auto total = static_cast<std::size_t>(record.total_size);
  if (total > bytes.size()) return make_error_code(RecordErrc::truncated);

  ByteReader reader(bytes.substr(8, total - 8));
  record.body_crc = reader.read<std::int32_t>();
  record.queue_id = reader.read<std::int32_t>();
  record.flag = reader.read<std::int32_t>();
  record.queue_offset = reader.read<std::int64_t>();
  record.physical_offset = reader.read<std::int64_t>();
  record.sys_flag = reader.read<std::int32_t>();
  record.born_timestamp = reader.read<std::int64_t>();
  record.born_host = read_host(reader, (record.sys_flag & sys_flag::kBornHostV6) != 0);
  record.store_timestamp = reader.read<std::int64_t>();
  record.store_host = read_host(reader, (record.sys_flag & sys_flag::kStoreHostV6) != 0);
  record.reconsume_times = reader.read<std::int32_t>();
  record.prepared_transaction_offset = reader.read<std::int64_t>();
  record.body = reader.read_bytes(reader.read<std::int32_t>());
  // Both lengths are signed; read_bytes refuses negative ones.
  record.topic = reader.read_bytes(v2 ? reader.read<std::int16_t>() : reader.read<std::int8_t>());
  record.properties = reader.read_bytes(reader.read<std::int16_t>());
  if (!reader.ok() || !reader.rest().empty()) return make_error_code(RecordErrc::bad_length);

  // Apache neither computes nor checks the checksum of an empty body.
  if (check == CheckCrc::yes && !record.body.empty() && body_crc(record.body) != record.body_crc) {
    return make_error_code(RecordErrc::bad_crc);
  }
  return record;
}

void encode_record(const RecordView& record, std::string& out) {
  bool v2 = needs_v2(record);
  out.reserve(out.size() + static_cast<std::size_t>(record.encoded_size()));
  append_be<std::int32_t>(out, record.encoded_size());
  append_be<std::int32_t>(out, v2 ? kRecordMagicV2 : kRecordMagic);
  append_be<std::int32_t>(out, body_crc(record.body));
  append_be<std::int32_t>(out, record.queue_id);
  append_be<std::int32_t>(out, record.flag);
  append_be<std::int64_t>(out, record.queue_offset);
  append_be<std::int64_t>(out, record.physical_offset);
  append_be<std::int32_t>(out, sys_flag_of(record));
  append_be<std::int64_t>(out, record.born_timestamp);
  append_host(out, record.born_host);
  append_be<std::int64_t>(out, record.store_timestamp);
  append_host(out, record.store_host);
  append_be<std::int32_t>(out, record.reconsume_times);
  append_be<std::int64_t>(out, record.prepared_transaction_offset);
  append_be<std::int32_t>(out, static_cast<std::int32_t>(record.body.size()));
  out.append(record.body);
  if (v2) {
    append_be<std::int16_t>(out, static_cast<std::int16_t>(record.topic.size()));
  } else {
    append_be<std::int8_t>(out, static_cast<std::int8_t>(record.topic.size()));
  }
  out.append(record.topic);
  append_be<std::int16_t>(out, static_cast<std::int16_t>(record.properties.size()));
  out.append(record.properties);
}

void patch_record(char* record, std::int64_t queue_offset, std::int64_t physical_offset,
                  std::int64_t store_timestamp) noexcept {
  store_be<std::int64_t>(record + kQueueOffsetAt, queue_offset);
  store_be<std::int64_t>(record + kPhysicalOffsetAt, physical_offset);
  bool v6 = (load_be<std::int32_t>(record + kSysFlagAt) & sys_flag::kBornHostV6) != 0;
  store_be<std::int64_t>(record + kBornHostAt + (v6 ? 20 : 8), store_timestamp);
}

MessageExt to_message(const RecordView& record, bool decompress) {
  MessageExt message;
  // Some clients say of an empty body that it is compressed.
  const bool inflate =
      decompress && (record.sys_flag & sys_flag::kCompressed) != 0 && !record.body.empty();
  Result<std::string> body =
      inflate ? decompress_body(record.body, record.sys_flag, kMaxDecompressedBody)
              : std::string(record.body);
  message.is_body_raw = !body;
  message.body(body ? std::move(*body) : std::string(record.body));
  message.topic(std::string(record.topic)).flag(record.flag);
  message.properties() = MessageProperties::decode(record.properties);
  message.queue_id = record.queue_id;
  message.queue_offset = record.queue_offset;
  message.physical_offset = record.physical_offset;
  message.store_size = record.total_size;
  message.body_crc = record.body_crc;
  message.sys_flag = record.sys_flag;
  message.born_timestamp = record.born_timestamp;
  message.store_timestamp = record.store_timestamp;
  message.born_host = record.born_host;
  message.store_host = record.store_host;
  message.reconsume_times = record.reconsume_times;
  message.prepared_transaction_offset = record.prepared_transaction_offset;
  return message;
}

std::vector<MessageExt> decode_records(std::string_view bytes, bool decompress) {
  std::vector<MessageExt> messages;
  while (!bytes.empty()) {
    Result<RecordView> record = parse_record(bytes, CheckCrc::yes);
    if (!record) break;
    messages.push_back(to_message(*record, decompress));
    bytes.remove_prefix(static_cast<std::size_t>(record->total_size));
  }
  return messages;
}

namespace {

// Decodes one UTF-8 sequence at the front and removes it. Each byte that belongs to none counts as
// U+FFFD.
std::uint32_t next_code_point(std::string_view& text) noexcept {
  constexpr std::uint32_t kReplacement = 0xFFFD;
  auto byte = [&](std::size_t index) { return static_cast<std::uint8_t>(text[index]); };
  std::uint32_t first = byte(0);
  std::size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  std::uint32_t code = length == 1 ? first : first & (0xFFU >> (length + 1));
  bool good = length == 1 || (first >= 0xC2 && first <= 0xF4 && text.size() >= length);
  for (std::size_t i = 1; good && i < length; ++i) {
    good = (byte(i) & 0xC0U) == 0x80U;
    code = code << 6U | (byte(i) & 0x3FU);
  }
  if (good && length == 3) good = code >= 0x800 && (code < 0xD800 || code > 0xDFFF);
  if (good && length == 4) good = code >= 0x10000 && code <= 0x10FFFF;
  text.remove_prefix(good ? length : 1);
  return good ? code : kReplacement;
}

}  // namespace

std::int32_t java_hash_code(std::string_view utf8) noexcept {
  std::uint32_t hash = 0;
  while (!utf8.empty()) {
    std::uint32_t code = next_code_point(utf8);
    if (code >= 0x10000) {  // Java hashes UTF-16 units: a surrogate pair
      hash = 31 * hash + (0xD800 + ((code - 0x10000) >> 10U));
      code = 0xDC00 + ((code - 0x10000) & 0x3FFU);
    }
    hash = 31 * hash + code;
  }
  return static_cast<std::int32_t>(hash);
}

}  // namespace comet::inline v0_1
