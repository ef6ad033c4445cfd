#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "broker_fixture.hpp"
#include "comet/base/files.hpp"
#include "comet/remoting/admin_headers.hpp"

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

BOOST_AUTO_TEST_CASE(a_kill_loses_nothing_and_repeats_nothing) {
  start();
  send_delayed("first", 1);
  // Written when a thread of the store's has flushed the log.
  while (delay_offsets() == "none") {
    world.pass(1s);
    std::this_thread::yield();
  }
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
  BOOST_TEST(std::count(all.begin(), all.end(), "second") == 1);
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

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_back_and_forth_makes_no_message_early_or_an_hour_late) {
  start();
  send_delayed("before", 3);
  world.pass(1s);
  world.time.step_wall_clock(-1h);
  world.pass(8s);
  BOOST_TEST(delivered().empty());
  world.pass(3s);  // store time goes at 9/10 while the wall clock is behind it
  BOOST_TEST((delivered() == Bodies{"before"}));
  send_delayed("behind", 3);
  world.pass(9999ms);
  BOOST_TEST((delivered() == Bodies{"before"}));
  world.pass(1200ms);
  BOOST_TEST((delivered() == Bodies{"before", "behind"}));
  send_delayed("forth", 3);
  world.time.step_wall_clock(1h);
  world.pass(5s);
  BOOST_TEST((delivered() == Bodies{"before", "behind"}));
  world.pass(5s);
  BOOST_TEST((delivered() == Bodies{"before", "behind", "forth"}));
  const auto messages = decode_records(ask(pull_request("T", 1, 0)).body.to_string());
  for (std::size_t i = 1; i < messages.size(); ++i) {
    BOOST_TEST(messages[i].store_timestamp > messages[i - 1].store_timestamp);
  }
}

BOOST_AUTO_TEST_CASE(
    store_time_goes_on_from_the_newest_record_when_the_clock_was_set_back_meanwhile) {
  start();
  send_delayed("x", 3);
  stop();
  world.time.step_wall_clock(-1h);
  start();
  world.pass(9s);
  BOOST_TEST(delivered().empty());
  world.pass(3s);
  BOOST_TEST((delivered() == Bodies{"x"}));
}

BOOST_AUTO_TEST_CASE(a_message_whose_level_has_become_shorter_comes_at_once) {
  config.store.delay_levels = "1s 2h";
  start();
  send_delayed("x", 2);
  stop();
  config.store.delay_levels = "1s 5s";
  start();
  world.settle();
  BOOST_TEST((delivered() == Bodies{"x"}));
}

BOOST_AUTO_TEST_CASE(what_was_delivered_is_noted_only_when_it_is_on_the_disk) {
  config.store.flush_interval = 24h;  // nothing is flushed before the end
  start();
  send_delayed("x", 1);
  world.pass(5s);
  BOOST_TEST((delivered() == Bodies{"x"}));
  // A power cut would take what was delivered. (The store's thread makes a checkpoint in between on
  // a slow machine.)
  const std::string noted = delay_offsets();
  const store::MessageStore& store = broker->store();
  if (store.synced_end() < store.appended_end()) BOOST_TEST(noted == "none");
  stop();
  BOOST_TEST(delay_offsets() == R"({"offsetTable":{"1":1}})");
}

BOOST_AUTO_TEST_CASE(ten_kills_right_after_the_start_repeat_nothing) {
  config.flush_delay_offset_interval = 1h;  // killed before anything is saved
  start();
  for (int i = 0; i < 200; ++i) {
    send_delayed(std::to_string(i), 1 + i % 2);
    if (i % 50 == 0) ask(send_request("T", "other", 1));
  }
  world.pass(1s);
  std::vector<std::string> copies;
  for (int kill = 0; kill < 10; ++kill) {
    copies.push_back(directory.path() + "-killed-" + std::to_string(kill));
    copy_store_to(copies.back());
    stop();
    config.store.root = copies.back();
    start();
    world.pass(500ms);
  }
  world.pass(5s);
  std::map<std::string, int> times;
  const std::int64_t end = broker->store().max_offset("T", 1);
  BOOST_TEST(end == 204);
  for (std::int64_t at = 0; at < end; ++at) {
    for (const std::string& body : bodies(ask(pull_request("T", 1, at)))) {
      ++times[body];
      break;
    }
  }
  for (int i = 0; i < 200; ++i) BOOST_TEST(times[std::to_string(i)] == 1, i);
  stop();
  for (const std::string& copy : copies) std::filesystem::remove_all(copy);
}

BOOST_AUTO_TEST_CASE(what_is_due_after_its_topic_was_deleted_is_dropped_and_counted) {
  start();
  send_delayed("x", 3);
  send_delayed("y", 3);
  ask(send_request("U", "keep", 1,
                   "DELAY\x01"
                   "3"));
  remoting::TopicHeader header;
  header.topic = "T";
  BOOST_TEST((ask_helper(RemotingCommand::request(RequestCode::delete_topic_in_broker, header))
                  .response_code() == ResponseCode::success));
  world.pass(10s);
  BOOST_TEST(broker->stats().delayed_dropped == 2u);
  BOOST_TEST(broker->store().max_offset("T", 1) == 0);
  BOOST_TEST((delivered("U") == Bodies{"keep"}));
  ask(send_request("T", "new", 1));
  BOOST_TEST((delivered() == Bodies{"new"}));
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
