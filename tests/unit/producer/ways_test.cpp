// The ways to send: to a queue, by key, oneway, in batches, with options.

#include <boost/test/unit_test.hpp>
#include <set>

#include "comet/message/batch.hpp"
#include "comet/message/properties.hpp"
#include "producer_world.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

using Act = FakeBroker::Act;

class Ways : public ProducerWorld {
 public:
  std::vector<Message> some(int count, const std::string& topic = "orders") {
    std::vector<Message> messages;
    for (int i = 0; i < count; ++i) messages.emplace_back(topic, "body " + std::to_string(i));
    return messages;
  }
  SendResult send_with(SendOptions options, Message message = Message("orders", "x")) {
    return run(producer->send(std::move(message), std::move(options)));
  }
  template <class Sending>
  Error failure_of(Sending sending) {
    try {
      run(std::move(sending));
    } catch (const Error& error) {
      return error;
    }
    throw std::logic_error("the send succeeded");
  }
  // The one request that the brokers have got.
  const FakeBroker::Received& only_request() {
    BOOST_REQUIRE(tries() == 1u);
    return first_choice().sends.at(0);
  }
};

BOOST_FIXTURE_TEST_SUITE(ways, Ways)

BOOST_AUTO_TEST_CASE(a_given_queue_gets_the_message) {
  start();
  for (int i = 0; i < 3; ++i) {
    const SendResult result = send_with(SendOptions(MessageQueue("orders", "broker-b", 3)));
    BOOST_TEST(result.queue.broker_name == "broker-b");
    BOOST_TEST(result.queue.queue_id == 3);
  }
  BOOST_TEST(broker_b.sends.size() == 3u);
  BOOST_TEST(broker_a.sends.empty());
}

BOOST_AUTO_TEST_CASE(a_given_queue_is_tried_once) {
  start();
  both(Act::code(ResponseCode::system_busy));
  Message message("orders", "x");
  const Error error = failure_of(
      producer->send(std::move(message), SendOptions(MessageQueue("orders", "broker-a", 0))));
  BOOST_TEST(error.code() == make_error_code(ResponseCode::system_busy));
  BOOST_TEST(tries() == 1u);
}

BOOST_AUTO_TEST_CASE(a_queue_of_another_topic_is_refused) {
  start();
  Message message("orders", "x");
  const Error error = failure_of(
      producer->send(std::move(message), SendOptions(MessageQueue("bills", "broker-a", 0))));
  BOOST_TEST(error.code() == make_error_code(ClientErrc::illegal_message));
  BOOST_TEST(tries() == 0u);
}

BOOST_AUTO_TEST_CASE(a_given_queue_of_an_unknown_broker_has_no_address) {
  start();
  Message message("orders", "x");
  const Error error = failure_of(
      producer->send(std::move(message), SendOptions(MessageQueue("orders", "broker-z", 0))));
  BOOST_TEST(error.code() == make_error_code(ClientErrc::broker_not_exist));
}

BOOST_AUTO_TEST_CASE(messages_of_one_key_go_to_one_queue) {
  start();
  std::set<MessageQueue> all;
  for (const char* key : {"alice", "bob", "carol", "dave", "erin", "frank"}) {
    std::set<MessageQueue> of_key;
    for (int i = 0; i < 5; ++i) of_key.insert(send_with(SendOptions().ordered_by(key)).queue);
    BOOST_TEST(of_key.size() == 1u);
    all.merge(of_key);
  }
  BOOST_TEST(all.size() > 1u);
}

BOOST_AUTO_TEST_CASE(the_queue_of_a_key_is_the_one_that_apache_chooses) {
  BOOST_TEST(queue_of_key("a", 8) == 97u % 8);
  BOOST_TEST(queue_of_key("ab", 8) == (97u * 31 + 98) % 8);
  // "polygenelubricants".hashCode() is -2^31.
  BOOST_TEST(queue_of_key("polygenelubricants", 3) == 2147483648u % 3);
  BOOST_TEST(queue_of_key("", 5) == 0u);
}

BOOST_AUTO_TEST_CASE(an_ordered_send_is_tried_once) {
  start();
  both(Act::code(ResponseCode::system_error));
  Message message("orders", "x");
  failure_of(producer->send(std::move(message), SendOptions().ordered_by("key")));
  BOOST_TEST(tries() == 1u);
}

BOOST_AUTO_TEST_CASE(a_selector_sees_the_queues_and_the_message) {
  start();
  std::string seen;
  const QueueSelector last = [&seen](const std::vector<MessageQueue>& queues, const Message& m) {
    seen = m.body();
    return queues.size() - 1;
  };
  const SendResult result = send_with(SendOptions(last));
  BOOST_TEST(result.queue.broker_name == "broker-b");
  BOOST_TEST(result.queue.queue_id == 3);
  BOOST_TEST(seen == "x");
  const QueueSelector beyond = [](const std::vector<MessageQueue>& queues, const Message&) {
    return queues.size();
  };
  Message message("orders", "x");
  const Error error = failure_of(producer->send(std::move(message), SendOptions(beyond)));
  BOOST_TEST(error.code() == make_error_code(ClientErrc::illegal_message));
  BOOST_TEST(contains(error.what(), "queue 8 of 8"));
}

BOOST_AUTO_TEST_CASE(a_send_may_have_a_timeout_of_its_own) {
  start();
  both(Act::hang());
  const Instant begin = time.now();
  Message message("orders", "x");
  failure_of(producer->send(std::move(message), SendOptions().timeout(700ms)));
  BOOST_TEST((time.now() - begin == 700ms));
}

BOOST_AUTO_TEST_CASE(a_oneway_message_is_sent_and_not_answered) {
  start();
  both(Act::hang());
  const Instant begin = time.now();
  Message message("orders", "x");
  run(producer->send_oneway(std::move(message)));
  BOOST_TEST((time.now() == begin));
  settle();
  BOOST_TEST(only_request().command.is_oneway());
  BOOST_TEST(only_request().body == "x");
}

BOOST_AUTO_TEST_CASE(a_oneway_message_that_cannot_be_sent_is_an_error_after_one_try) {
  start();
  network.set_down("host-a", true);
  network.set_down("host-b", true);
  Message message("orders", "x");
  const Error error = failure_of([](Producer& p, Message m) -> asio::awaitable<int> {
    co_await p.send_oneway(std::move(m));
    co_return 0;
  }(*producer, std::move(message)));
  BOOST_TEST(error.code() == make_error_code(ClientErrc::connect_broker));
}

BOOST_AUTO_TEST_CASE(a_delayed_message_says_so) {
  start();
  send(Message("orders", "x").delay_level(3));
  BOOST_TEST(find_property(only_request().field("i"), property::kDelay) == "3");
}

BOOST_AUTO_TEST_CASE(a_batch_is_one_request_that_the_broker_can_take_apart) {
  start();
  std::vector<Message> batch = some(3);
  batch[1].tag("red").key("k").flag(7);
  const SendResult result = run(producer->send_batch(batch));
  const FakeBroker::Received& request = only_request();
  BOOST_TEST(request.command.code == 320);
  BOOST_TEST(request.field("m") == "true");
  const auto items = decode_batch(request.body);
  BOOST_REQUIRE(items.has_value());
  BOOST_REQUIRE(items->size() == 3u);
  std::string ids;
  for (int i = 0; i < 3; ++i) {
    const BatchItem& item = items->at(static_cast<std::size_t>(i));
    BOOST_TEST(item.body == "body " + std::to_string(i));
    ids += (i == 0 ? "" : ",") + std::string(find_property(item.properties, property::kUniqueKey));
    BOOST_TEST(find_property(item.properties, property::kWait) == "true");
  }
  BOOST_TEST(find_property(items->at(1).properties, property::kTags) == "red");
  BOOST_TEST(items->at(1).flag == 7);
  BOOST_TEST(result.message_id == ids);
}

BOOST_AUTO_TEST_CASE(a_batch_is_never_compressed) {
  start();
  std::vector<Message> batch;
  for (int i = 0; i < 10; ++i) batch.emplace_back("orders", std::string(5000, 'x'));
  run(producer->send_batch(batch));
  BOOST_TEST(only_request().field("f") == "0");
  BOOST_TEST(only_request().body.size() > 50'000u);
}

BOOST_AUTO_TEST_CASE(a_batch_is_retried_like_a_message_with_the_same_ids) {
  start();
  both(Act::code(ResponseCode::system_busy));
  failure_of(producer->send_batch(some(2)));
  BOOST_TEST(tries() == 3u);
  std::set<std::string> bodies;
  for (const FakeBroker* broker : {&broker_a, &broker_b}) {
    for (const auto& sent : broker->sends) bodies.insert(sent.body);
  }
  BOOST_TEST(bodies.size() == 1u);
}

BOOST_AUTO_TEST_CASE(messages_that_are_no_batch_are_refused_in_rocketmqs_words) {
  start();
  const auto refused = [this](std::vector<Message> batch, std::string_view complaint) {
    const Error error = failure_of(producer->send_batch(std::move(batch)));
    BOOST_TEST(error.code() == make_error_code(ClientErrc::illegal_message));
    BOOST_TEST_CONTEXT(error.what()) { BOOST_TEST(contains(error.what(), complaint)); }
  };
  refused({}, "at least one");
  std::vector<Message> topics = some(1);
  topics.emplace_back("bills", "x");
  refused(topics, "topic of the messages in one batch");
  std::vector<Message> waits = some(2);
  waits[1].wait_store_ok(false);
  refused(waits, "waitStoreMsgOK");
  std::vector<Message> delayed = some(2);
  delayed[1].delay_level(1);
  refused(delayed, "TimeDelayLevel");
  refused(some(1, "%RETRY%group"), "Retry Group");
  std::vector<Message> empty_body = some(1);
  empty_body.emplace_back("orders", "");
  refused(empty_body, "body");
  std::vector<Message> large;
  for (int i = 0; i < 5; ++i) large.emplace_back("orders", std::string(1 << 20, 'x'));
  refused(large, "4194304");
  BOOST_TEST(tries() == 0u);
}

BOOST_AUTO_TEST_CASE(many_messages_are_split_by_size) {
  start();
  std::vector<Message> messages;
  for (int i = 0; i < 100; ++i) messages.emplace_back("orders", std::string(1000, 'x'));
  const auto results = run(producer->send_in_batches(messages, 10'000));
  BOOST_TEST(results.size() == tries());
  std::size_t count = 0;
  for (const FakeBroker* broker : {&broker_a, &broker_b}) {
    for (const auto& sent : broker->sends) {
      BOOST_TEST(sent.body.size() <= 10'000u);
      count += decode_batch(sent.body).value().size();
    }
  }
  BOOST_TEST(count == 100u);
  BOOST_TEST(results.size() == 12u);
}

BOOST_AUTO_TEST_CASE(a_message_above_the_limit_is_a_batch_of_its_own) {
  std::vector<Message> messages = some(2);
  messages.emplace_back("orders", std::string(5000, 'x'));
  messages.emplace_back("orders", "last");
  const auto batches = split_batch(messages, 1000);
  BOOST_REQUIRE(batches.size() == 3u);
  BOOST_TEST(batches[0].size() == 2u);
  BOOST_TEST(batches[1].size() == 1u);
}

BOOST_AUTO_TEST_CASE(the_queues_of_a_topic_can_be_asked_for) {
  start();
  const auto queues = run(producer->publish_queues("orders"));
  BOOST_TEST(queues.size() == 8u);
  BOOST_TEST((queues.front() == MessageQueue("orders", "broker-a", 0)));
}

BOOST_AUTO_TEST_CASE(a_message_given_back_by_a_consumer_carries_its_count) {
  name_server.routes["%RETRY%group"] = make_route({&broker_a}, 1);
  start();
  Message message("%RETRY%group", "x");
  message.properties().set(property::kReconsumeTime, "3");
  message.properties().set(property::kMaxReconsumeTimes, "16");
  send(message);
  BOOST_TEST(only_request().field("j") == "3");
  BOOST_TEST(only_request().field("l") == "16");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
