#include "comet/message/compression.hpp"

#include <boost/test/unit_test.hpp>

#include "comet/message/record.hpp"
#include "comet/message/sys_flag.hpp"

namespace comet::inline v0_1 {
namespace {

constexpr CompressionType kTypes[] = {CompressionType::zlib, CompressionType::lz4,
                                      CompressionType::zstd};

std::string text_of(std::size_t size) {
  std::string text;
  std::uint32_t state = 7;
  while (text.size() < size) {
    state = state * 1664525u + 1013904223u;
    text += "order " + std::to_string(state % 1000) + ", ";
  }
  text.resize(size);
  return text;
}

BOOST_AUTO_TEST_SUITE(compression)

BOOST_AUTO_TEST_CASE(every_type_gives_back_what_it_was_given) {
  for (const CompressionType type : kTypes) {
    for (const std::size_t size : {1u, 100u, 4096u, 70'000u, 4u << 20}) {
      BOOST_TEST_CONTEXT(to_string(type) << " " << size) {
        const std::string text = text_of(size);
        const std::string packed = compress_body(text, type, 5);
        const Result<std::string> back = decompress_body(packed, compression_flags(type), size);
        BOOST_REQUIRE(back.has_value());
        BOOST_TEST((*back == text));
        if (size >= 4096) BOOST_TEST(packed.size() < size / 2);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(flags_and_formats_are_those_of_apache) {
  BOOST_TEST(compression_flags(CompressionType::zlib) == 0x301);
  BOOST_TEST(compression_flags(CompressionType::lz4) == 0x101);
  BOOST_TEST(compression_flags(CompressionType::zstd) == 0x201);
  const std::string text = text_of(5000);
  BOOST_TEST(compress_body(text, CompressionType::zlib, 5).substr(0, 2) == "\x78\x5e");
  BOOST_TEST(compress_body(text, CompressionType::lz4, 5).substr(0, 4) == "\x04\x22\x4d\x18");
  BOOST_TEST(compress_body(text, CompressionType::zstd, 5).substr(0, 4) == "\x28\xb5\x2f\xfd");
  BOOST_TEST((decompress_body(text, 0x701, 1).error() == CompressionErrc::unsupported));
}

BOOST_AUTO_TEST_CASE(no_type_produces_more_than_it_may) {
  for (const CompressionType type : kTypes) {
    BOOST_TEST_CONTEXT(to_string(type)) {
      const std::string bomb = compress_body(std::string(50'000'000, 'x'), type, 9);
      BOOST_TEST(bomb.size() < 500'000u);
      const auto back = decompress_body(bomb, compression_flags(type), 4u << 20);
      BOOST_TEST((back.error() == CompressionErrc::too_large));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_body_that_is_cut_or_no_compressed_text_is_damaged) {
  const std::string text = text_of(3000);
  for (const CompressionType type : kTypes) {
    BOOST_TEST_CONTEXT(to_string(type)) {
      const std::string packed = compress_body(text, type, 5);
      const int flags = compression_flags(type);
      for (std::size_t size = 0; size < packed.size(); ++size) {
        const auto back = decompress_body(std::string_view(packed).substr(0, size), flags, 1 << 20);
        BOOST_TEST((back.error() == CompressionErrc::damaged), "cut to " << size);
      }
      BOOST_TEST(
          (decompress_body("no compressed text", flags, 100).error() == CompressionErrc::damaged));
    }
  }
}

// Java's streams write a body as several frames when they are flushed in between.
BOOST_AUTO_TEST_CASE(a_body_of_several_frames_is_whole_and_bytes_behind_them_are_damage) {
  const std::string first = text_of(3000);
  const std::string second = "second " + text_of(70'000);
  const std::string skipped("\x50\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);  // a skippable frame
  for (const CompressionType type : {CompressionType::lz4, CompressionType::zstd}) {
    BOOST_TEST_CONTEXT(to_string(type)) {
      const int flags = compression_flags(type);
      const std::string one = compress_body(first, type, 5);
      const std::string other = compress_body(second, type, 5);
      const auto back = decompress_body(skipped + one + skipped + other, flags, 1 << 20);
      BOOST_REQUIRE(back.has_value());
      BOOST_TEST((*back == first + second));
      BOOST_TEST((decompress_body(one + other, flags, first.size() + 100).error() ==
                  CompressionErrc::too_large));
      for (const std::string& tail : {std::string("x"), std::string("trailing bytes")}) {
        BOOST_TEST(
            (decompress_body(one + tail, flags, 1 << 20).error() == CompressionErrc::damaged));
      }
    }
  }
}

// What a reader gets from a pull answer.
BOOST_AUTO_TEST_CASE(records_of_every_type_are_read_as_they_were_written) {
  for (const CompressionType type : kTypes) {
    const std::string text = text_of(9000);
    const std::string packed = compress_body(text, type, 5);
    RecordView record;
    record.topic = "orders";
    record.body = packed;
    record.sys_flag = compression_flags(type);
    std::string bytes;
    encode_record(record, bytes);
    const std::vector<MessageExt> read = decode_records(bytes);
    BOOST_REQUIRE(read.size() == 1u);
    BOOST_TEST((read.at(0).body() == text));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1
