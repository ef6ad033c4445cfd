#include "comet/message/recall_handle.hpp"
#include "producer_world.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

class RecallWorld : public ProducerWorld {
 public:
  static std::string handle_of(const std::string& topic, const std::string& broker_name) {
    RecallHandle handle;
    handle.topic = topic;
    handle.broker_name = broker_name;
    handle.time_millis = 1'700'000'100'000;
    handle.unique_key = "KEY";
    return handle.encode();
  }
  std::string recall(const std::string& topic, const std::string& handle) {
    return run(producer->recall(topic, handle));
  }
  Error failing_recall(const std::string& topic, const std::string& handle) {
    try {
      throw std::logic_error("the recall succeeded: " + recall(topic, handle));
    } catch (const Error& error) {
      return error;
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(timers, RecallWorld)

BOOST_AUTO_TEST_CASE(delays_travel_as_properties_and_the_handle_comes_back) {
  start();
  FakeBroker::Act act;
  act.recall_handle = "a handle";
  both(act);
  BOOST_TEST(send(Message("orders", "x").deliver_after(90500ms)).recall_handle == "a handle");
  const FakeBroker::Received& sent = first_choice().sends.at(0);
  BOOST_TEST(contains(sent.field("i"),
                      "TIMER_DELAY_MS\x01"
                      "90500\x02"));
}

BOOST_AUTO_TEST_CASE(delayed_messages_are_no_batch) {
  start();
  std::vector<Message> batch(2, Message("orders", "x").deliver_after(1s));
  BOOST_CHECK_EXCEPTION(run(producer->send_batch(batch)), Error, [](const Error& error) {
    return error.code() == ClientErrc::illegal_message &&
           contains(error.what(), "Timer messages are not supported for batching");
  });
  BOOST_TEST(tries() == 0u);
}

BOOST_AUTO_TEST_CASE(a_recall_goes_to_the_broker_that_the_handle_names) {
  start();
  const std::string handle = handle_of("orders", "broker-b");
  BOOST_TEST(recall("orders", handle) == "RECALLED");
  BOOST_TEST(broker_a.count(RequestCode::recall_message) == 0);
  BOOST_REQUIRE(broker_b.count(RequestCode::recall_message) == 1);
  for (const FakeBroker::Received& other : broker_b.others) {
    if (other.command.request_code() != RequestCode::recall_message) continue;
    BOOST_TEST(other.field("topic") == "orders");
    BOOST_TEST(other.field("producerGroup") == "order-service");
    BOOST_TEST(other.field("recallHandle") == handle);
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_recalled_is_told_before_anything_is_sent) {
  start();
  const auto refused = [&](const std::string& topic, const std::string& handle, ClientErrc code,
                           std::string_view text) {
    const Error error = failing_recall(topic, handle);
    BOOST_TEST((error.code() == code), error.what());
    BOOST_TEST(contains(error.what(), text), error.what());
  };
  refused("orders", "?", ClientErrc::illegal_message, "recall handle is invalid");
  refused("%RETRY%g", handle_of("%RETRY%g", "broker-a"), ClientErrc::illegal_message,
          "topic is not supported");
  refused("orders", handle_of("other", "broker-a"), ClientErrc::illegal_message,
          "the handle is that of a message of other");
  refused("orders", handle_of("orders", "broker-z"), ClientErrc::broker_not_exist, "broker-z");
  refused("nothing", handle_of("nothing", "broker-z"), ClientErrc::topic_not_found, "nothing");
  run(producer->shutdown());
  refused("orders", handle_of("orders", "broker-a"), ClientErrc::not_running, "shut down");
}

BOOST_AUTO_TEST_CASE(a_brokers_refusal_is_its_code_and_its_words) {
  start();
  both(FakeBroker::Act::code(ResponseCode::illegal_operation, "recall failed, timestamp invalid"));
  const Error error = failing_recall("orders", handle_of("orders", "broker-a"));
  BOOST_TEST((error.code() == ResponseCode::illegal_operation));
  BOOST_TEST(contains(error.what(), "timestamp invalid"), error.what());
  BOOST_TEST(broker_a.count(RequestCode::recall_message) == 1);
}

BOOST_AUTO_TEST_SUITE_END()
