// The hot codes are encoded and decoded without a single allocation, once memory has been warmed
// up.
#include <boost/test/unit_test.hpp>
#include <functional>

#include "comet/remoting/codec.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "counted_allocations.hpp"

using namespace comet;
using namespace comet::remoting;

namespace {

std::size_t allocations_of(const std::function<void()>& work) {
  const std::size_t before = allocations;
  work();
  return allocations - before;
}

const std::string kProperties =
    "KEYS\x01order-4711\x02TAGS\x01"
    "created\x02UNIQ_KEY\x01"
    "0A00000300015CBC0F2A1B2C3D4E5F60\x02WAIT\x01true\x02";

SendMessageHeader send_header() {
  SendMessageHeader header;
  header.producer_group = "order-service-producers";
  header.topic = "a-topic-whose-name-is-longer-than-a-small-string";
  header.default_topic = "TBW102";
  header.default_topic_queue_nums = 4;
  header.queue_id = 3;
  header.born_timestamp = 1'700'000'000'123;
  header.properties = kProperties;
  header.reconsume_times = 0;
  header.unit_mode = false;
  header.batch = false;
  header.broker_name = "broker-a";
  return header;
}

SendMessageResponseHeader send_answer() {
  SendMessageResponseHeader header;
  header.msg_id = "7F00000100002A9F0000000000012345";
  header.queue_id = 3;
  header.queue_offset = 12'345'678;
  header.region_id = "DefaultRegion";
  header.trace_on = "true";
  return header;
}

PullMessageHeader pull_header() {
  PullMessageHeader header;
  header.consumer_group = "a-consumer-group-with-a-long-name";
  header.topic = "a-topic-whose-name-is-longer-than-a-small-string";
  header.queue_id = 2;
  header.queue_offset = 1'000'000'000'000;
  header.max_msg_nums = 32;
  header.sys_flag = 7;
  header.suspend_timeout_millis = 15'000;
  header.subscription = "TagA || TagB || TagC || TagD";
  header.sub_version = 1'700'000'000'123;
  header.expression_type = "TAG";
  return header;
}

PullMessageResponseHeader pull_answer() {
  PullMessageResponseHeader header;
  header.next_begin_offset = 1'000'000'000'032;
  header.max_offset = 2'000'000'000'000;
  return header;
}

GetRouteInfoHeader route_header() {
  GetRouteInfoHeader header;
  header.topic = "a-topic-whose-name-is-longer-than-a-small-string";
  header.accept_standard_json_only = true;
  return header;
}

// Encoding from one header and decoding into another, with command and buffers in use for long.
template <class Header>
void check_no_allocations(const Header& header, FieldNames names, std::string_view remark = {}) {
  for (SerializeType type : {SerializeType::json, SerializeType::rocketmq}) {
    RemotingCommand sent;
    RemotingCommand received;
    std::string bytes;
    bool same = true;
    auto encode = [&] {
      sent.fields.clear();
      sent.serialize_type = type;
      sent.remark = remark;
      write_header(header, sent.fields, names);
      bytes.clear();
      same = same && encode_frame_head(sent, bytes) == bytes.size();
    };
    auto decode = [&] {
      Result<FrameInfo> frame = inspect_frame(bytes, 16u << 20);
      same = same && frame.has_value() && frame->complete &&
             !decode_header(frame->type, frame->header, received);
      Result<Header> read = read_header<Header>(received.fields, names);
      same = same && read.has_value();
    };
    encode();
    decode();
    const int code = static_cast<int>(type);
    BOOST_TEST(allocations_of(encode) == 0u, "encoding, serialization " << code);
    BOOST_TEST(allocations_of(decode) == 0u, "decoding, serialization " << code);
    BOOST_TEST(same);
  }
}

// HEART_BEAT and the answers of 34 and 105.
struct NoHeader {
  static constexpr std::tuple<> fields{};
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_counter_of_allocations_counts) {
  BOOST_TEST(allocations_of([] { std::string(1000, 'x').clear(); }) == 1u);
  BOOST_TEST(allocations_of([] {}) == 0u);
}

BOOST_AUTO_TEST_CASE(sends_are_encoded_and_decoded_without_allocation) {
  check_no_allocations(send_header(), FieldNames::short_form);
  check_no_allocations(send_header(), FieldNames::full);
}

BOOST_AUTO_TEST_CASE(answers_to_sends_are_encoded_and_decoded_without_allocation) {
  check_no_allocations(send_answer(), FieldNames::full);
}

BOOST_AUTO_TEST_CASE(pulls_are_encoded_and_decoded_without_allocation) {
  check_no_allocations(pull_header(), FieldNames::full);
}

BOOST_AUTO_TEST_CASE(answers_to_pulls_are_encoded_and_decoded_without_allocation) {
  check_no_allocations(pull_answer(), FieldNames::full, "NO_MATCHED_LOGIC_QUEUE, with a long text");
}

BOOST_AUTO_TEST_CASE(route_queries_are_encoded_and_decoded_without_allocation) {
  check_no_allocations(route_header(), FieldNames::full);
}

BOOST_AUTO_TEST_CASE(commands_without_fields_are_encoded_and_decoded_without_allocation) {
  check_no_allocations(NoHeader(), FieldNames::full);
  check_no_allocations(NoHeader(), FieldNames::full, "No topic route info in name server for it");
}
