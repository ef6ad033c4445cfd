#include <limits>

#include "broker_fixture.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

class RetryFixture : public BrokerFixture {
 public:
  // Gives the message at an offset message id back, as Java's consumers do.
  RemotingCommand give_back(std::int64_t offset, int level = 0,
                            std::optional<int> most = std::nullopt,
                            std::int32_t version = remoting::kVersion) {
    remoting::SendMessageBackHeader header;
    header.offset = offset;
    header.group = "CG";
    header.delay_level = level;
    header.origin_msg_id = "ignored";
    header.origin_topic = "T";
    header.max_reconsume_times = most;
    RemotingCommand request = RemotingCommand::request(RequestCode::consumer_send_msg_back, header);
    request.version = version;
    return ask(std::move(request));
  }
  std::vector<MessageExt> messages(const std::string& topic, std::int64_t offset = 0) {
    return decode_records(ask(pull_request(topic, 0, offset)).body.to_string());
  }
  MessageExt first(const std::string& topic, std::int64_t offset = 0) {
    const auto all = messages(topic, offset);
    BOOST_REQUIRE(!all.empty());
    return all[0];
  }
  RemotingCommand retry_by_sending(int attempts, std::optional<int> most = std::nullopt,
                                   const std::string& properties =
                                       "RETRY_TOPIC\x01T\x02"
                                       "DELAY\x01"
                                       "4") {
    RemotingCommand request = send_request("%RETRY%CG", "again", 0, properties);
    request.fields.add("j", attempts);
    if (most) request.fields.add("l", *most);
    return ask(std::move(request));
  }
};

const std::string kRetry = "%RETRY%CG";
const std::string kDead = "%DLQ%CG";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(retries, RetryFixture)

BOOST_AUTO_TEST_CASE(a_message_given_back_comes_again_after_ten_seconds_with_its_history) {
  start();
  RemotingCommand sent = ask(send_request("T", "body", 0,
                                          "KEYS\x01k\x02TAGS\x01"
                                          "A"));
  const MessageExt original = first("T");
  BOOST_TEST((give_back(original.physical_offset).response_code() == ResponseCode::success));
  world.pass(9999ms);
  BOOST_TEST(messages(kRetry).empty());
  world.pass(1ms);
  const MessageExt again = first(kRetry);
  BOOST_TEST(again.body() == "body");
  BOOST_TEST(again.topic() == kRetry);
  BOOST_TEST(again.reconsume_times == 1);
  BOOST_TEST(again.tag() == "A");
  BOOST_TEST(again.keys() == "k");
  BOOST_TEST(again.born_timestamp == original.born_timestamp);
  BOOST_TEST((again.born_host == original.born_host));
  BOOST_TEST(again.properties().get("RETRY_TOPIC") == "T");
  BOOST_TEST(again.properties().get("ORIGIN_MESSAGE_ID") == text(sent, "msgId"));
  BOOST_TEST(again.properties().get("WAIT") == "false");
  BOOST_TEST(again.properties().get("DELAY") == "3");
}

BOOST_AUTO_TEST_CASE(delays_grow_with_every_attempt_until_the_message_is_a_dead_letter) {
  start();
  ask(send_request("T", "poison"));
  MessageExt message = first("T");
  const std::string id = message.offset_message_id();
  for (int attempt = 1; attempt <= 16; ++attempt) {
    BOOST_TEST((give_back(message.physical_offset).response_code() == ResponseCode::success));
    BOOST_TEST(broker->store().max_offset("SCHEDULE_TOPIC_XXXX", attempt + 1) == 1, attempt);
    world.pass(2h);
    message = first(kRetry, attempt - 1);
    BOOST_TEST(message.reconsume_times == attempt);
  }
  BOOST_TEST((give_back(message.physical_offset).response_code() == ResponseCode::success));
  const MessageExt dead = first(kDead);
  BOOST_TEST(dead.body() == "poison");
  BOOST_TEST(dead.reconsume_times == 17);
  BOOST_TEST(dead.properties().get("RETRY_TOPIC") == "T");
  BOOST_TEST(dead.properties().get("ORIGIN_MESSAGE_ID") == id);
  BOOST_TEST(dead.properties().get("DELAY") == "0");
  BOOST_TEST(broker->store().max_offset(kRetry, 0) == 16);
}

BOOST_AUTO_TEST_CASE(the_consumer_may_choose_the_delay_and_the_number_of_attempts) {
  start();
  ask(send_request("T", "x"));
  const std::int64_t offset = first("T").physical_offset;
  give_back(offset, 1);
  world.pass(1s);
  BOOST_TEST(messages(kRetry).size() == 1u);
  give_back(offset, 99);  // the last level
  BOOST_TEST(broker->store().max_offset("SCHEDULE_TOPIC_XXXX", 17) == 1);
  give_back(first(kRetry).physical_offset, 0, 1);
  BOOST_TEST(messages(kDead).size() == 1u);
  give_back(offset, -1);
  BOOST_TEST(messages(kDead).size() == 2u);
}

BOOST_AUTO_TEST_CASE(
    a_number_of_attempts_that_is_not_set_or_comes_from_an_old_client_is_the_groups) {
  start();
  ask(send_request("T", "x"));
  const std::int64_t offset = first("T").physical_offset;
  give_back(offset, 1, -1);
  give_back(offset, 1, 0, remoting::kVersionV3_4_9 - 1);
  world.pass(1s);
  BOOST_TEST(messages(kRetry).size() == 2u);
  give_back(offset, 1, 0, remoting::kVersionV3_4_9);
  BOOST_TEST(messages(kDead).size() == 1u);
}

// Senders write any number of attempts there.
BOOST_AUTO_TEST_CASE(a_number_of_attempts_that_cannot_be_is_taken_for_one_that_can) {
  start();
  for (const std::int32_t attempts :
       {std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min(), -1}) {
    RemotingCommand request = send_request("T", "body");
    request.fields.add("j", attempts);
    ask(std::move(request));
  }
  const auto all = messages("T");
  BOOST_REQUIRE(all.size() == 3u);
  // Below 0 it is the first attempt; with the most that there are it is dead, but for who wants
  // more.
  BOOST_TEST((give_back(all[0].physical_offset).response_code() == ResponseCode::success));
  BOOST_TEST((give_back(all[1].physical_offset).response_code() == ResponseCode::success));
  BOOST_TEST((give_back(all[2].physical_offset).response_code() == ResponseCode::success));
  BOOST_TEST(messages(kDead).size() == 1u);
  world.pass(10s);
  const auto again = messages(kRetry);
  BOOST_REQUIRE(again.size() == 2u);
  BOOST_TEST(again[0].reconsume_times == 1);
  BOOST_TEST(
      (give_back(all[0].physical_offset, 0, std::numeric_limits<int>::max()).response_code() ==
       ResponseCode::success));
  world.pass(2h);
  BOOST_TEST(messages(kRetry).back().reconsume_times == 1'000'001);
}

BOOST_AUTO_TEST_CASE(offsets_at_which_no_message_lies_are_refused) {
  start();
  ask(send_request("T", "x"));
  for (std::int64_t offset : {std::int64_t{-1}, std::int64_t{1}, std::int64_t{1} << 40}) {
    RemotingCommand answer = give_back(offset);
    BOOST_TEST((answer.response_code() == ResponseCode::system_error));
    BOOST_TEST(answer.remark == "look message by offset failed, " + std::to_string(offset));
  }
}

BOOST_AUTO_TEST_CASE(giving_back_needs_a_group_and_a_broker_that_may_be_written) {
  config.auto_create_subscription_group = false;
  start();
  ask(send_request("T", "x"));
  BOOST_TEST((give_back(0).response_code() == ResponseCode::subscription_group_not_exist));
  BOOST_TEST((retry_by_sending(1).response_code() == ResponseCode::subscription_group_not_exist));
  stop();
  config.auto_create_subscription_group = true;
  config.broker_permission = 4;
  start();
  BOOST_TEST((give_back(0).response_code() == ResponseCode::no_permission));
}

BOOST_AUTO_TEST_CASE(
    a_consumer_that_cannot_give_back_sends_to_its_retry_topic_and_finally_to_dead_letters) {
  start();
  BOOST_TEST((retry_by_sending(15).response_code() == ResponseCode::success));
  world.pass(30s);
  BOOST_TEST(first(kRetry).reconsume_times == 15);
  BOOST_TEST((retry_by_sending(16).response_code() == ResponseCode::success));
  const MessageExt dead = first(kDead);
  BOOST_TEST(dead.reconsume_times == 16);
  BOOST_TEST(dead.topic() == kDead);
  BOOST_TEST((retry_by_sending(3, 3).response_code() == ResponseCode::success));
  BOOST_TEST(messages(kDead).size() == 2u);
  world.pass(1min);
  BOOST_TEST(messages(kRetry).size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_batch_to_a_retry_topic_is_refused) {
  start();
  RemotingCommand request = send_request(kRetry, "x");
  request.code = static_cast<std::int32_t>(RequestCode::send_batch_message);
  RemotingCommand answer = ask(std::move(request));
  BOOST_TEST((answer.response_code() == ResponseCode::message_illegal));
  BOOST_TEST(answer.remark == "batch request does not support retry group %RETRY%CG");
}

BOOST_AUTO_TEST_SUITE_END()
