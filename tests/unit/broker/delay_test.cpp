#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

#include "broker_fixture.hpp"
#include "comet/base/files.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

class DelayFixture : public BrokerFixture {
 public:
  RemotingCommand send_delayed(const std::string& body, int level, const std::string& more = {}) {
    return ask(send_request("T", body, 1, "DELAY\x01" + std::to_string(level) + more));
  }
  std::vector<std::string> delivered(const std::string& topic = "T") {
    return bodies(ask(pull_request(topic, 1, 0)));
  }
  void copy_store_to(const std::string& path) const {
    // A thread of the broker's replaces files there; one that vanishes meanwhile ends the copy.
    for (int tries = 1;; ++tries) {
      std::error_code problem;
      std::filesystem::remove_all(path);
      std::filesystem::copy(directory.path(), path, std::filesystem::copy_options::recursive,
                            problem);
      if (!problem) return;
      BOOST_REQUIRE_LT(tries, 1000);
      std::this_thread::yield();
    }
  }
  std::string delay_offsets() {
    auto content = read_file(config.store.root + "/config/delayOffset.json");
    return content ? content->substr(0, content->find('\n')) : "none";  // without its checksum
  }
};

using Bodies = std::vector<std::string>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(delayed_messages, DelayFixture)

BOOST_AUTO_TEST_CASE(a_delayed_message_comes_when_its_time_has_come_and_not_before) {
  start();
  RemotingCommand answer = send_delayed("late", 3,
                                        "\x02TAGS\x01"
                                        "A");
  BOOST_TEST((answer.response_code() == ResponseCode::success));
  BOOST_TEST(text(answer, "queueId") == "1");  // as asked for, though it lies elsewhere
  BOOST_TEST(text(answer, "queueOffset") == "0");
  BOOST_TEST(broker->store().max_offset("SCHEDULE_TOPIC_XXXX", 2) == 1);
  const auto entries = broker->store().queue_entries("SCHEDULE_TOPIC_XXXX", 2, 0, 1);
  BOOST_TEST(entries.at(0).tags_code == world.time.wall_millis() + 10'000);
  world.pass(9999ms);
  BOOST_TEST(delivered().empty());
  world.pass(1ms);
  RemotingCommand pulled = ask(pull_request("T", 1, 0, 0, "A"));
  const auto messages = decode_records(pulled.body.to_string());
  BOOST_REQUIRE(messages.size() == 1u);
  BOOST_TEST(messages[0].body() == "late");
  BOOST_TEST(messages[0].tag() == "A");
  BOOST_TEST(messages[0].properties().get("REAL_TOPIC") == "T");
  BOOST_TEST(messages[0].properties().get("REAL_QID") == "1");
  BOOST_TEST(messages[0].properties().get("DELAY") == "3");
  BOOST_TEST(messages[0].offset_message_id() != text(answer, "msgId"));
}

BOOST_AUTO_TEST_CASE(a_pull_that_waits_is_answered_when_the_delayed_message_comes) {
  start();
  send_delayed("late", 2);
  const std::int64_t before = world.time.wall_millis();
  BOOST_TEST((bodies(ask(pull_request("T", 1, 0, 15'000))) == Bodies{"late"}));
  BOOST_TEST(world.time.wall_millis() - before == 5000);
}

BOOST_AUTO_TEST_CASE(levels_wait_independently_and_one_levels_messages_keep_their_order) {
  start();
  send_delayed("hour", 17);
  send_delayed("ten", 3);
  world.pass(2s);
  send_delayed("one", 1);
  send_delayed("ten again", 3);
  world.pass(1s);
  BOOST_TEST((delivered() == Bodies{"one"}));
  world.pass(9s);
  BOOST_TEST((delivered() == Bodies{"one", "ten", "ten again"}));
  world.pass(1h);
  BOOST_TEST((delivered() == Bodies{"one", "ten", "ten again", "hour"}));
}

BOOST_AUTO_TEST_CASE(nothing_wakes_the_broker_while_no_delayed_message_waits) {
  start();
  send_delayed("x", 1);
  world.pass(1s);
  BOOST_TEST((delivered() == Bodies{"x"}));
  const std::size_t timers = world.time.waiting();
  send_delayed("y", 18);
  BOOST_TEST(world.time.waiting() == timers);  // an event instead of a timer before
}

BOOST_AUTO_TEST_CASE(levels_above_the_last_count_as_the_last) {
  config.store.delay_levels = "1s 2s";
  start();
  send_delayed("x", 99);
  BOOST_TEST(broker->store().max_offset("SCHEDULE_TOPIC_XXXX", 1) == 1);
  world.pass(1999ms);
  BOOST_TEST(delivered().empty());
  world.pass(1ms);
  BOOST_TEST((delivered() == Bodies{"x"}));
}

BOOST_AUTO_TEST_CASE(levels_of_zero_and_below_are_no_delay_and_others_must_be_numbers) {
  start();
  for (int level : {0, -1})
    BOOST_TEST((send_delayed("now", level).response_code() == ResponseCode::success));
  BOOST_TEST((delivered() == Bodies{"now", "now"}));
  BOOST_TEST((ask(send_request("T", "x", 1,
                               "DELAY\x01"
                               "soon"))
                  .response_code() == ResponseCode::message_illegal));
}

BOOST_AUTO_TEST_CASE(what_became_due_while_the_broker_was_down_comes_at_its_start) {
  start();
  send_delayed("first", 1);
  send_delayed("second", 3);
  world.pass(1s);
  stop();
  BOOST_TEST(delay_offsets() == R"({"offsetTable":{"1":1}})");
  world.pass(1h);
  start();
  world.settle();
  BOOST_TEST((delivered() == Bodies{"first", "second"}));
}

BOOST_AUTO_TEST_CASE(a_kill_loses_nothing_and_repeats_only_what_came_since_the_last_saving) {
  start();
  send_delayed("first", 1);
  world.pass(2s);
  while (delay_offsets() == "none") std::this_thread::yield();  // written by another thread
  send_delayed("second", 1);
  send_delayed("third", 3);
  world.pass(1s);
  const std::string snapshot = directory.path() + "-killed";
  copy_store_to(snapshot);
  stop();
  config.store.root = snapshot;
  start();
  world.pass(10s);
  const Bodies all = delivered();
  const std::set<std::string> seen(all.begin(), all.end());
  BOOST_TEST(seen.size() == 3u);
  BOOST_TEST(std::count(all.begin(), all.end(), "first") == 1);
  BOOST_TEST(std::count(all.begin(), all.end(), "third") == 1);
  BOOST_TEST(std::count(all.begin(), all.end(), "second") <= 2);
  stop();
  std::filesystem::remove_all(snapshot);
}

BOOST_AUTO_TEST_CASE(apaches_offset_file_with_bare_numbers_as_keys_is_read) {
  start();
  send_delayed("old", 1);
  send_delayed("new", 1);
  world.time.step_wall_clock(0ms);
  stop();
  BOOST_TEST(!write_file_atomically(
      directory.path() + "/config/delayOffset.json",
      R"({"dataVersion":{"counter":1},"offsetTable":{1:1,3:77,19:5}})", false));
  start();
  world.pass(1s);
  BOOST_TEST((delivered() == Bodies{"new"}));
  send_delayed("third level", 3);  // its offset was beyond the queue
  world.pass(10s);
  BOOST_TEST((delivered() == Bodies{"new", "third level"}));
  stop();
  BOOST_TEST(delay_offsets() == R"({"offsetTable":{"1":2,"3":1,"19":5}})");
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_forward_is_noticed_within_ten_seconds) {
  start();
  send_delayed("x", 18);
  world.time.step_wall_clock(2h);
  world.pass(10s);
  BOOST_TEST((delivered() == Bodies{"x"}));
}

BOOST_AUTO_TEST_CASE(a_message_whose_time_lies_further_ahead_than_its_level_comes_at_once) {
  start();
  send_delayed("x", 18);
  world.time.step_wall_clock(-1h);  // it would wait for three hours
  world.pass(10s);
  BOOST_TEST((delivered() == Bodies{"x"}));
}

BOOST_AUTO_TEST_CASE(what_the_store_refuses_is_not_skipped) {
  start();
  const std::string big(400'000, 'b');
  for (int i = 0; i < 3; ++i) send_delayed(big, 1);
  BOOST_TEST(broker->store().max_offset("SCHEDULE_TOPIC_XXXX", 0) == 3);
  // A directory in the place of the next log file keeps the store from making it.
  const std::string obstacle = directory.path() + "/commitlog/00000000000002097152";
  std::filesystem::create_directories(obstacle);
  world.pass(30s);
  BOOST_TEST(broker->store().max_offset("T", 1) < 3);
  std::filesystem::remove_all(obstacle);
  stop();
  start();
  world.pass(1s);
  BOOST_TEST(broker->store().max_offset("T", 1) == 3);
}

BOOST_AUTO_TEST_SUITE_END()
