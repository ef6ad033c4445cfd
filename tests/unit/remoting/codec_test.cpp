// Frames and headers on the wire, after the reference and the captures of other vendors' clients.
#include "comet/remoting/codec.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "comet/base/bytes.hpp"
#include "comet/remoting/errors.hpp"

using namespace comet;
using namespace comet::remoting;
namespace data = boost::unit_test::data;

namespace {

constexpr std::size_t kMaxFrame = 16u << 20;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  std::string digits;
  for (char c : hex) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes += static_cast<char>(std::stoi(digits, nullptr, 16));
    digits.clear();
  }
  return bytes;
}

std::string encode(const RemotingCommand& command) {
  std::string out;
  const std::size_t size = encode_frame_head(command, out);
  BOOST_TEST(size == out.size() + command.body.size());
  return out;
}

std::string json_header_of(const RemotingCommand& command) { return encode(command).substr(8); }

RemotingCommand decode_json(std::string_view header) {
  RemotingCommand command;
  error_code problem = decode_header(SerializeType::json, header, command);
  BOOST_TEST(!problem, header << ": " << problem.message());
  return command;
}

std::string field(const RemotingCommand& command, std::string_view key) {
  return std::string(command.fields.find(key).value_or("(absent)"));
}

// GET_MAX_OFFSET of topic T1, queue 0, from a C++ client; the reference's test vector.
const std::string kBinaryRequest = from_hex(
    "00000034 01000030 001e 01 0199 0000004d 00000000 00000000 0000001b"
    "0005 746f706963 00000002 5431 0007 71756575654964 00000001 30");
const std::string kBinaryReplyHeader =
    from_hex("0000 00 0199 0000004d 00000001 00000000 0000000d 0006 6f6666736574 00000001 38");

}  // namespace

BOOST_AUTO_TEST_CASE(a_rocketmq_header_is_written_as_the_reference_shows) {
  RemotingCommand request = RemotingCommand::request(RequestCode::get_max_offset);
  request.serialize_type = SerializeType::rocketmq;
  request.opaque = 77;
  request.fields.add("topic", "T1");
  request.fields.add("queueId", 0);
  BOOST_TEST(encode(request) == kBinaryRequest);
}

BOOST_AUTO_TEST_CASE(a_rocketmq_header_is_read_as_the_reference_shows) {
  Result<FrameInfo> frame = inspect_frame(kBinaryRequest, kMaxFrame);
  BOOST_REQUIRE(frame.has_value());
  BOOST_TEST(frame->complete);
  BOOST_TEST(frame->size == kBinaryRequest.size());
  BOOST_TEST(frame->body.empty());
  RemotingCommand request;
  BOOST_TEST(!decode_header(frame->type, frame->header, request));
  BOOST_TEST(request.code == 30);
  BOOST_TEST((request.language == Language::cpp));
  BOOST_TEST(request.version == 409);
  BOOST_TEST(request.opaque == 77);
  BOOST_TEST((request.serialize_type == SerializeType::rocketmq));
  BOOST_TEST(field(request, "topic") == "T1");
  BOOST_TEST(field(request, "queueId") == "0");

  RemotingCommand reply;
  BOOST_TEST(!decode_header(SerializeType::rocketmq, kBinaryReplyHeader, reply));
  BOOST_TEST(reply.is_response());
  BOOST_TEST((reply.language == Language::java));
  BOOST_TEST(field(reply, "offset") == "8");
}

BOOST_AUTO_TEST_CASE(a_json_header_is_written_with_its_keys_in_javas_order) {
  RemotingCommand request = RemotingCommand::request(RequestCode::get_routeinfo_by_topic);
  request.opaque = 2;
  request.fields.add("topic", "T1");
  BOOST_TEST(json_header_of(request) ==
             R"({"code":105,"extFields":{"topic":"T1"},"flag":0,"language":"CPP","opaque":2,)"
             R"("serializeTypeCurrentRPC":"JSON","version":409})");

  RemotingCommand answer =
      RemotingCommand::response(request, ResponseCode::topic_not_exist, "No topic route info");
  answer.language = Language::java;
  BOOST_TEST(
      json_header_of(answer) ==
      R"({"code":17,"extFields":{},"flag":1,"language":"JAVA","opaque":2,"remark":"No topic route info",)"
      R"("serializeTypeCurrentRPC":"JSON","version":409})");
}

BOOST_AUTO_TEST_CASE(a_frame_begins_with_its_length_and_mark) {
  RemotingCommand request = RemotingCommand::request(RequestCode::heart_beat, std::string("body"));
  std::string head = encode(request);
  auto header_size = static_cast<std::uint32_t>(head.size() - 8);
  BOOST_TEST(load_be<std::uint32_t>(head.data()) == 4 + header_size + 4);
  BOOST_TEST(load_be<std::uint32_t>(head.data() + 4) == header_size);
}

BOOST_AUTO_TEST_CASE(special_characters_are_escaped_and_come_back) {
  RemotingCommand request = RemotingCommand::request(RequestCode::send_message_v2);
  const std::string properties =
      "KEYS\x01k \"1\"\x02TAGS\x01\\a/\t\n\x1f\x02\u00e9\u4e2d\U0001F600";
  request.fields.add("i", properties);
  request.remark = "a\x01\b\f\r";
  std::string header = json_header_of(request);
  BOOST_TEST(header.find(R"("KEYS\u0001k \"1\"\u0002TAGS\u0001\\a/\t\n\u001f\u0002)") !=
             std::string::npos);
  BOOST_TEST(header.find("\u4e2d\U0001F600") != std::string::npos);
  BOOST_TEST(header.find(R"("remark":"a\u0001\b\f\r")") != std::string::npos);
  RemotingCommand back = decode_json(header);
  BOOST_TEST(field(back, "i") == properties);
  BOOST_TEST(back.remark == request.remark);
}

// Text is looked at in steps of 16 and 8 bytes: whatever stands wherever in them is found.
BOOST_AUTO_TEST_CASE(an_escape_is_found_at_every_place_of_a_text_of_any_size) {
  constexpr std::pair<char, std::string_view> escapes[] = {
      {'"', "\\\""}, {'\\', "\\\\"}, {'\0', "\\u0000"}, {'\x1f', "\\u001f"}, {'\n', "\\n"}};
  for (std::size_t size = 1; size <= 50; ++size) {
    for (std::size_t place = 0; place < size; ++place) {
      for (auto [byte, escape] : escapes) {
        RemotingCommand request = RemotingCommand::request(RequestCode::heart_beat);
        std::string text(size, '\x7f');
        if (size > 2) text[size / 2] = '\xff';  // bytes with the high bit are plain
        text[place] = byte;
        request.fields.add("k", text);
        std::string header = json_header_of(request);
        std::string written = text.substr(0, place).append(escape).append(text, place + 1);
        BOOST_REQUIRE(header.find("{\"k\":\"" + written + "\"}") != std::string::npos);
        BOOST_REQUIRE(field(decode_json(header), "k") == text);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(codes_beyond_16_bits_go_as_json) {
  RemotingCommand request = RemotingCommand::request(RequestCode::pop_message);
  request.serialize_type = SerializeType::rocketmq;
  request.fields.add("topic", "T1");
  std::string head = encode(request);
  Result<FrameInfo> frame = inspect_frame(head, kMaxFrame);
  BOOST_REQUIRE(frame.has_value());
  BOOST_TEST((frame->type == SerializeType::json));
  BOOST_TEST(decode_json(frame->header).code == 200050);
}

BOOST_AUTO_TEST_CASE(field_names_beyond_16_bits_of_length_go_as_json) {
  RemotingCommand request = RemotingCommand::request(RequestCode::heart_beat);
  request.serialize_type = SerializeType::rocketmq;
  const std::string name(40'000, 'n');
  request.fields.add(name, "v");
  std::string head = encode(request);
  BOOST_TEST(head[4] == 0);
  BOOST_TEST(field(decode_json(std::string_view(head).substr(8)), name) == "v");
}

BOOST_AUTO_TEST_CASE(a_header_that_the_format_cannot_hold_is_not_written) {
  RemotingCommand request = RemotingCommand::request(RequestCode::heart_beat);
  request.remark.assign(1u << 24, 'x');
  std::string out = "before";
  BOOST_TEST(encode_frame_head(request, out) == 0u);
  BOOST_TEST(out == "before");
}

BOOST_AUTO_TEST_CASE(a_header_has_so_many_fields) {
  for (const SerializeType type : {SerializeType::json, SerializeType::rocketmq}) {
    RemotingCommand request = RemotingCommand::request(RequestCode::heart_beat);
    request.serialize_type = type;
    for (int i = 0; i < 4096; ++i) request.fields.add(std::to_string(i), "v");
    const auto decoded = [&] {
      std::string bytes;
      encode_frame_head(request, bytes);
      const Result<FrameInfo> frame = inspect_frame(bytes, 16u << 20);
      RemotingCommand command;
      return decode_header(frame->type, frame->header, command);
    };
    BOOST_TEST(!decoded());
    request.fields.add("one more", "v");
    BOOST_TEST((decoded() == RemotingErrc::bad_header));
  }
}

BOOST_AUTO_TEST_CASE(an_empty_json_header_has_javas_defaults) {
  RemotingCommand command = RemotingCommand::request(RequestCode::heart_beat);
  command.remark = "old";
  command.fields.add("old", "value");
  BOOST_TEST(!decode_header(SerializeType::json, " { } ", command));
  BOOST_TEST(command.code == 0);
  BOOST_TEST(command.version == 0);
  BOOST_TEST((command.language == Language::java));
  BOOST_TEST(command.remark.empty());
  BOOST_TEST(command.fields.empty());
}

namespace {

struct Tolerated {
  const char* header;
  const char* same_as;
};
std::ostream& operator<<(std::ostream& out, const Tolerated& row) { return out << row.header; }

const std::vector<Tolerated> kTolerated = {
    {R"({"code":"30","flag":"1","opaque":"-7","version":"409"})",
     R"({"code":30,"flag":1,"opaque":-7,"version":409})"},
    {R"({"code":"\u0033\u0030"})", R"({"code":30})"},
    {R"({"language":9})", R"({"language":"GO"})"},
    {R"({"language":"KLINGON"})", R"({"language":"OTHER"})"},
    {R"({"language":200})", R"({"language":"OTHER"})"},
    {R"({"language":null,"code":null,"remark":null,"extFields":null})", "{}"},
    {R"({"extFields":{"a":1,"b":-2.5e3,"c":true,"d":false,"e":null,"f":"x"}})",
     R"({"extFields":{"a":"1","b":"-2.5e3","c":"true","d":"false","f":"x"}})"},
    {R"({"remark":17})", R"({"remark":"17"})"},
    {R"({"code":5,"unknown":{"a":[1,{"b":[]},"}"],"c":null},"more":[[],[true]],"flag":2})",
     R"({"code":5,"flag":2})"},
    {"{\"code\" :\t5 ,\r\n\"flag\": 2 }  ", R"({"code":5,"flag":2})"},
    {R"({"co\u0064e":5})", R"({"code":5})"},
    {R"({"extFields":{"\u0061\n":"b"}})", "{\"extFields\":{\"a\n\":\"b\"}}"},
    {R"({"remark":"\u00e9\u4E2D\ud83d\ude00\/\b\f\n\r\t\"\\"})",
     "{\"remark\":\"\u00e9\u4e2d\U0001F600/\\b\\f\\n\\r\\t\\\"\\\\\"}"},
    {R"({"remark":"\ud83d!\ude00\ud83d"})", "{\"remark\":\"\uFFFD!\uFFFD\uFFFD\"}"},
    {"{\"remark\":\"a\x01z\"}", R"({"remark":"a\u0001z"})"},
    {R"({"code":1,"code":2})", R"({"code":2})"},
};

void check_same(const RemotingCommand& a, const RemotingCommand& b) {
  BOOST_TEST(a.code == b.code);
  BOOST_TEST(a.flag == b.flag);
  BOOST_TEST(a.opaque == b.opaque);
  BOOST_TEST(a.version == b.version);
  BOOST_TEST((a.language == b.language));
  BOOST_TEST(a.remark == b.remark);
  BOOST_REQUIRE(a.fields.size() == b.fields.size());
  for (std::size_t i = 0; i < a.fields.size(); ++i) {
    BOOST_TEST(a.fields[i].first == b.fields[i].first);
    BOOST_TEST(a.fields[i].second == b.fields[i].second);
  }
}

}  // namespace

BOOST_DATA_TEST_CASE(json_of_other_writers_is_understood, data::make(kTolerated), row) {
  check_same(decode_json(row.header), decode_json(row.same_as));
}

namespace {

std::string nested(int depth) {
  std::string open, close;
  for (int i = 0; i < depth; ++i) {
    open += i % 2 == 0 ? "[" : "{\"k\":";
    close.insert(0, i % 2 == 0 ? "]" : "}");
  }
  return R"({"x":)" + open + "1" + close + "}";
}

const std::vector<std::string> kMalformedJson = {
    "",
    "x",
    "null",
    "[]",
    "17",
    "{",
    "}",
    "{}x",
    "{} {}",
    R"({"code")",
    R"({"code":)",
    R"({"code":1)",
    R"({"code":1,)",
    R"({"code":1,})",
    R"({,"code":1})",
    R"({"code":1 "flag":1})",
    R"({code:1})",
    R"({'code':1})",
    R"({"code":1x})",
    R"({"code":-})",
    R"({"code":1.})",
    R"({"code":1.5})",
    R"({"code":1e})",
    R"({"code":+1})",
    R"({"code":2147483648})",
    R"({"code":-2147483649})",
    R"({"code":"2147483648"})",
    R"({"code":99999999999999999999999999})",
    R"({"code":"one"})",
    R"({"code":""})",
    R"({"code":true})",
    R"({"code":{}})",
    R"({"code":[1]})",
    R"({"flag":"1 "})",
    R"({"language":true})",
    R"({"language":{}})",
    R"({"remark":["x"]})",
    R"({"remark":"x})",
    R"({"remark":"\x41"})",
    R"({"remark":"\)",
    R"({"remark":"\u12"})",
    R"({"remark":"\u12g4"})",
    R"({"remark":tru})",
    R"({"remark":truex})",
    R"({"remark":nul})",
    R"({"extFields":"x"})",
    R"({"extFields":[1]})",
    R"({"extFields":{"a":{}}})",
    R"({"extFields":{"a":["b"]}})",
    R"({"extFields":{"a":"b")",
    R"({"extFields":{"a" "b"}})",
    R"({"x":[1,]})",
    R"({"x":[,1]})",
    R"({"x":[1 2]})",
    R"({"x":[1})",
    R"({"x":@})",
    nested(40),
    nested(100'000),
    std::string(100'000, '['),
};

}  // namespace

BOOST_DATA_TEST_CASE(malformed_json_is_refused, data::make(kMalformedJson), header) {
  RemotingCommand command;
  BOOST_TEST((decode_header(SerializeType::json, header, command) == RemotingErrc::bad_header));
}

BOOST_AUTO_TEST_CASE(nesting_up_to_the_limit_is_skipped) {
  RemotingCommand command;
  BOOST_TEST(!decode_header(SerializeType::json, nested(30), command));
}

BOOST_AUTO_TEST_CASE(every_cut_of_a_header_is_refused) {
  RemotingCommand full = RemotingCommand::request(RequestCode::send_message_v2);
  full.remark = "remark";
  full.fields.add("a", "group");
  full.fields.add("i", "KEYS\x01k\x02");
  RemotingCommand command;
  for (SerializeType type : {SerializeType::json, SerializeType::rocketmq}) {
    full.serialize_type = type;
    const std::string header = encode(full).substr(8);
    BOOST_TEST(!decode_header(type, header, command));
    for (std::size_t size = 0; size < header.size(); ++size) {
      error_code problem = decode_header(type, header.substr(0, size), command);
      BOOST_TEST((problem == RemotingErrc::bad_header), "cut at " << size);
    }
    BOOST_TEST((decode_header(type, header + "x", command) == RemotingErrc::bad_header));
  }
}

namespace {

const std::vector<std::string> kMalformedBinary = {
    // remark longer than the header, negative
    "001e 01 0199 0000004d 00000000 00000001 00000000",
    "001e 01 0199 0000004d 00000000 ffffffff 00000000",
    // fields longer than the header, negative, more bytes than fields
    "001e 01 0199 0000004d 00000000 00000000 00000001",
    "001e 01 0199 0000004d 00000000 00000000 80000000",
    "001e 01 0199 0000004d 00000000 00000000 00000000 00",
    // in the fields: key beyond them, negative key, value beyond them, negative value, cut sizes
    "001e 01 0199 0000004d 00000000 00000000 00000007 0002 61 00000000",
    "001e 01 0199 0000004d 00000000 00000000 00000006 ffff 00000000",
    "001e 01 0199 0000004d 00000000 00000000 00000007 0001 61 00000001",
    "001e 01 0199 0000004d 00000000 00000000 00000007 0001 61 ffffffff",
    "001e 01 0199 0000004d 00000000 00000000 00000001 00",
    "001e 01 0199 0000004d 00000000 00000000 00000005 0001 61 0000",
};

}  // namespace

BOOST_DATA_TEST_CASE(malformed_rocketmq_headers_are_refused, data::make(kMalformedBinary), hex) {
  RemotingCommand command;
  error_code problem = decode_header(SerializeType::rocketmq, from_hex(hex), command);
  BOOST_TEST((problem == RemotingErrc::bad_header));
}

BOOST_AUTO_TEST_CASE(empty_names_and_values_are_javas_null_in_a_rocketmq_header) {
  RemotingCommand command;
  BOOST_TEST(!decode_header(SerializeType::rocketmq,
                            from_hex("001e 63 0199 0000004d 00000000 00000000 00000016"
                                     "0000 00000001 61 0001 61 00000000 0001 62 00000001 63"),
                            command));
  BOOST_TEST((command.language == Language::other));  // 0x63 is nobody's
  BOOST_TEST(command.fields.size() == 1u);
  BOOST_TEST(field(command, "b") == "c");
}

BOOST_AUTO_TEST_CASE(decoding_again_uses_the_commands_memory_again) {
  const std::string header =
      R"({"code":1,"remark":"a remark that is longer than a small string",)"
      R"("extFields":{"topic":"a topic that is longer \u0001 than a small string"}})";
  RemotingCommand command = decode_json(header);
  const char* remark = command.remark.data();
  const char* topic = command.fields[0].second.data();
  BOOST_TEST(!decode_header(SerializeType::json, header, command));
  BOOST_TEST(static_cast<const void*>(command.remark.data()) == static_cast<const void*>(remark));
  BOOST_TEST(static_cast<const void*>(command.fields[0].second.data()) ==
             static_cast<const void*>(topic));
}

BOOST_AUTO_TEST_CASE(fields_are_found_by_their_whole_name) {
  Fields fields;
  const std::vector<std::string> names = {"",
                                          "a",
                                          "ab",
                                          "abcdef",
                                          "abcdefg",
                                          "abcdefgh",
                                          "abcdefgi",
                                          "abcdefghi",
                                          "abcdefghj",
                                          "abcdefg\xff",
                                          std::string(263, 'a'),
                                          std::string(519, 'a'),
                                          std::string("a\0", 2),
                                          std::string("ab\0\0\0\0\0\0", 8)};
  for (std::size_t i = 0; i < names.size(); ++i) fields.add(names[i], i);
  for (std::size_t i = 0; i < names.size(); ++i) {
    BOOST_TEST(fields.find(names[i]).value_or("absent") == std::to_string(i));
  }
  for (std::string_view absent : {"b", "abc", "abcdefz", "abcdefgz", "abcdefghz", "aaaaaaaa"}) {
    BOOST_TEST(!fields.find(absent).has_value());
  }
  fields.add("a", "later");
  BOOST_TEST(fields.find("a").value_or("absent") == "later");
}

BOOST_AUTO_TEST_CASE(views_of_fields_survive_a_move) {
  RemotingCommand command = decode_json(R"({"extFields":{"topic":"T1","n":5}})");
  std::string_view topic = *command.fields.find("topic");
  RemotingCommand moved = std::move(command);
  BOOST_TEST(topic == "T1");
  BOOST_TEST(static_cast<const void*>(moved.fields.find("topic")->data()) ==
             static_cast<const void*>(topic.data()));
}

// Frames.

namespace {

std::string head(std::int32_t length, std::uint32_t mark) {
  std::string bytes;
  append_be<std::int32_t>(bytes, length);
  append_be<std::uint32_t>(bytes, mark);
  return bytes;
}

error_code frame_error(std::string_view bytes) {
  Result<FrameInfo> frame = inspect_frame(bytes, kMaxFrame);
  return frame ? error_code() : frame.error();
}

}  // namespace

BOOST_AUTO_TEST_CASE(impossible_lengths_are_refused_as_soon_as_they_are_there) {
  BOOST_TEST((frame_error(head(-1, 0).substr(0, 4)) == RemotingErrc::frame_too_large));
  BOOST_TEST((frame_error(head(INT32_MIN, 0).substr(0, 4)) == RemotingErrc::frame_too_large));
  BOOST_TEST((frame_error(head(16777213, 0).substr(0, 4)) == RemotingErrc::frame_too_large));
  BOOST_TEST((frame_error(head(0, 0).substr(0, 4)) == RemotingErrc::bad_frame));
  BOOST_TEST((frame_error(head(3, 0).substr(0, 4)) == RemotingErrc::bad_frame));
  BOOST_TEST((frame_error("\x16\x03\x01\x02") == RemotingErrc::frame_too_large));  // TLS hello
  BOOST_TEST((frame_error("GET / HTTP/1.1\r\n") == RemotingErrc::frame_too_large));
  BOOST_TEST((frame_error(head(104, 101)) == RemotingErrc::bad_frame));  // header beyond the frame
  BOOST_TEST((frame_error(head(104, 0x02000010)) == RemotingErrc::bad_frame));  // serialization 2
  BOOST_TEST((frame_error(head(104, 0xff000010)) == RemotingErrc::bad_frame));
}

BOOST_AUTO_TEST_CASE(the_largest_frame_is_accepted) {
  Result<FrameInfo> frame = inspect_frame(head(16777212, 100), kMaxFrame);
  BOOST_REQUIRE(frame.has_value());
  BOOST_TEST(!frame->complete);
  BOOST_TEST(frame->size == kMaxFrame);
}

BOOST_AUTO_TEST_CASE(a_frame_is_complete_with_its_last_byte) {
  const std::string bytes = kBinaryRequest + "next";
  for (std::size_t size = 0; size < kBinaryRequest.size(); ++size) {
    Result<FrameInfo> frame = inspect_frame(std::string_view(bytes).substr(0, size), kMaxFrame);
    BOOST_REQUIRE(frame.has_value());
    BOOST_TEST(!frame->complete);
    BOOST_TEST(frame->size == (size < 4 ? 0 : kBinaryRequest.size()));
  }
  BOOST_TEST(inspect_frame(bytes, kMaxFrame)->complete);
  BOOST_TEST(inspect_frame(bytes, kMaxFrame)->size == kBinaryRequest.size());
}

// Names.

BOOST_AUTO_TEST_CASE(codes_have_rocketmqs_names) {
  BOOST_TEST(to_string(RequestCode::get_routeinfo_by_topic) == "GET_ROUTEINFO_BY_TOPIC");
  BOOST_TEST(to_string(RequestCode::send_message_v2) == "SEND_MESSAGE_V2");
  BOOST_TEST(to_string(static_cast<RequestCode>(4711)) == "UNKNOWN");
  BOOST_TEST(to_string(ResponseCode::topic_not_exist) == "TOPIC_NOT_EXIST");
  BOOST_TEST(to_string(Language::node_js) == "NODE_JS");
  BOOST_TEST((parse_language("DOTNET") == Language::dotnet));
  BOOST_TEST(!parse_language("dotnet").has_value());
}

BOOST_AUTO_TEST_CASE(errors_say_what_they_mean) {
  error_code code = ResponseCode::topic_not_exist;
  BOOST_TEST(code.message() == "TOPIC_NOT_EXIST (response code 17)");
  BOOST_TEST(!error_code(ResponseCode::success));
  code = RemotingErrc::not_sent;
  BOOST_TEST(code.message() == "connection closed before the request was sent");
}
