// Headers of real clients and servers (C++, Go, Node, Java), against an independent JSON parser.
#include <boost/json/src.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <string>

#include "comet/remoting/codec.hpp"
#include "test_data.hpp"

using namespace comet;
using namespace comet::remoting;
namespace json = boost::json;

namespace {

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

// What the header says, by the other parser.
void check_against(const json::object& expected, const RemotingCommand& command) {
  BOOST_TEST(command.code == expected.at("code").as_int64());
  BOOST_TEST(command.version == expected.at("version").as_int64());
  BOOST_TEST(command.opaque == expected.at("opaque").as_int64());
  BOOST_TEST(command.flag == expected.at("flag").as_int64());
  BOOST_TEST(to_string(command.language) == text_of(expected.at("language")));
  const json::value* remark = expected.if_contains("remark");
  BOOST_TEST(command.remark == (remark == nullptr ? "" : text_of(*remark)));
  const json::value* fields = expected.if_contains("extFields");
  if (fields == nullptr) {
    BOOST_TEST(command.fields.empty());
    return;
  }
  BOOST_TEST(command.fields.size() == fields->as_object().size());
  for (const auto& [key, value] : fields->as_object()) {
    auto found = command.fields.find(std::string_view(key.data(), key.size()));
    BOOST_REQUIRE_MESSAGE(found, "field " << key);
    BOOST_TEST(*found == text_of(value));
  }
}

RemotingCommand through(SerializeType type, RemotingCommand command) {
  command.serialize_type = type;
  std::string bytes;
  encode_frame_head(command, bytes);
  Result<FrameInfo> frame = inspect_frame(bytes, bytes.size());
  BOOST_REQUIRE(frame.has_value());
  BOOST_REQUIRE(frame->complete);
  BOOST_TEST((frame->type == type));
  RemotingCommand back;
  BOOST_TEST(!decode_header(frame->type, frame->header, back));
  return back;
}

void check_same(const RemotingCommand& a, const RemotingCommand& b, bool without_empty_fields) {
  BOOST_TEST(a.code == b.code);
  BOOST_TEST(a.version == b.version);
  BOOST_TEST(a.opaque == b.opaque);
  BOOST_TEST(a.flag == b.flag);
  BOOST_TEST((a.language == b.language));
  BOOST_TEST(a.remark == b.remark);
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.fields.size(); ++i) {
    auto [key, value] = a.fields[i];
    if (without_empty_fields && value.empty()) continue;
    ++count;
    BOOST_TEST((b.fields.find(key) == value), "field " << key);
  }
  BOOST_TEST(b.fields.size() == count);
}

}  // namespace

BOOST_AUTO_TEST_CASE(headers_of_real_peers_keep_their_meaning_through_both_codecs) {
  std::ifstream file(comet::test::test_data() + "/remoting/captured_headers.jsonl");
  BOOST_REQUIRE(file.good());
  std::size_t count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    BOOST_TEST_CONTEXT(line) {
      RemotingCommand command;
      BOOST_REQUIRE(!decode_header(SerializeType::json, line, command));
      check_against(json::parse(line).as_object(), command);
      check_same(command, through(SerializeType::json, command), false);
      check_same(command, through(SerializeType::rocketmq, command), true);
    }
  }
  BOOST_TEST(count == 85u);
}
