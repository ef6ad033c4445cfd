// Every code that a broker answers, with missing and absurd fields: an answer that says what is
// wrong, and a broker that goes on.

#include <set>

#include "admin_fixture.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

// A code and the fields without which it cannot be answered.
struct Row {
  RequestCode code;
  std::vector<std::string> required;
};

const std::vector<Row> kRows = {
    {RequestCode::query_message, {"topic", "key", "maxNum", "beginTimestamp", "endTimestamp"}},
    {RequestCode::query_consumer_offset, {"consumerGroup", "topic", "queueId"}},
    {RequestCode::update_consumer_offset, {"consumerGroup", "topic", "queueId", "commitOffset"}},
    {RequestCode::update_and_create_topic, {"topic", "readQueueNums", "writeQueueNums", "perm"}},
    {RequestCode::search_offset_by_timestamp, {"topic", "queueId", "timestamp"}},
    {RequestCode::get_max_offset, {"topic", "queueId"}},
    {RequestCode::get_min_offset, {"topic", "queueId"}},
    {RequestCode::get_earliest_msg_storetime, {"topic", "queueId"}},
    {RequestCode::view_message_by_id, {"offset"}},
    {RequestCode::unregister_client, {"clientID"}},
    {RequestCode::consumer_send_msg_back, {"offset", "group", "delayLevel"}},
    {RequestCode::get_consumer_list_by_group, {"consumerGroup"}},
    {RequestCode::get_topic_stats_info, {"topic"}},
    {RequestCode::get_consumer_connection_list, {"consumerGroup"}},
    {RequestCode::get_producer_connection_list, {"producerGroup"}},
    {RequestCode::delete_subscriptiongroup, {"groupName"}},
    {RequestCode::get_consume_stats, {"consumerGroup"}},
    {RequestCode::delete_topic_in_broker, {"topic"}},
    {RequestCode::invoke_broker_to_reset_offset, {"topic", "group", "timestamp"}},
    {RequestCode::invoke_broker_to_get_consumer_status, {"topic", "group"}},
    {RequestCode::query_topic_consume_by_who, {"topic"}},
    {RequestCode::query_consume_time_span, {"topic", "group"}},
    {RequestCode::get_consumer_running_info, {"consumerGroup", "clientId"}},
    {RequestCode::query_correction_offset, {"compareGroup", "topic"}},
    {RequestCode::consume_message_directly, {"consumerGroup"}},
    {RequestCode::clone_group_offset, {"srcGroup", "destGroup"}},
    {RequestCode::view_broker_stats_data, {"statsName", "statsKey"}},
    {RequestCode::get_broker_consume_stats, {"isOrder"}},
    {RequestCode::query_consume_queue, {"topic", "queueId", "index", "count"}},
    {RequestCode::query_topics_by_consumer, {"group"}},
    {RequestCode::query_subscription_by_consumer, {"group", "topic"}},
    {RequestCode::get_topic_config, {"topic"}},
    {RequestCode::get_subscriptiongroup_config, {"group"}},
    {RequestCode::update_and_create_acl_config, {"accessKey"}},
    {RequestCode::delete_acl_config, {"accessKey"}},
    {RequestCode::update_global_white_addrs_config, {"globalWhiteAddrs"}},
};

// That need no header.
const std::vector<RequestCode> kPlain = {RequestCode::get_all_topic_config,
                                         RequestCode::get_broker_config,
                                         RequestCode::get_broker_runtime_info,
                                         RequestCode::get_all_consumer_offset,
                                         RequestCode::get_all_delay_offset,
                                         RequestCode::get_all_subscriptiongroup_config,
                                         RequestCode::get_system_topic_list_from_broker,
                                         RequestCode::get_all_producer_info,
                                         RequestCode::delete_expired_commitlog};

const std::vector<RequestCode> kWithBody = {RequestCode::update_and_create_topic_list,
                                            RequestCode::update_broker_config,
                                            RequestCode::heart_beat,
                                            RequestCode::lock_batch_mq,
                                            RequestCode::unlock_batch_mq,
                                            RequestCode::update_and_create_subscriptiongroup,
                                            RequestCode::update_and_create_subscriptiongroup_list};

bool is_number(const std::string& field) {
  static const std::set<std::string> kNumbers = {
      "queueId",       "timestamp",      "offset",    "maxNum", "beginTimestamp",
      "endTimestamp",  "commitOffset",   "index",     "count",  "perm",
      "readQueueNums", "writeQueueNums", "delayLevel"};
  return kNumbers.contains(field);
}

const std::string kWords[] = {
    "",        "no-such", "../../etc/passwd",     "a@b@c",    "@",
    "%RETRY%", "TBW102",  std::string(3000, 'x'), "\x01\x02", "\xe4\xb8\xad",
    "{}"};
const std::string kNumberWords[] = {
    "-1", "0", "2147483647", "-2147483648", "65536", "9223372036854775807", "-9223372036854775808"};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(admin_errors, AdminFixture)

BOOST_AUTO_TEST_CASE(a_missing_field_is_named) {
  start();
  for (const Row& row : kRows) {
    for (const std::string& missing : row.required) {
      RemotingCommand request = RemotingCommand::request(row.code);
      for (const std::string& field : row.required) {
        if (field != missing) request.fields.add(field, is_number(field) ? "0" : "x");
      }
      const RemotingCommand answer = ask(std::move(request));
      const std::string name = std::string(to_string(row.code)) + " without " + missing;
      BOOST_TEST((answer.response_code() == ResponseCode::system_error), name);
      BOOST_TEST(answer.remark.find("header field " + missing) != std::string::npos,
                 name << ": " << answer.remark);
    }
  }
}

BOOST_AUTO_TEST_CASE(numbers_that_are_none_are_named_too) {
  start();
  for (const Row& row : kRows) {
    for (const std::string& field : row.required) {
      if (!is_number(field)) continue;
      for (const char* bad : {"", "x", "1e9", "99999999999999999999", " 1", "0x10"}) {
        RemotingCommand request = RemotingCommand::request(row.code);
        for (const std::string& other : row.required) {
          request.fields.add(other, other == field ? bad : is_number(other) ? "0" : "x");
        }
        const RemotingCommand answer = ask(std::move(request));
        BOOST_TEST(answer.remark.find("header field " + field) != std::string::npos,
                   to_string(row.code) << " " << field << "=" << bad << ": " << answer.remark);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(absurd_values_are_answered_and_the_broker_goes_on) {
  start();
  ask(send_request("T", "x"));
  commit("CG", "T", 0, 1);
  ConsumerClient consumer(*this, "c1");
  consumer.connect();
  for (const Row& row : kRows) {
    for (std::size_t varied = 0; varied < row.required.size(); ++varied) {
      const std::string& field = row.required[varied];
      const auto words =
          is_number(field)
              ? std::vector<std::string>(std::begin(kNumberWords), std::end(kNumberWords))
              : std::vector<std::string>(std::begin(kWords), std::end(kWords));
      for (const std::string& word : words) {
        RemotingCommand request = RemotingCommand::request(row.code);
        for (const std::string& other : row.required) {
          request.fields.add(other, other == field        ? word
                                    : is_number(other)    ? "0"
                                    : other == "topic"    ? "T"
                                    : other == "clientId" ? "c1"
                                                          : "CG");
        }
        // Deletions wait for a thread of the store's.
        const RemotingCommand answer = row.code == RequestCode::delete_topic_in_broker
                                           ? ask_helper(std::move(request))
                                           : ask(std::move(request));
        BOOST_TEST((answer.code == 0 || !answer.remark.empty()),
                   to_string(row.code) << " " << field << "=" << word.substr(0, 40));
      }
    }
  }
  BOOST_TEST(ask(send_request("another", "x")).code == 0);
}

BOOST_AUTO_TEST_CASE(requests_without_a_header_care_for_none) {
  start();
  for (RequestCode code : kPlain) {
    RemotingCommand request = RemotingCommand::request(code, Body(std::string("{not json")));
    request.fields.add("topic", "../x");
    BOOST_TEST(ask(std::move(request)).code == 0, to_string(code));
  }
  for (RequestCode code :
       {RequestCode::clean_expired_consumequeue, RequestCode::clean_unused_topic}) {
    BOOST_TEST(ask_helper(RemotingCommand::request(code)).code == 0, to_string(code));
  }
}

BOOST_AUTO_TEST_CASE(bodies_that_are_none_are_refused) {
  start();
  const std::string deep(5000, '[');
  for (RequestCode code : kWithBody) {
    for (const std::string& body : {std::string(), std::string("7"), std::string("[]"),
                                    std::string("{"), deep, std::string("\xff\x00\x01", 3)}) {
      const RemotingCommand answer = ask_body(code, body);
      const bool may_be_empty =
          code == RequestCode::unlock_batch_mq || code == RequestCode::lock_batch_mq;
      BOOST_TEST((answer.code != 0 || may_be_empty), to_string(code) << " " << body.substr(0, 10));
      BOOST_TEST((answer.code == 0 || !answer.remark.empty()), to_string(code));
    }
  }
}

BOOST_AUTO_TEST_CASE(several_topics_are_set_at_once_or_none) {
  start();
  const auto set = [&](const std::string& list) {
    return ask_body(RequestCode::update_and_create_topic_list,
                    R"({"topicConfigList":)" + list + "}");
  };
  BOOST_TEST(set(R"([{"topicName":"A","readQueueNums":3,"writeQueueNums":2,"perm":4},)"
                 R"({"topicName":"B"}])")
                 .code == 0);
  BOOST_TEST(body_of(RequestCode::get_topic_config, {{"topic", "A"}}) ==
             R"({"order":false,"perm":4,"readQueueNums":3,"topicFilterType":"SINGLE_TAG",)"
             R"("topicName":"A","topicSysFlag":0,"writeQueueNums":2})");
  for (const char* bad :
       {R"([{"topicName":"C"},{"topicName":"no good"}])",
        R"([{"topicName":"C"},{"topicName":"TBW102"}])", R"([{"topicName":"C"},7])",
        R"([{"topicName":"C","readQueueNums":-5}])", "7"}) {
    BOOST_TEST((set(bad).response_code() == ResponseCode::system_error), bad);
  }
  BOOST_TEST((ask_with(RequestCode::get_topic_config, {{"topic", "C"}}).response_code() ==
              ResponseCode::topic_not_exist));
}

BOOST_AUTO_TEST_CASE(a_broker_without_access_control_and_filter_servers_says_so) {
  start();
  const auto refused = [&](RequestCode code, FieldList fields) { return ask_with(code, fields); };
  RemotingCommand answer =
      refused(RequestCode::update_and_create_acl_config, {{"accessKey", "a"}, {"secretKey", "b"}});
  BOOST_TEST(answer.code == 209);
  BOOST_TEST(answer.remark.find("no access control") != std::string::npos);
  BOOST_TEST(refused(RequestCode::delete_acl_config, {{"accessKey", "a"}}).code == 210);
  BOOST_TEST(
      refused(RequestCode::update_global_white_addrs_config, {{"globalWhiteAddrs", "*"}}).code ==
      211);
  BOOST_TEST(refused(RequestCode::get_broker_cluster_acl_info, {}).code == 1);
  BOOST_TEST(refused(RequestCode::get_broker_cluster_acl_config, {}).code == 1);
  answer = refused(RequestCode::register_filter_server, {{"filterServerAddr", "1.2.3.4:5"}});
  BOOST_TEST((answer.response_code() == ResponseCode::request_code_not_supported));
  BOOST_TEST(answer.remark.find("no filter servers") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
