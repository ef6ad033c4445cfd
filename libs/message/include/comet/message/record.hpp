#pragma once
// The commit-log record: how a message lies on disk and travels in pull answers (Apache:
// CommitLog.MessageSerializer, MessageDecoder; magic 0xDAA320A7). All numbers big-endian.

#include <cstdint>
#include <string>
#include <string_view>

#include "comet/base/address.hpp"
#include "comet/base/error.hpp"
#include "comet/message/message.hpp"

namespace comet::inline v0_1 {

inline constexpr std::int32_t kRecordMagic = static_cast<std::int32_t>(0xDAA320A7);
inline constexpr std::int32_t kRecordMagicV2 = static_cast<std::int32_t>(0xDAA320AB);
inline constexpr std::int32_t kBlankMagic = static_cast<std::int32_t>(0xCBD43194);
// Overhead of a record with two IPv4 hosts; each IPv6 host adds 12.
inline constexpr std::int32_t kRecordOverhead = 91;

enum class RecordErrc {
  truncated = 1,  // the bytes end before the record does
  bad_magic,      // no record starts here
  bad_length,     // length fields disagree
  bad_crc,        // the body does not match its checksum
};
const boost::system::error_category& record_category() noexcept;
inline error_code make_error_code(RecordErrc code) noexcept {
  return {static_cast<int>(code), record_category()};
}

// CRC-32 as the record stores it: zlib's, masked to 31 bits; 0 for an empty body.
[[nodiscard]] std::int32_t body_crc(std::string_view body) noexcept;

// What a record is made of; views belong to the caller (encode) or to the record's bytes (parse).
class RecordView {
 public:
  std::int32_t total_size = 0;
  std::int32_t magic = kRecordMagic;
  std::int32_t body_crc = 0;
  std::int32_t queue_id = 0;
  std::int32_t flag = 0;
  std::int64_t queue_offset = 0;
  std::int64_t physical_offset = 0;
  std::int32_t sys_flag = 0;
  std::int64_t born_timestamp = 0;
  IpEndpoint born_host;
  std::int64_t store_timestamp = 0;
  IpEndpoint store_host;
  std::int32_t reconsume_times = 0;
  std::int64_t prepared_transaction_offset = 0;
  std::string_view body;
  std::string_view topic;
  std::string_view properties;  // string form

  // Of the record that encode would write.
  [[nodiscard]] std::int32_t encoded_size() const noexcept;
};

enum class CheckCrc { no, yes };

// Reads the record at the front of `bytes` (which may go on behind it). The host bits of sys_flag
// decide the hosts' sizes. Errors: RecordErrc.
[[nodiscard]] Result<RecordView> parse_record(std::string_view bytes, CheckCrc check);

// Appends the record. total_size and body_crc are computed; magic is kRecordMagic, or
// kRecordMagicV2 when the topic is longer than 127 bytes; host bits of sys_flag follow the hosts
// given.
void encode_record(const RecordView& record, std::string& out);

// Fields that are known only when the record gets its place, by their position in encoded bytes.
void patch_record(char* record, std::int64_t queue_offset, std::int64_t physical_offset,
                  std::int64_t store_timestamp) noexcept;

// The message of a record: properties parsed, body decompressed when the sysFlag says so and
// `decompress` is set. A body that does not decompress stays as it is (MessageExt::is_body_raw).
[[nodiscard]] MessageExt to_message(const RecordView& record, bool decompress);

// All records of a pull answer's body, in order. Stops at the first that is damaged and returns
// what came before.
[[nodiscard]] std::vector<MessageExt> decode_records(std::string_view bytes,
                                                     bool decompress = true);

// Java's String.hashCode of UTF-8 text, for tags and index keys.
[[nodiscard]] std::int32_t java_hash_code(std::string_view utf8) noexcept;

}  // namespace comet::inline v0_1

template <>
struct boost::system::is_error_code_enum<comet::RecordErrc> : std::true_type {};
