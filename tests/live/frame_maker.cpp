#include "frame_maker.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "comet/base/bytes.hpp"
#include "comet/base/utf8.hpp"
#include "comet/remoting/codec.hpp"
#include "typed_headers.hpp"

namespace comet::inline v0_1::live {
namespace {

using remoting::RemotingCommand;
using remoting::RequestCode;

constexpr std::int32_t kKnownCodes[] = {
#define COMET_NUMBER(name, number) number,
    COMET_REQUEST_CODES(COMET_NUMBER)
#undef COMET_NUMBER
};

// Names that exist, that may be made, and that may not; few, so that the server's tables stay
// small.
constexpr std::string_view kTopics[] = {"fuzz-a",
                                        "fuzz-b",
                                        "fuzz-c",
                                        "TBW102",
                                        "SCHEDULE_TOPIC_XXXX",
                                        "%RETRY%fuzz-g",
                                        "%DLQ%fuzz-g",
                                        "%RETRY%",
                                        "%DLQ%",
                                        "BenchmarkTest",
                                        "none",
                                        "OFFSET_MOVED_EVENT",
                                        "rmq_sys_x",
                                        "SELF_TEST_TOPIC",
                                        "../../etc/passwd",
                                        "RMQ_SYS_TRANS_HALF_TOPIC",
                                        "a b",
                                        "",
                                        "test-cluster",
                                        "broker-a"};
constexpr std::string_view kGroups[] = {"fuzz-g", "fuzz-h",  "TOOLS_CONSUMER",   "none",
                                        "",       "../../x", "CID_RMQ_SYS_TRANS"};
constexpr std::string_view kProperties[] = {
    "TAGS\x01"
    "A",
    "TAGS\x01"
    "A\x02KEYS\x01k1 k2\x02WAIT\x01true\x02",
    "KEYS\x01k\x02UNIQ_KEY\x01"
    "0A0B0C0D0E0F10111213141516171819\x02",
    "DELAY\x01"
    "1\x02",
    "DELAY\x01"
    "99\x02",
    "DELAY\x01-1\x02",
    "TRAN_MSG\x01true\x02PGROUP\x01p",
    "TIMER_DELAY_SEC\x01"
    "5",
    "\x01\x02\x01\x02",
    "\x02\x02\x02",
    "A\x01\x01\x02",
    "RETRY_TOPIC\x01"
    "fuzz-a\x02ORIGIN_MESSAGE_ID\x01x\x02WAIT\x01"
    "false"};
constexpr std::string_view kNumbers[] = {"0",
                                         "1",
                                         "2",
                                         "3",
                                         "4",
                                         "6",
                                         "7",
                                         "31",
                                         "32",
                                         "100",
                                         "1024",
                                         "-1",
                                         "-2",
                                         "65535",
                                         "65536",
                                         "2147483647",
                                         "-2147483648",
                                         "2147483648",
                                         "4294967296",
                                         "9223372036854775807",
                                         "-9223372036854775808",
                                         "9223372036854775808",
                                         "99999999999999999999999"};
constexpr std::string_view kStrange[] = {"",
                                         " ",
                                         "null",
                                         "true",
                                         "false",
                                         "NaN",
                                         "1e9",
                                         "0x10",
                                         "+1",
                                         "1 ",
                                         "\"",
                                         "\\",
                                         "\\u0000",
                                         "{}",
                                         "[]",
                                         "\xff\xfe",
                                         "\xc0\x80",
                                         "\xed\xa0\x80",
                                         "%s%n%x",
                                         "../..",
                                         "a\x01"
                                         "b",
                                         "a\x02"
                                         "b",
                                         "\xe4\xb8\xad\xe6\x96\x87",
                                         "*",
                                         "A || B",
                                         "||||",
                                         "a > 1 AND b IS NOT NULL",
                                         "UTF-8\t\r\n",
                                         "'; DROP"};

// Codes of which a broker keeps something: their names come from the lists above only.
bool makes_state(std::int32_t code) {
  switch (static_cast<RequestCode>(code)) {
    case RequestCode::update_and_create_topic:
    case RequestCode::update_and_create_topic_list:
    case RequestCode::update_and_create_subscriptiongroup:
    case RequestCode::update_and_create_subscriptiongroup_list:
    case RequestCode::update_broker_config:
    case RequestCode::clone_group_offset:
      return true;
    default:
      return false;
  }
}

bool has_any(std::string_view name, std::initializer_list<std::string_view> parts) {
  return std::ranges::any_of(
      parts, [name](std::string_view part) { return name.find(part) != std::string_view::npos; });
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = utf8_character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

// Bytes that are no UTF-8 end a connection.
bool is_text(const RemotingCommand& command) {
  bool all = is_valid_utf8(command.remark);
  for (std::size_t i = 0; i < command.fields.size() && all; ++i) {
    all = is_valid_utf8(command.fields[i].first) && is_valid_utf8(command.fields[i].second);
  }
  return all;
}

}  // namespace

std::size_t FrameMaker::below(std::size_t end) { return random_() % end; }

std::string FrameMaker::number() {
  if (one_in(3)) return std::to_string(static_cast<std::int64_t>(random_()) >> below(64));
  return std::string(any_of(kNumbers));
}

std::string FrameMaker::bytes(std::size_t size) {
  std::string made(size, '\0');
  for (char& c : made) c = static_cast<char>(random_());
  return made;
}

std::string FrameMaker::strange_text() {
  switch (below(8)) {
    case 0:
      return bytes(below(64));
    case 1:
      return std::string(1u << below(17), static_cast<char>('a' + below(26)));
    case 2:
      return number();
    default:
      return std::string(any_of(kStrange));
  }
}

std::string FrameMaker::fitting_value(std::string_view name, bool is_text) {
  if (!is_text) {
    if ((has_any(name, {"ueueId"}) || name == "e") && !one_in(4)) return std::to_string(below(5));
    if (has_any(name, {"Millis", "Timeout", "ime"}) && !one_in(4))
      return std::to_string(below(2000));
    if (has_any(name, {"erm", "Nums", "Num", "ount"}) && !one_in(8))
      return std::to_string(below(9));
    return one_in(2) ? std::to_string(below(100)) : number();
  }
  if (has_any(name, {"opic"}) || name == "b" || name == "c") {
    return std::string(one_in(2) ? kTopics[below(3)] : any_of(kTopics));
  }
  if (has_any(name, {"roup"}) || name == "a") {
    return std::string(one_in(2) ? kGroups[0] : any_of(kGroups));
  }
  if (name == "properties" || name == "i") return std::string(any_of(kProperties));
  if (has_any(name, {"sgId"}))
    return one_in(2) ? "7F0000010000"
                       "2A9F0000000000000000"
                     : strange_text();
  if (has_any(name, {"lient"})) return "127.0.0.1@fuzz-" + std::to_string(below(50));
  if (name == "statsName") return one_in(2) ? "GROUP_GET_LATENCY" : "TOPIC_PUT_NUMS";
  if (name == "statsKey") return one_in(2) ? "0@fuzz-a@fuzz-g" : "fuzz-a";
  if (name == "expressionType") return one_in(3) ? "SQL92" : "TAG";
  if (name == "subscription") return one_in(2) ? "*" : std::string(any_of(kStrange));
  return one_in(3) ? strange_text() : std::string("value");
}

template <class Header>
void FrameMaker::add_fields(remoting::Fields& fields, bool short_names) {
  auto add = [&](const auto& described) {
    using Member = std::remove_cvref_t<decltype(std::declval<Header>().*(described.member))>;
    const bool optional = remoting::detail::IsOptional<Member>::value;
    if (optional && one_in(2)) return;
    const std::string_view name =
        short_names && !described.short_name.empty() ? described.short_name : described.name;
    const bool is_text = std::is_same_v<Member, std::string_view> ||
                         std::is_same_v<Member, std::string> ||
                         std::is_same_v<Member, std::optional<std::string_view>>;
    const bool is_flag =
        std::is_same_v<Member, bool> || std::is_same_v<Member, std::optional<bool>>;
    fields.add(name,
               is_flag ? std::string(one_in(2) ? "true" : "false") : fitting_value(name, is_text));
  };
  std::apply([&](const auto&... described) { (add(described), ...); }, Header::fields);
}

void FrameMaker::add_fields_of(std::int32_t code, remoting::Fields& fields) {
  using namespace remoting;
  switch (static_cast<RequestCode>(code)) {
    case RequestCode::send_message:
    case RequestCode::send_reply_message:
      return add_fields<SendMessageHeader>(fields, false);
    case RequestCode::send_message_v2:
    case RequestCode::send_batch_message:
    case RequestCode::send_reply_message_v2:
      return add_fields<SendMessageHeader>(fields, true);
    case RequestCode::pull_message:
    case RequestCode::lite_pull_message:
      return add_fields<PullMessageHeader>(fields, false);
    case RequestCode::query_message:
      return add_fields<QueryMessageHeader>(fields, false);
    case RequestCode::query_consumer_offset:
      return add_fields<QueryConsumerOffsetHeader>(fields, false);
    case RequestCode::update_consumer_offset:
      return add_fields<UpdateConsumerOffsetHeader>(fields, false);
    case RequestCode::update_and_create_topic:
      return add_fields<CreateTopicHeader>(fields, false);
    case RequestCode::get_max_offset:
    case RequestCode::get_min_offset:
    case RequestCode::get_earliest_msg_storetime:
      return add_fields<QueueHeader>(fields, false);
    case RequestCode::search_offset_by_timestamp:
      return add_fields<SearchOffsetHeader>(fields, false);
    case RequestCode::view_message_by_id:
      return add_fields<ViewMessageHeader>(fields, false);
    case RequestCode::unregister_client:
      return add_fields<UnregisterClientHeader>(fields, false);
    case RequestCode::consumer_send_msg_back:
      return add_fields<SendMessageBackHeader>(fields, false);
    case RequestCode::end_transaction:
      return add_fields<EndTransactionHeader>(fields, false);
    case RequestCode::get_consumer_list_by_group:
    case RequestCode::get_consumer_connection_list:
      return add_fields<ConsumerGroupHeader>(fields, false);
    case RequestCode::get_topic_stats_info:
    case RequestCode::delete_topic_in_broker:
    case RequestCode::query_topic_consume_by_who:
    case RequestCode::get_topic_config:
      return add_fields<TopicHeader>(fields, false);
    case RequestCode::get_producer_connection_list:
      return add_fields<ProducerGroupHeader>(fields, false);
    case RequestCode::delete_subscriptiongroup:
      return add_fields<DeleteGroupHeader>(fields, false);
    case RequestCode::query_topics_by_consumer:
    case RequestCode::get_subscriptiongroup_config:
      return add_fields<GroupHeader>(fields, false);
    case RequestCode::get_consume_stats:
      return add_fields<ConsumeStatsHeader>(fields, false);
    case RequestCode::get_broker_consume_stats:
      return add_fields<BrokerConsumeStatsHeader>(fields, false);
    case RequestCode::invoke_broker_to_reset_offset:
      return add_fields<ResetOffsetHeader>(fields, false);
    case RequestCode::invoke_broker_to_get_consumer_status:
      return add_fields<ConsumerStatusHeader>(fields, false);
    case RequestCode::query_consume_time_span:
    case RequestCode::query_subscription_by_consumer:
      return add_fields<ConsumeTimeSpanHeader>(fields, false);
    case RequestCode::get_consumer_running_info:
      return add_fields<ConsumerRunningInfoHeader>(fields, false);
    case RequestCode::consume_message_directly:
      return add_fields<ConsumeMessageDirectlyHeader>(fields, false);
    case RequestCode::query_correction_offset:
      return add_fields<CorrectionOffsetHeader>(fields, false);
    case RequestCode::clone_group_offset:
      return add_fields<CloneGroupOffsetHeader>(fields, false);
    case RequestCode::view_broker_stats_data:
      return add_fields<BrokerStatsHeader>(fields, false);
    case RequestCode::query_consume_queue:
      return add_fields<QueryConsumeQueueHeader>(fields, false);
    case RequestCode::update_and_create_acl_config:
      return add_fields<AccessConfigHeader>(fields, false);
    default:
      break;
  }
  // Any header: names that belong to other requests must do no harm either.
  std::size_t chosen = below(test::AllHeaders::size);
  test::for_each_header([&](const auto& header) {
    if (chosen-- == 0) add_fields<std::remove_cvref_t<decltype(header)>>(fields, false);
  });
}

std::string FrameMaker::heartbeat() {
  std::string consumers;
  for (std::size_t i = below(3); i > 0; --i) {
    consumers += fmt::format(
        R"({}{{"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","consumeType":"CONSUME_PASSIVELY",)"
        R"("groupName":"{}","messageModel":"{}","subscriptionDataSet":[{{"classFilterMode":false,)"
        R"("codeSet":[65,{}],"expressionType":"{}","subString":"A || B","subVersion":{},)"
        R"("tagsSet":["A","B"],"topic":"{}"}}],"unitMode":{}}})",
        consumers.empty() ? "" : ",", any_of(kGroups), one_in(3) ? "BROADCASTING" : "CLUSTERING",
        number(), one_in(4) ? "SQL92" : "TAG", number(), any_of(kTopics), one_in(2));
  }
  return fmt::format(
      R"({{"clientID":"127.0.0.1@fuzz-{}","consumerDataSet":[{}],"producerDataSet":[{{"groupName":"{}"}}]}})",
      below(50), consumers, any_of(kGroups));
}

std::string FrameMaker::queue_set() {
  return fmt::format(
      R"({{"clientId":"127.0.0.1@fuzz-{}","consumerGroup":"{}","mqSet":[{{"brokerName":"broker-a",)"
      R"("queueId":{},"topic":"{}"}}]}})",
      below(50), any_of(kGroups), number(), any_of(kTopics));
}

// Messages as a batch holds them, sometimes with lengths that are wrong.
std::string FrameMaker::batch() {
  std::string all;
  for (std::size_t i = 1 + below(4); i > 0; --i) {
    const std::string body = bytes(below(200));
    const std::string properties(any_of(kProperties));
    const std::size_t begin = all.size();
    append_be<std::int32_t>(all, 0);
    append_be<std::int32_t>(all, 0);
    append_be<std::int32_t>(all, 0);
    append_be<std::int32_t>(all, 0);
    append_be<std::int32_t>(all, static_cast<std::int32_t>(one_in(20) ? random_() : body.size()));
    all += body;
    append_be<std::int16_t>(all,
                            static_cast<std::int16_t>(one_in(20) ? random_() : properties.size()));
    all += properties;
    const std::size_t size = one_in(20) ? random_() : all.size() - begin;
    store_be<std::int32_t>(all.data() + begin, static_cast<std::int32_t>(size));
  }
  return all;
}

std::string FrameMaker::valid_body(std::int32_t code) {
  switch (static_cast<RequestCode>(code)) {
    case RequestCode::heart_beat:
    case RequestCode::check_client_config:
      return heartbeat();
    case RequestCode::lock_batch_mq:
    case RequestCode::unlock_batch_mq:
      return queue_set();
    case RequestCode::send_batch_message:
      return batch();
    case RequestCode::send_message_v2:
      return one_in(4) ? batch() : bytes(below(300));
    case RequestCode::update_and_create_subscriptiongroup:
      return fmt::format(
          R"({{"groupName":"{}","consumeEnable":true,"retryQueueNums":{},"retryMaxTimes":{}}})",
          any_of(kGroups), below(4), number());
    case RequestCode::update_and_create_topic_list:
      return fmt::format(R"({{"topicConfigList":[{{"topicName":"{}","readQueueNums":{}}}]}})",
                         any_of(kTopics), one_in(2) ? std::to_string(below(9)) : number());
    case RequestCode::update_broker_config:
      return fmt::format("maxTransferCountOnMessageInMemory={}\n{}={}\n", number(),
                         one_in(2) ? "longPollingEnable" : "storePathRootDir",
                         one_in(2) ? "true" : any_of(kStrange));
    default:
      return one_in(100) ? bytes(1u << below(21)) : bytes(below(300));
  }
}

std::int32_t FrameMaker::choose_code() {
  constexpr std::int32_t kUsual[] = {
      10,  11,  12,  14,  15,  29,  30,  31,  32,  33,  34,  35,  36,  37,  38,  41,  42,  46,  310,
      310, 320, 361, 11,  17,  200, 18,  21,  25,  26,  28,  43,  45,  50,  202, 203, 204, 208, 222,
      223, 300, 303, 305, 306, 307, 308, 309, 314, 315, 316, 317, 321, 328, 329, 343, 345};
  if (one_in(40)) return static_cast<std::int32_t>(random_() >> below(64));
  for (;;) {
    const std::int32_t code = one_in(2) ? any_of(kUsual) : any_of(kKnownCodes);
    // Each of those is a file to be written.
    if (!makes_state(code) || one_in(20)) return code;
  }
}

RemotingCommand FrameMaker::valid_command(std::int32_t code) {
  RemotingCommand command = RemotingCommand::request(static_cast<RequestCode>(code));
  command.opaque = ++opaque_;
  command.language = static_cast<remoting::Language>(below(14));
  command.version = one_in(3) ? static_cast<std::int32_t>(below(520)) : remoting::kVersion;
  if (one_in(4)) command.serialize_type = remoting::SerializeType::rocketmq;
  if (one_in(8)) command.mark_oneway();
  add_fields_of(code, command.fields);
  command.body = Body(valid_body(code));
  return command;
}

void FrameMaker::mutate_fields(RemotingCommand& command) {
  remoting::Fields mutated;
  const bool keep_names = makes_state(command.code);
  for (std::size_t i = 0; i < command.fields.size(); ++i) {
    const auto [key, value] = command.fields[i];
    const bool is_name = has_any(key, {"opic", "roup"}) || key.size() == 1;
    if (one_in(20)) continue;
    if (keep_names && is_name) {
      mutated.add(key, value);
    } else if (one_in(8)) {
      mutated.add(key, one_in(2) ? number() : strange_text());
    } else {
      mutated.add(key, value);
    }
    if (one_in(30)) mutated.add(strange_text(), strange_text());
  }
  if (one_in(10)) command.flag = static_cast<std::int32_t>(random_() >> below(64)) & ~1;
  if (one_in(50)) command.flag |= RemotingCommand::kResponseFlag;
  if (one_in(20)) command.remark = strange_text();
  command.fields = std::move(mutated);
}

void FrameMaker::mutate_bytes(std::string& text) {
  for (std::size_t i = 1 + below(4); i > 0 && !text.empty(); --i) {
    const std::size_t at = below(text.size());
    switch (below(5)) {
      case 0:
        text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 1:
        text[at] = static_cast<char>(random_());
        break;
      case 2:
        text.erase(at, 1 + below(8));
        break;
      case 3:
        text.insert(at, strange_text());
        break;
      default:
        text.resize(at);
    }
  }
}

bool FrameMaker::append(std::string& out) {
  const std::int32_t code = choose_code();
  RemotingCommand command = valid_command(code);
  if (!one_in(4)) mutate_fields(command);
  // Most headers that are damaged end the connection: they come last.
  bool goes_on = is_text(command);
  if (!goes_on && !one_in(20)) {
    command = valid_command(code);
    goes_on = is_text(command);
  }
  std::string body = command.body.to_string();
  if (one_in(4) && !(makes_state(code) && !body.empty())) mutate_bytes(body);
  command.body = Body(body);
  std::string head;
  if (remoting::encode_frame_head(command, head) == 0) return true;
  std::string header = head.substr(8);
  if (one_in(makes_state(code) ? 2000 : 50)) {
    mutate_bytes(header);
    goes_on = false;
  }
  const char type = one_in(2000) ? static_cast<char>(random_()) : head[4];
  append_be<std::int32_t>(out, static_cast<std::int32_t>(4 + header.size() + body.size()));
  append_be<std::int32_t>(out, static_cast<std::int32_t>(header.size()));
  out[out.size() - 4] = type;
  out += header;
  out += body;
  if (!one_in(1000)) return goes_on;
  const std::size_t frame = 8 + header.size() + body.size();
  out[out.size() - frame + below(8)] = static_cast<char>(random_());
  return false;
}

}  // namespace comet::inline v0_1::live
