// What a send does when things go as they should, and what it puts on the wire.

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>
#include <set>
#include <sstream>

#include "comet/message/compression.hpp"
#include "comet/message/properties.hpp"
#include "comet/producer/fmt.hpp"
#include "producer_world.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

BOOST_FIXTURE_TEST_SUITE(send, ProducerWorld)

BOOST_AUTO_TEST_CASE(a_send_is_stored_by_a_broker_of_the_route) {
  start();
  SendResult result = send();
  BOOST_TEST(result.status == SendStatus::send_ok);
  BOOST_TEST(result.queue.topic == "orders");
  const FakeBroker& broker = first_choice();
  BOOST_TEST(result.queue.broker_name == broker.name());
  BOOST_TEST(result.queue_offset == 0);
  BOOST_TEST(result.offset_message_id == "0A00000200002A9F0000000000000000");
  BOOST_TEST(result.region_id == "DefaultRegion");
  BOOST_TEST(result.trace_on);
  BOOST_TEST(tries() == 1u);
}

BOOST_AUTO_TEST_CASE(the_request_is_what_brokers_expect_of_send_message_v2) {
  start();
  SendResult result = send(Message("orders", "the body").tag("created").key("k1").flag(5));
  const FakeBroker& broker = first_choice();
  const FakeBroker::Received& request = broker.sends.at(0);
  BOOST_TEST(request.command.code == 310);
  BOOST_TEST(request.body == "the body");
  BOOST_TEST(request.field("a") == "order-service");
  BOOST_TEST(request.field("b") == "orders");
  BOOST_TEST(request.field("c") == "TBW102");
  BOOST_TEST(request.field("d") == "4");
  BOOST_TEST(request.field("e") == std::to_string(result.queue.queue_id));
  BOOST_TEST(request.field("f") == "0");
  BOOST_TEST(request.field("g") == std::to_string(time.wall_millis()));
  BOOST_TEST(request.field("h") == "5");
  BOOST_TEST(request.field("j") == "0");
  BOOST_TEST(request.field("k") == "false");
  BOOST_TEST(request.field("m") == "false");
  BOOST_TEST(request.field("n") == broker.name());
  MessageProperties properties = MessageProperties::decode(request.field("i"));
  BOOST_TEST(properties.get(property::kTags) == "created");
  BOOST_TEST(properties.get(property::kKeys) == "k1");
  BOOST_TEST(properties.get(property::kWait) == "true");
  BOOST_TEST(properties.get(property::kUniqueKey) == result.message_id);
  BOOST_TEST(result.message_id.size() == 32u);
}

BOOST_AUTO_TEST_CASE(what_the_caller_has_set_is_kept) {
  start();
  Message message("orders", "x");
  message.wait_store_ok(false).properties().set(property::kUniqueKey, "MY-ID");
  BOOST_TEST(send(message).message_id == "MY-ID");
  const FakeBroker::Received& request = first_choice().sends.at(0);
  BOOST_TEST(find_property(request.field("i"), property::kWait) == "false");
}

BOOST_AUTO_TEST_CASE(sends_go_round_all_queues_of_all_brokers) {
  start();
  std::set<MessageQueue> queues;
  for (int i = 0; i < 8; ++i) queues.insert(send().queue);
  BOOST_TEST(queues.size() == 8u);
}

BOOST_AUTO_TEST_CASE(every_send_has_an_id_of_its_own) {
  start();
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) ids.insert(send().message_id);
  BOOST_TEST(ids.size() == 100u);
}

BOOST_AUTO_TEST_CASE(weaker_guarantees_are_results_and_not_errors) {
  start();
  both(FakeBroker::Act::code(ResponseCode::flush_disk_timeout));
  BOOST_TEST(send().status == SendStatus::flush_disk_timeout);
  both(FakeBroker::Act::code(ResponseCode::slave_not_available));
  BOOST_TEST(send().status == SendStatus::slave_not_available);
  both(FakeBroker::Act::code(ResponseCode::flush_slave_timeout));
  BOOST_TEST(send().status == SendStatus::flush_slave_timeout);
  BOOST_TEST(tries() == 3u);
}

BOOST_AUTO_TEST_CASE(bodies_from_4096_bytes_on_are_compressed) {
  start();
  const std::string large(4096, 'a');
  send(Message("orders", large));
  const FakeBroker::Received& request = first_choice().sends.at(0);
  BOOST_TEST(request.field("f") == std::to_string(0x301));
  BOOST_TEST(request.body.size() < 100u);
  BOOST_TEST(request.body.substr(0, 2) == "\x78\x5e");
  BOOST_TEST(zlib_decompress(request.body, 1 << 20).value() == large);
}

BOOST_AUTO_TEST_CASE(smaller_bodies_are_sent_as_they_are) {
  start();
  send(Message("orders", std::string(4095, 'a')));
  const FakeBroker::Received& request = first_choice().sends.at(0);
  BOOST_TEST(request.field("f") == "0");
  BOOST_TEST(request.body == std::string(4095, 'a'));
}

BOOST_AUTO_TEST_CASE(a_body_that_does_not_shrink_stays_uncompressed) {
  start();
  std::string noise;
  std::uint32_t state = 1;
  while (noise.size() < 5000) {
    state = state * 1664525u + 1013904223u;
    noise += static_cast<char>(state >> 24);
  }
  send(Message("orders", noise));
  const FakeBroker::Received& request = first_choice().sends.at(0);
  BOOST_TEST(request.field("f") == "0");
  BOOST_TEST(request.body == noise);
}

BOOST_AUTO_TEST_CASE(a_result_prints_as_one_line) {
  start();
  SendResult result = send();
  std::ostringstream out;
  out << result;
  BOOST_TEST(out.str() == fmt::format("{}", result));
  BOOST_TEST(contains(out.str(), "SEND_OK"));
  BOOST_TEST(contains(out.str(), result.message_id));
  BOOST_TEST(contains(out.str(), result.queue.broker_name));
  BOOST_TEST(!contains(out.str(), "\n"));
}

BOOST_AUTO_TEST_SUITE_END()

// --- Refused before anything is sent ---

BOOST_FIXTURE_TEST_SUITE(illegal_messages, ProducerWorld)

void refused(ProducerWorld& world, Message message, std::string_view complaint) {
  Error error = world.failing_send(std::move(message));
  BOOST_TEST(error.code() == make_error_code(ClientErrc::illegal_message));
  BOOST_TEST_CONTEXT(error.what()) { BOOST_TEST(contains(error.what(), complaint)); }
  BOOST_TEST(world.tries() == 0u);
  BOOST_TEST(world.name_server.total_queries() == 0);
}

BOOST_AUTO_TEST_CASE(an_empty_body) {
  start();
  refused(*this, Message("orders", ""), "body");
}

BOOST_AUTO_TEST_CASE(a_body_above_4_MiB) {
  start();
  refused(*this, Message("orders", std::string(4 * 1024 * 1024 + 1, 'x')), "4194304");
}

BOOST_AUTO_TEST_CASE(a_body_of_exactly_4_MiB_is_accepted) {
  start();
  BOOST_TEST(send(Message("orders", std::string(4 * 1024 * 1024, 'x'))).status ==
             SendStatus::send_ok);
}

BOOST_AUTO_TEST_CASE(a_topic_with_a_path_in_it) {
  start();
  refused(*this, Message("../../etc/passwd", "x"), "illegal characters");
  refused(*this, Message("..", "x"), "illegal characters");
  refused(*this, Message("a/b", "x"), "illegal characters");
}

BOOST_AUTO_TEST_CASE(a_topic_that_is_blank_or_too_long) {
  start();
  refused(*this, Message("", "x"), "blank");
  refused(*this, Message(std::string(128, 't'), "x"), "longer");
}

BOOST_AUTO_TEST_CASE(a_topic_that_belongs_to_the_system) {
  start();
  refused(*this, Message("SCHEDULE_TOPIC_XXXX", "x"), "forbidden");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
