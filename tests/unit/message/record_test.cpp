#include <boost/test/unit_test.hpp>

#include "comet/base/bytes.hpp"
#include "comet/message/compression.hpp"
#include "comet/message/record.hpp"
#include "comet/message/sys_flag.hpp"

using namespace comet;

namespace {

std::string unhex(std::string_view text) {
  std::string bytes;
  int high = -1;
  for (char c : text) {
    if (c == ' ' || c == '\n') continue;
    int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<char>(high * 16 + digit));
      high = -1;
    }
  }
  return bytes;
}

// Made by Apache 4.9.8's encoder.
std::string golden_record() {
  return unhex(
      "00000072 daa320a7 3610a686 00000003 00000007 000000000000000b 00000000499602d2 00000000 "
      "00000174876e8000 7f000001 00002a9f 00000174876e807b c0a80102 00002a9f 00000002 "
      "0000000000000000 00000005 68656c6c6f 09 546f70696354657374 0009 54414753 01 54616741");
}

RecordView golden_fields() {
  RecordView record;
  record.queue_id = 3;
  record.flag = 7;
  record.queue_offset = 11;
  record.physical_offset = 1234567890;
  record.born_timestamp = 1600000000000;
  record.born_host = IpEndpoint::v4({127, 0, 0, 1}, 10911);
  record.store_timestamp = 1600000000123;
  record.store_host = IpEndpoint::v4({192, 168, 1, 2}, 10911);
  record.reconsume_times = 2;
  record.body = "hello";
  record.topic = "TopicTest";
  record.properties = "TAGS\1TagA";
  return record;
}

std::string encode(const RecordView& record) {
  std::string bytes;
  encode_record(record, bytes);
  return bytes;
}

error_code parse_error(std::string_view bytes) {
  Result<RecordView> record = parse_record(bytes, CheckCrc::yes);
  return record ? error_code() : record.error();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(record)

BOOST_AUTO_TEST_CASE(a_record_is_encoded_as_apache_encodes_it) {
  BOOST_TEST(encode(golden_fields()) == golden_record());
  BOOST_TEST(golden_fields().encoded_size() == 0x72);
}

BOOST_AUTO_TEST_CASE(every_field_of_apaches_record_is_read) {
  std::string bytes = golden_record() + "what follows";
  RecordView record = parse_record(bytes, CheckCrc::yes).value();
  RecordView expected = golden_fields();
  BOOST_TEST(record.total_size == 0x72);
  BOOST_TEST(record.magic == kRecordMagic);
  BOOST_TEST(record.body_crc == 0x3610a686);
  BOOST_TEST(record.queue_id == expected.queue_id);
  BOOST_TEST(record.flag == expected.flag);
  BOOST_TEST(record.queue_offset == expected.queue_offset);
  BOOST_TEST(record.physical_offset == expected.physical_offset);
  BOOST_TEST(record.sys_flag == 0);
  BOOST_TEST(record.born_timestamp == expected.born_timestamp);
  BOOST_TEST((record.born_host == expected.born_host));
  BOOST_TEST(record.store_timestamp == expected.store_timestamp);
  BOOST_TEST((record.store_host == expected.store_host));
  BOOST_TEST(record.reconsume_times == expected.reconsume_times);
  BOOST_TEST(record.prepared_transaction_offset == 0);
  BOOST_TEST(record.body == expected.body);
  BOOST_TEST(record.topic == expected.topic);
  BOOST_TEST(record.properties == expected.properties);
}

BOOST_AUTO_TEST_CASE(checksums_are_masked_to_31_bits_and_zero_for_an_empty_body) {
  BOOST_TEST(body_crc("abc") == 891568578);
  BOOST_TEST(body_crc("") == 0);
}

BOOST_AUTO_TEST_CASE(ipv6_hosts_lengthen_the_record_and_set_their_bits) {
  std::array<std::uint8_t, 16> ip{0x20, 0x01, 0x0d, 0xb8};
  ip[15] = 1;
  for (int hosts = 1; hosts <= 3; ++hosts) {
    RecordView record = golden_fields();
    if ((hosts & 1) != 0) record.born_host = IpEndpoint::v6(ip, 1);
    if ((hosts & 2) != 0) record.store_host = IpEndpoint::v6(ip, 65535);
    std::string bytes = encode(record);
    BOOST_TEST(bytes.size() == 0x72U + (hosts == 3 ? 24U : 12U));
    patch_record(bytes.data(), 5, 6, 7);
    RecordView parsed = parse_record(bytes, CheckCrc::yes).value();
    BOOST_TEST(parsed.sys_flag == hosts << 4);
    BOOST_TEST((parsed.born_host == record.born_host));
    BOOST_TEST((parsed.store_host == record.store_host));
    BOOST_TEST(parsed.queue_offset == 5);
    BOOST_TEST(parsed.physical_offset == 6);
    BOOST_TEST(parsed.store_timestamp == 7);
    BOOST_TEST(parsed.born_timestamp == record.born_timestamp);
    BOOST_TEST(parsed.body == record.body);
  }
}

BOOST_AUTO_TEST_CASE(host_bits_follow_the_hosts_and_not_the_flag_given) {
  RecordView record = golden_fields();
  record.sys_flag = sys_flag::kBornHostV6 | sys_flag::kStoreHostV6 | sys_flag::kTransactionCommit;
  std::string bytes = encode(record);
  BOOST_TEST(parse_record(bytes, CheckCrc::yes).value().sys_flag == sys_flag::kTransactionCommit);
}

BOOST_AUTO_TEST_CASE(a_topic_longer_than_127_bytes_makes_a_version_2_record) {
  RecordView record = golden_fields();
  std::string topic(128, 't');
  record.topic = topic;
  std::string bytes = encode(record);
  BOOST_TEST(bytes.size() == 92U + 5 + 128 + 9);
  RecordView parsed = parse_record(bytes, CheckCrc::yes).value();
  BOOST_TEST(parsed.magic == kRecordMagicV2);
  BOOST_TEST(parsed.topic == topic);
  record.topic = std::string_view(topic).substr(1);
  BOOST_TEST(parse_record(encode(record), CheckCrc::yes).value().magic == kRecordMagic);
}

BOOST_AUTO_TEST_CASE(a_record_cut_at_any_byte_is_refused) {
  std::string bytes = golden_record();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    BOOST_TEST(parse_error(std::string_view(bytes).substr(0, size)) ==
               make_error_code(RecordErrc::truncated));
  }
}

BOOST_AUTO_TEST_CASE(lengths_must_add_up_exactly) {
  std::string bytes = golden_record() + std::string(64, '\0');
  constexpr std::size_t kLengthFields[] = {84, 93, 103};  // last byte of body, topic, properties
  for (std::size_t at : kLengthFields) {
    for (std::size_t byte = at == 84 ? 84 : at; byte <= (at == 84 ? 87 : at + (at == 103));
         ++byte) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string damaged = bytes;
        damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << bit));
        BOOST_TEST(parse_error(damaged) == make_error_code(RecordErrc::bad_length));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_foreign_magic_or_a_tiny_size_is_refused) {
  std::string bytes = golden_record();
  bytes[5] = 0;
  BOOST_TEST(parse_error(bytes) == make_error_code(RecordErrc::bad_magic));
  bytes = golden_record();
  store_be<std::int32_t>(bytes.data(), 90);
  BOOST_TEST(parse_error(bytes) == make_error_code(RecordErrc::bad_length));
  store_be<std::int32_t>(bytes.data(), -1);
  BOOST_TEST(parse_error(bytes) == make_error_code(RecordErrc::bad_length));
}

BOOST_AUTO_TEST_CASE(a_changed_body_is_found_by_its_checksum_when_asked) {
  std::string bytes = golden_record();
  bytes[88] = 'j';
  BOOST_TEST(parse_error(bytes) == make_error_code(RecordErrc::bad_crc));
  BOOST_TEST(parse_record(bytes, CheckCrc::no).value().body == "jello");
}

BOOST_AUTO_TEST_CASE(a_record_becomes_a_message) {
  MessageExt message = to_message(parse_record(golden_record(), CheckCrc::yes).value(), true);
  BOOST_TEST(message.topic() == "TopicTest");
  BOOST_TEST(message.body() == "hello");
  BOOST_TEST(message.tag() == "TagA");
  BOOST_TEST(message.flag() == 7);
  BOOST_TEST(message.queue_id == 3);
  BOOST_TEST(message.queue_offset == 11);
  BOOST_TEST(message.store_size == 0x72);
  BOOST_TEST(message.store_timestamp == 1600000000123);
  BOOST_TEST(message.reconsume_times == 2);
  BOOST_TEST(message.offset_message_id() == "C0A8010200002A9F00000000499602D2");
}

BOOST_AUTO_TEST_CASE(compressed_bodies_are_restored_only_when_asked) {
  std::string text(5000, 'x');
  std::string packed = zlib_compress(text, 5);
  RecordView record = golden_fields();
  record.sys_flag = sys_flag::kCompressed;
  record.body = packed;
  std::string bytes = encode(record);
  RecordView parsed = parse_record(bytes, CheckCrc::yes).value();
  BOOST_TEST(to_message(parsed, true).body() == text);
  BOOST_TEST(to_message(parsed, false).body() == packed);
  record.body = "this is no zlib stream";
  bytes = encode(record);
  // Its good neighbours are read all the same.
  const auto messages = decode_records(golden_record() + bytes + golden_record());
  BOOST_REQUIRE(messages.size() == 3u);
  BOOST_TEST(messages[1].body() == "this is no zlib stream");
  BOOST_TEST(messages[1].is_body_raw);
  BOOST_TEST(!messages[2].is_body_raw);
}

// A Go program that sets Message.Compress sends such ones.
BOOST_AUTO_TEST_CASE(an_empty_body_that_is_said_to_be_compressed_is_empty) {
  RecordView record = golden_fields();
  record.sys_flag = sys_flag::kCompressed;
  record.body = "";
  const std::string bytes = encode(record);
  const MessageExt message = to_message(parse_record(bytes, CheckCrc::yes).value(), true);
  BOOST_TEST(message.body().empty());
  BOOST_TEST(!message.is_body_raw);
}

BOOST_AUTO_TEST_CASE(a_pull_body_is_decoded_up_to_the_first_damaged_record) {
  std::string bytes = golden_record() + golden_record() + golden_record();
  BOOST_TEST(decode_records(bytes).size() == 3U);
  bytes[golden_record().size() * 2 + 89] = '?';
  BOOST_TEST(decode_records(bytes).size() == 2U);
  BOOST_TEST(decode_records(bytes.substr(0, golden_record().size() + 50)).size() == 1U);
  BOOST_TEST(decode_records("").empty());
}

BOOST_AUTO_TEST_CASE(hash_codes_are_javas) {
  BOOST_TEST(java_hash_code("") == 0);
  BOOST_TEST(java_hash_code("TagA") == 2598919);
  BOOST_TEST(java_hash_code("T1#k1") == 79072524);
  BOOST_TEST(java_hash_code("polygenelubricants") == std::numeric_limits<std::int32_t>::min());
  BOOST_TEST(java_hash_code("\xE4\xB8\xAD") == 0x4E2D);
  // U+1F600 is D83D DE00 in UTF-16.
  BOOST_TEST(java_hash_code("\xF0\x9F\x98\x80") == 31 * 0xD83D + 0xDE00);
  BOOST_TEST(java_hash_code("\xFF") == 0xFFFD);
  BOOST_TEST(java_hash_code("\xE4\xB8") == 31 * 0xFFFD + 0xFFFD);
}

BOOST_AUTO_TEST_SUITE_END()
