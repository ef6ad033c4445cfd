#include <algorithm>
#include <limits>
#include <set>
#include <sstream>

#include "comet/base/bytes.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/store/inspect.hpp"
#include "timer_fixture.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(timer_messages, TimerFixture)

BOOST_AUTO_TEST_CASE(a_timer_message_comes_at_its_millisecond_and_not_before) {
  start();
  const std::int64_t due = now() + 12'345;
  RemotingCommand answer = send_timer("late", "TIMER_DELIVER_MS", std::to_string(due), 1,
                                      "\x02TAGS\x01"
                                      "A\x02UNIQ_KEY\x01KEY");
  BOOST_TEST((answer.response_code() == ResponseCode::success));
  BOOST_TEST(text(answer, "queueId") == "1");  // as asked for, though it lies elsewhere
  const auto handle = RecallHandle::decode(text(answer, "recallHandle"));
  BOOST_REQUIRE(handle.has_value());
  BOOST_TEST(handle->topic == "T");
  BOOST_TEST(handle->broker_name == "broker-a");
  BOOST_TEST(handle->time_millis == due);
  BOOST_TEST(handle->unique_key == "KEY");
  const auto waiting = stored(kTimerTopic, 0);
  BOOST_REQUIRE(waiting.size() == 1u);
  BOOST_TEST(waiting[0].properties().get("REAL_TOPIC") == "T");
  BOOST_TEST(waiting[0].properties().get("REAL_QID") == "1");
  BOOST_TEST(waiting[0].properties().get("TIMER_OUT_MS") == std::to_string(due - 1));
  world.pass(12'344ms);
  BOOST_TEST(delivered().empty());
  world.pass(1ms);
  RemotingCommand pulled = ask(pull_request("T", 1, 0, 0, "A"));
  const auto messages = decode_records(pulled.body.to_string());
  BOOST_REQUIRE(messages.size() == 1u);
  BOOST_TEST(messages[0].body() == "late");
  BOOST_TEST(messages[0].tag() == "A");
  BOOST_TEST(messages[0].unique_id() == "KEY");
  BOOST_TEST(messages[0].properties().get("TIMER_DEQUEUE_MS") == std::to_string(due));
  BOOST_TEST(messages[0].store_timestamp == due);
}

BOOST_AUTO_TEST_CASE(seconds_have_precedence_over_milliseconds_and_those_over_times) {
  start();
  const std::string later = std::to_string(now() + 50'000);
  const auto after = [&](const std::string& body, const std::string& properties, Duration wait) {
    const std::size_t before = delivered().size();
    BOOST_TEST(
        (ask(send_request("T", body, 1, properties)).response_code() == ResponseCode::success));
    world.pass(wait - 1ms);
    BOOST_TEST(delivered().size() == before, body << " came too early");
    world.pass(1ms);
    BOOST_TEST(delivered().size() == before + 1, body << " did not come");
  };
  const std::string sec =
      "TIMER_DELAY_SEC\x01"
      "2\x02";
  const std::string ms =
      "TIMER_DELAY_MS\x01"
      "3000\x02";
  const std::string at = "TIMER_DELIVER_MS\x01" + later + "\x02";
  const std::string cloud = "__STARTDELIVERTIME\x01" + std::to_string(now() + 100'000) + "\x02";
  after("seconds", cloud + at + ms + sec, 2s);
  after("milliseconds", cloud + at + ms, 3s);
  after("time", cloud + at, 45s);
  after("cloud", cloud, 50s);
}

BOOST_AUTO_TEST_CASE(a_delay_level_has_precedence_over_every_timer) {
  start();
  for (const char* name :
       {"TIMER_DELAY_SEC", "TIMER_DELAY_MS", "TIMER_DELIVER_MS", "__STARTDELIVERTIME"}) {
    send_timer(name, name, "nonsense", 1,
               "\x02"
               "DELAY\x01"
               "1");
  }
  world.pass(1s);
  BOOST_TEST(delivered().size() == 4u);
  BOOST_TEST(broker->store().max_offset(kTimerTopic, 0) == 0);
}

BOOST_AUTO_TEST_CASE(times_that_have_passed_mean_at_once) {
  start();
  BOOST_TEST(text(send_at("now", now()), "recallHandle") == "(absent)");
  send_at("past", now() - 1);
  send_at("zero", 0);
  send_at("negative", -5);
  send_timer("no delay", "TIMER_DELAY_SEC", "0");
  send_timer("negative delay", "TIMER_DELAY_MS", "-1");
  send_timer("far below", "TIMER_DELAY_SEC", std::to_string(std::numeric_limits<long>::min()));
  BOOST_TEST(delivered().size() == 7u);
  BOOST_TEST(broker->store().max_offset(kTimerTopic, 0) == 0);
}

BOOST_AUTO_TEST_CASE(what_is_no_number_or_too_far_ahead_is_refused) {
  start();
  const auto code = [&](const char* name, const std::string& value) {
    return send_timer("x", name, value).response_code();
  };
  const std::int64_t three_days = 259'200'000;
  BOOST_TEST(
      (code("TIMER_DELIVER_MS", std::to_string(now() + three_days)) == ResponseCode::success));
  for (const char* garbage : {"soon", "1.5", "0x10", " 1", "1 ", "99999999999999999999", "--1"}) {
    BOOST_TEST((code("TIMER_DELAY_MS", garbage) == ResponseCode::message_illegal), garbage);
    BOOST_TEST((code("__STARTDELIVERTIME", garbage) == ResponseCode::message_illegal), garbage);
  }
  RemotingCommand answer = send_at("x", now() + three_days + 1);
  BOOST_TEST((answer.response_code() == ResponseCode::message_illegal));
  BOOST_TEST(answer.remark ==
             "timer message illegal, the delay time should not be bigger than the max delay "
             "259200000ms; or if set del msg, the delay time should be bigger than the current "
             "time");
  BOOST_TEST((code("TIMER_DELAY_SEC", "259201") == ResponseCode::message_illegal));
  BOOST_TEST((code("TIMER_DELAY_SEC", "9223372036854775807") == ResponseCode::message_illegal));
  BOOST_TEST(broker->store().max_offset(kTimerTopic, 0) == 1);
}

BOOST_AUTO_TEST_CASE(a_message_that_has_waited_does_not_wait_again) {
  start();
  send_timer("x", "TIMER_DELAY_SEC", "100", 1,
             "\x02TIMER_OUT_MS\x01"
             "5");
  BOOST_TEST((delivered() == Bodies{"x"}));
}

BOOST_AUTO_TEST_CASE(batches_wait_for_nothing_and_nobody_sends_to_the_timer_topic) {
  start();
  BOOST_TEST((ask(send_request(kTimerTopic, "x")).response_code() == ResponseCode::no_permission));
  RemotingCommand request = send_request("T", "x", 1,
                                         "TIMER_DELAY_SEC\x01"
                                         "1");
  request.code = static_cast<std::int32_t>(RequestCode::send_batch_message);
  BOOST_TEST((ask(std::move(request)).response_code() == ResponseCode::message_illegal));
}

BOOST_AUTO_TEST_CASE(a_broker_without_timers_refuses_them_and_keeps_those_it_has) {
  start();
  send_timer("kept", "TIMER_DELAY_SEC", "1");
  stop();
  config.timers = false;
  start();
  RemotingCommand answer = send_timer("x", "TIMER_DELAY_SEC", "1");
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(answer.remark == "accurate timer message is not enabled, timerWheelEnable is false");
  world.pass(10s);
  BOOST_TEST(delivered().empty());
  stop();
  config.timers = true;
  start();
  world.settle();
  BOOST_TEST((delivered() == Bodies{"kept"}));
}

BOOST_AUTO_TEST_CASE(more_than_the_limit_do_not_wait) {
  config.max_timers = 2;
  start();
  send_timer("a", "TIMER_DELAY_SEC", "5");
  send_timer("b", "TIMER_DELAY_SEC", "5");
  world.pass(1s);
  BOOST_TEST(
      (send_timer("c", "TIMER_DELAY_SEC", "5").response_code() == ResponseCode::system_error));
  BOOST_TEST((send_at("now", now()).response_code() == ResponseCode::success));
  world.pass(5s);
  BOOST_TEST((send_timer("d", "TIMER_DELAY_SEC", "5").response_code() == ResponseCode::success));
  BOOST_TEST(broker->stats().timers.delivered == 2u);
}

BOOST_AUTO_TEST_CASE(steps_of_a_second_are_apaches) {
  config.timer_precision_millis = 1000;
  start();
  const std::int64_t second = (now() / 1000 + 5) * 1000;
  const std::int64_t out_of_exact = second - 1000;
  BOOST_TEST(RecallHandle::decode(text(send_at("exact", second), "recallHandle"))->time_millis ==
             out_of_exact + 1);
  BOOST_TEST(
      RecallHandle::decode(text(send_at("between", second + 1), "recallHandle"))->time_millis ==
      second + 1);
  world.pass(std::chrono::milliseconds(second - now() - 1));
  BOOST_TEST(delivered().empty());
  world.pass(1ms);
  BOOST_TEST((delivered() == Bodies{"exact"}));
  world.pass(999ms);
  BOOST_TEST((delivered() == Bodies{"exact"}));
  world.pass(1ms);
  BOOST_TEST((delivered() == Bodies{"exact", "between"}));
}

BOOST_AUTO_TEST_CASE(other_steps_lose_and_repeat_nothing) {
  config.timer_precision_millis = 1000;
  start();
  const std::int64_t second = (now() / 1000 + 5) * 1000;
  send_at("a", second + 500);
  send_at("b", second + 1500);
  send_at("c", second + 60'000);
  world.pass(std::chrono::milliseconds(second + 1200 - now()));
  BOOST_TEST((delivered() == Bodies{"a"}));
  stop();
  config.timer_precision_millis = 1;
  start();
  world.pass(1s);
  BOOST_TEST((delivered() == Bodies{"a", "b"}));
  send_at("d", now() + 100);
  world.pass(100ms);
  stop();
  config.timer_precision_millis = 1000;
  start();
  world.pass(2min);
  BOOST_TEST((delivered() == Bodies{"a", "b", "d", "c"}));
}

BOOST_AUTO_TEST_CASE(messages_come_in_the_order_of_their_times_and_then_of_their_sending) {
  start();
  const std::int64_t base = now() + 10'000;
  send_at("d", base + 2);
  send_at("b", base + 1);
  send_at("a", base);
  send_at("c", base + 1);
  send_at("e", base + 2);
  world.time.step_wall_clock(20s);  // all at once
  world.pass(1s);
  BOOST_TEST((delivered() == Bodies{"a", "b", "c", "d", "e"}));
}

BOOST_AUTO_TEST_CASE(nothing_wakes_the_broker_often_while_timers_wait) {
  start();
  send_timer("x", "TIMER_DELAY_SEC", "100");
  const std::size_t timers = world.time.waiting();
  for (int i = 0; i < 200; ++i) send_timer("x", "TIMER_DELAY_SEC", std::to_string(100 + i));
  BOOST_TEST(world.time.waiting() == timers);
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_is_noticed_within_a_second) {
  start();
  send_timer("two hours", "TIMER_DELAY_SEC", "7200");
  world.time.step_wall_clock(2h);
  world.pass(1s);
  BOOST_TEST((delivered() == Bodies{"two hours"}));
  send_timer("ten", "TIMER_DELAY_SEC", "10");
  world.time.step_wall_clock(-1h);
  world.pass(1h);
  BOOST_TEST((delivered() == Bodies{"two hours"}));
  world.pass(10s);
  BOOST_TEST((delivered() == Bodies{"two hours", "ten"}));
}

BOOST_AUTO_TEST_CASE(what_became_due_while_the_broker_was_down_comes_at_its_start_and_once) {
  start();
  send_timer("first", "TIMER_DELAY_SEC", "1");
  send_timer("second", "TIMER_DELAY_SEC", "60");
  send_timer("third", "TIMER_DELAY_SEC", "7200");
  world.pass(2s);
  stop();
  world.pass(1h);
  start();
  world.settle();
  BOOST_TEST((delivered() == Bodies{"first", "second"}));
  stop();
  start();
  world.pass(1h);
  BOOST_TEST((delivered() == Bodies{"first", "second", "third"}));
  stop();
  start();
  world.pass(1h);
  BOOST_TEST((delivered() == Bodies{"first", "second", "third"}));
  BOOST_TEST(broker->stats().timers.pending == 0u);
}

BOOST_AUTO_TEST_CASE(a_kill_loses_nothing_and_repeats_nothing) {
  config.timer_flush_interval = 100ms;
  config.store.flush_interval = 1ms;
  start();
  send_timer("first", "TIMER_DELAY_SEC", "1");
  send_timer("hour", "TIMER_DELAY_SEC", "3600");
  world.pass(1s);
  BOOST_TEST((delivered() == Bodies{"first"}));
  // The progress is written by another thread, when a third one has flushed the log.
  for (int i = 0; progress().find("\"firstOffset\":1") == std::string::npos; ++i) {
    BOOST_REQUIRE_LT(i, 30'000);
    world.pass(100ms);
    const auto until = std::chrono::steady_clock::now() + 2ms;
    while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
  }
  send_timer("second", "TIMER_DELAY_SEC", "1");
  world.pass(1s);
  kill_and_restart();
  const Bodies all = delivered();
  BOOST_TEST(std::ranges::count(all, "first") == 1);
  BOOST_TEST(std::ranges::count(all, "second") == 1);
  BOOST_TEST(std::ranges::count(all, "hour") == 0);
  world.pass(1h);
  BOOST_TEST(std::ranges::count(delivered(), "hour") == 1);
}

BOOST_AUTO_TEST_CASE(ten_kills_right_after_the_start_repeat_nothing) {
  config.timer_flush_interval = 1h;  // killed before anything is saved
  start();
  const std::int64_t due = now() + 1000;
  for (int i = 0; i < 200; ++i) send_at(std::to_string(i), due + i % 3 * 1000, i % 2);
  world.pass(1s);
  for (int kill = 0; kill < 10; ++kill) {
    kill_and_restart();
    world.pass(500ms);
  }
  std::set<std::string> seen;
  for (const int queue_id : {0, 1}) {
    for (const std::string& body : delivered(queue_id)) {
      BOOST_TEST(seen.insert(body).second, body);
    }
  }
  BOOST_TEST(seen.size() == 200u);
}

BOOST_AUTO_TEST_CASE(what_is_due_after_its_topic_was_deleted_is_dropped_and_counted) {
  start();
  send_timer("x", "TIMER_DELAY_SEC", "10");
  ask(send_request("U", "keep", 1,
                   "TIMER_DELAY_SEC\x01"
                   "10"));
  remoting::TopicHeader header;
  header.topic = "T";
  BOOST_TEST((ask_helper(RemotingCommand::request(RequestCode::delete_topic_in_broker, header))
                  .response_code() == ResponseCode::success));
  world.pass(10s);
  BOOST_TEST(broker->stats().delayed_dropped == 1u);
  BOOST_TEST(delivered().empty());
  BOOST_TEST(stored("U").size() == 1u);
  BOOST_TEST(broker->stats().timers.pending == 0u);
}

BOOST_AUTO_TEST_CASE(what_was_delivered_is_noted_only_when_it_is_on_the_disk) {
  config.store.flush_interval = 24h;  // nothing is flushed before the end
  start();
  send_timer("x", "TIMER_DELAY_SEC", "1");
  world.pass(1h);
  BOOST_TEST((delivered() == Bodies{"x"}));
  // A power cut would take what was delivered. (The store's thread makes a checkpoint in between on
  // a slow machine.)
  const std::string noted = progress();
  const store::MessageStore& store = broker->store();
  if (store.synced_end() < store.appended_end()) BOOST_TEST(noted == "none");
  stop();
  BOOST_TEST(progress().find("\"firstOffset\":1") != std::string::npos, progress());
}

BOOST_AUTO_TEST_CASE(timers_of_three_days_are_stored_anew_before_their_log_files_expire) {
  config.timer_flush_interval = 60s;
  config.flush_delay_offset_interval = 60s;
  config.store.clean_interval = 1h;
  start();
  send_timer("first", "TIMER_DELAY_SEC", "3600");
  send_timer("long", "TIMER_DELAY_SEC", std::to_string(70 * 3600), 1, "\x02UNIQ_KEY\x01LONG");
  send_timer("two days", "TIMER_DELAY_SEC", std::to_string(48 * 3600));
  const RemotingCommand recalled =
      send_timer("recalled", "TIMER_DELAY_SEC", std::to_string(71 * 3600));
  recall(recalled);
  world.pass(48h);
  BOOST_TEST(broker->store().max_offset(kTimerTopic, 0) == 5);
  BOOST_TEST((delivered() == Bodies{"first", "two days"}));
  world.pass(2min);
  BOOST_TEST(broker->store().max_offset(kTimerTopic, 0) == 8);  // and the recall itself
  BOOST_TEST(broker->stats().timers.pending == 3u);
  BOOST_TEST(broker->stats().timers.rolled == 3u);
  const auto again = stored(kTimerTopic, 0).at(5);
  BOOST_TEST(again.body() == "long");
  BOOST_TEST(again.properties().get("TIMER_ROLL_TIMES") == "1");
  stop();
  start();
  BOOST_TEST(broker->stats().timers.pending == 3u);  // and not what they were made from
  world.pass(22h - 2min - 1ms);
  BOOST_TEST((delivered() == Bodies{"first", "two days"}));
  world.pass(1ms);
  BOOST_TEST((delivered() == Bodies{"first", "two days", "long"}));
  world.pass(48h);
  BOOST_TEST((delivered() == Bodies{"first", "two days", "long"}));
  BOOST_TEST(broker->stats().timers.pending == 0u);
}

BOOST_AUTO_TEST_CASE(log_files_that_are_kept_for_a_short_time_are_left_sooner) {
  config.store.file_reserved_time = 3h;
  start();
  send_timer("x", "TIMER_DELAY_SEC", std::to_string(9 * 3600));
  world.pass(2h + 2min);
  BOOST_TEST(broker->store().max_offset(kTimerTopic, 0) == 2);
  world.pass(2h + 2min);
  BOOST_TEST(broker->store().max_offset(kTimerTopic, 0) == 3);
  world.pass(5h);
  BOOST_TEST((delivered() == Bodies{"x"}));
}

BOOST_AUTO_TEST_CASE(what_the_store_refuses_comes_later) {
  start();
  const std::string big(400'000, 'b');
  for (int i = 0; i < 3; ++i) send_timer(big, "TIMER_DELAY_SEC", "1");  // of one millisecond
  // A directory in the place of the next log file keeps the store from making it.
  const std::string obstacle = directory.path() + "/commitlog/00000000000002097152";
  std::filesystem::create_directories(obstacle);
  world.pass(30s);
  BOOST_TEST(broker->store().max_offset("T", 1) < 3);
  std::filesystem::remove_all(obstacle);
  stop();
  start();
  world.pass(2s);
  BOOST_TEST(broker->store().max_offset("T", 1) == 3);
}

BOOST_AUTO_TEST_CASE(a_directory_that_apaches_broker_has_left_goes_on_where_it_was) {
  start();
  send_at("delivered by Apache", now() + 5000);
  send_at("waiting", now() + 60'000);
  stop();
  std::filesystem::remove(config.store.root + "/config/timerProgress.json");
  std::filesystem::remove(config.store.root + "/config/timerProgress.json.bak");
  leave_as_apache(now() + 30'000, 2);
  start();
  world.pass(60s);
  BOOST_TEST((delivered() == Bodies{"waiting"}));
}

// Ours, Apache's, ours again.
BOOST_AUTO_TEST_CASE(a_directory_that_comes_back_from_apaches_broker_keeps_what_both_delivered) {
  start();
  send_at("delivered by us", now() + 5000);
  send_at("delivered by Apache", now() + 60'000);
  send_at("waiting", now() + 120'000);
  world.pass(10s);
  stop();
  const std::int64_t read_until = now() + 80'000;
  leave_as_apache(read_until, 3);
  start();
  world.pass(300s);
  BOOST_TEST((delivered() == Bodies{"delivered by us", "waiting"}));
  // What Apache's has said once stays true, and hides nothing that came later.
  send_at("later", now() + 1000);
  kill_and_restart();
  world.pass(10s);
  BOOST_TEST((delivered() == Bodies{"delivered by us", "waiting", "later"}));
}

BOOST_AUTO_TEST_CASE(the_queue_says_when_its_messages_are_due_and_the_checker_agrees) {
  start();
  const std::int64_t due = now() + 100'000;
  const RemotingCommand sent = send_timer("x", "TIMER_DELIVER_MS", std::to_string(due), 1,
                                          "\x02TAGS\x01"
                                          "A");
  recall(sent);
  const auto times = [&] {
    const auto entries = broker->store().queue_entries(kTimerTopic, 0, 0, 10);
    BOOST_REQUIRE(entries.size() == 2u);
    BOOST_TEST(entries[0].tags_code == due - 1);
    BOOST_TEST(entries[1].tags_code == -(due - 1));
  };
  times();
  kill_and_restart();
  times();
  stop();
  std::filesystem::remove_all(config.store.root + "/consumequeue");
  start();  // the queue is made from the log
  times();
  stop();
  std::ostringstream report;
  store::InspectOptions options;
  options.root = config.store.root;
  options.index_slots = config.store.index_slots;
  options.index_entries = config.store.index_entries;
  BOOST_TEST(store::verify_store(options, report).problems == 0, report.str());
}

BOOST_AUTO_TEST_CASE(a_progress_that_claims_more_than_there_is_hides_nothing) {
  start();
  send_timer("x", "TIMER_DELAY_SEC", "10");
  stop();
  BOOST_TEST(!write_file_atomically(
      config.store.root + "/config/timerProgress.json",
      R"({"deliveredBefore":0,"deliveredUntil":5,"firstOffset":77,"takenOffset":99})", false));
  start();
  send_timer("y", "TIMER_DELAY_SEC", "10");
  kill_and_restart();  // it has been put right at once
  world.pass(20s);
  BOOST_TEST((delivered() == Bodies{"y"}));  // of the first it says that it is done
  stop();
  BOOST_TEST(!write_file_atomically(config.store.root + "/config/timerProgress.json", "{}", false));
  start();  // the backup is good
  world.pass(1s);
  stop();
}

BOOST_AUTO_TEST_SUITE_END()
