// What is acknowledged is on the disk with all that it implies: topics and groups whose files
// cannot be written, and those that the files have lost.

#include <atomic>
#include <filesystem>
#include <thread>

#include "admin_fixture.hpp"
#include "comet/base/files.hpp"
#include "tables/background_saver.hpp"
#include "tables/topic_table.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace fs = std::filesystem;

namespace {

class Saving : public AdminFixture {
 public:
  // A directory in the place of the temporary file keeps the broker from writing this one.
  void obstruct(const std::string& file) { fs::create_directories(obstacle(file)); }
  void clear(const std::string& file) { fs::remove_all(obstacle(file)); }
  std::string content(const std::string& file) {
    const Result<std::string> text = read_file(config.store.root + "/config/" + file);
    return text ? *text : "";
  }
  // Goes on with a copy of the directory, as if the process had been killed at this moment.
  void kill_and_restart() {
    const std::string copy = directory.path() + "/killed";
    fs::create_directories(copy);
    for (const char* part :
         {"commitlog", "consumequeue", "config", "checkpoint", "abort", "removedQueues.json"}) {
      if (!fs::exists(config.store.root + "/" + part)) continue;
      fs::copy(config.store.root + "/" + part, copy + "/" + part,
               fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    }
    stop();
    config.store.root = copy;
    start();
  }
  RemotingCommand give_back(const std::string& group, const RemotingCommand& sent) {
    const std::string id = text(sent, "msgId");
    return ask_with(RequestCode::consumer_send_msg_back,
                    {{"offset", std::to_string(std::stoll(id.substr(16), nullptr, 16))},
                     {"group", group},
                     {"delayLevel", "0"}});
  }

 private:
  std::string obstacle(const std::string& file) {
    return config.store.root + "/config/" + file + ".tmp";
  }
};

void expect_unavailable(const RemotingCommand& answer, const std::string& what) {
  BOOST_TEST((answer.response_code() == ResponseCode::service_not_available), answer.remark);
  BOOST_TEST(
      answer.remark.find(what + " cannot be written to this broker's disk") != std::string::npos,
      answer.remark);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(saving, Saving)

// Its queues are removed a moment later: what was stored in them meanwhile would go with them.
BOOST_AUTO_TEST_CASE(a_topic_that_is_being_deleted_is_made_again_by_nobody_before_that_is_done) {
  broker::HelperThread files(world.executor(), world.time);
  broker::TopicTable topics(config, world.time, files);
  topics.load({});
  BOOST_TEST((topics.find_or_create("T", "TBW102", 4) != nullptr));
  {
    const broker::TopicTable::Deletion deletion(topics, "T");
    BOOST_TEST((topics.find("T") != nullptr));
    topics.remove("T");
    BOOST_TEST((topics.find_or_create("T", "TBW102", 4) == nullptr));
    BOOST_TEST(topics.is_being_deleted("T"));
    BOOST_TEST((topics.find_or_create("U", "TBW102", 4) != nullptr));
  }
  BOOST_TEST((topics.find_or_create("T", "TBW102", 4) != nullptr));
  world.settle();
}

BOOST_AUTO_TEST_CASE(a_send_to_a_new_topic_that_cannot_be_written_is_refused_until_it_can) {
  start();
  ask(send_request("old", "x"));
  obstruct("topics.json");
  for (int tries = 0; tries < 2; ++tries) {
    const RemotingCommand answer = ask(send_request("new", "x"));
    expect_unavailable(answer, "topic new");
    BOOST_TEST(text(answer, "MSG_REGION") == "DefaultRegion");
  }
  BOOST_TEST(broker->store().max_offset("new", 0) == 0);  // its client has sent it elsewhere
  BOOST_TEST((ask(send_request("old", "y")).response_code() == ResponseCode::success));
  world.pass(5s);
  const auto problems = broker->problems();
  BOOST_TEST_REQUIRE(problems.size() == 1u);
  BOOST_TEST(problems[0].find("topics.json cannot be written: Is a directory") !=
             std::string::npos);
  BOOST_TEST(broker->stats().problems.size() == 1u);
  clear("topics.json");
  world.pass(1s);
  BOOST_TEST(broker->problems().empty());
  BOOST_TEST(content("topics.json").find("\"new\"") != std::string::npos);
  BOOST_TEST((ask(send_request("new", "z")).response_code() == ResponseCode::success));
  kill_and_restart();
  BOOST_TEST((bodies(ask(pull_request("new", 0, 0))) == std::vector<std::string>{"z"}));
}

BOOST_AUTO_TEST_CASE(a_batch_and_a_delayed_message_wait_for_their_topic_as_well) {
  start();
  ask(send_request("old", "x"));
  obstruct("topics.json");
  expect_unavailable(ask(send_request("new", "x", 0,
                                      "DELAY\x01"
                                      "3")),
                     "topic new");
  BOOST_TEST(broker->store().max_offset("SCHEDULE_TOPIC_XXXX", 2) == 0);
  clear("topics.json");
  world.pass(1s);
  BOOST_TEST((ask(send_request("new", "x", 0,
                               "DELAY\x01"
                               "3"))
                  .response_code() == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(a_message_is_given_back_only_when_its_group_and_retry_topic_are_written) {
  start();
  const RemotingCommand sent = ask(send_request("T", "x"));
  obstruct("subscriptionGroup.json");
  const RemotingCommand refused = give_back("G", sent);
  BOOST_TEST((refused.response_code() == ResponseCode::service_not_available), refused.remark);
  clear("subscriptionGroup.json");
  world.pass(1s);
  BOOST_TEST(content("subscriptionGroup.json").find("\"G\"") != std::string::npos);
  BOOST_TEST((give_back("G", sent).response_code() == ResponseCode::success));
  obstruct("topics.json");
  BOOST_TEST((give_back("H", sent).response_code() == ResponseCode::service_not_available));
  BOOST_TEST(broker->store().max_offset("SCHEDULE_TOPIC_XXXX", 2) == 1);
  clear("topics.json");
  world.pass(1s);
  BOOST_TEST((give_back("H", sent).response_code() == ResponseCode::success));
  BOOST_TEST(content("topics.json").find("%RETRY%H") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_retry_that_its_consumer_sends_itself_needs_the_group_as_well) {
  start();
  ask(send_request("%RETRY%G0", "x"));
  obstruct("subscriptionGroup.json");
  expect_unavailable(ask(send_request("%RETRY%G", "x")), "consumer group G");
  clear("subscriptionGroup.json");
  world.pass(1s);
  BOOST_TEST((ask(send_request("%RETRY%G", "x")).response_code() == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(what_an_administrator_makes_is_written_later_when_it_cannot_be_now) {
  start();
  obstruct("topics.json");
  obstruct("subscriptionGroup.json");
  const FieldList topic = {{"topic", "T"},         {"defaultTopic", "TBW102"},
                           {"readQueueNums", "4"}, {"writeQueueNums", "4"},
                           {"perm", "6"},          {"topicFilterType", "SINGLE_TAG"},
                           {"topicSysFlag", "0"},  {"order", "false"}};
  for (int tries = 0; tries < 2; ++tries) {
    const RemotingCommand answer = ask_with(RequestCode::update_and_create_topic, topic);
    BOOST_TEST((answer.response_code() == ResponseCode::system_error));
    BOOST_TEST(answer.remark.find("tried again every second") != std::string::npos);
    RemotingCommand group =
        RemotingCommand::request(RequestCode::update_and_create_subscriptiongroup,
                                 Body(std::string(R"({"groupName":"G"})")));
    BOOST_TEST((ask(std::move(group)).response_code() == ResponseCode::system_error));
  }
  BOOST_TEST(broker->problems().size() == 2u);
  clear("topics.json");
  clear("subscriptionGroup.json");
  world.pass(1s);
  BOOST_TEST(broker->problems().empty());
  BOOST_TEST(content("topics.json").find("\"T\"") != std::string::npos);
  BOOST_TEST(content("subscriptionGroup.json").find("\"G\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(offsets_and_progress_that_cannot_be_written_are_tried_again_every_second) {
  config.store.flush_interval = 1ms;
  start();
  ask(send_request("T", "x"));
  commit("CG", "T", 0, 1);
  for (const char* file : {"consumerOffset.json", "delayOffset.json", "timerProgress.json"}) {
    obstruct(file);
  }
  ask(send_request("T", "late", 0,
                   "DELAY\x01"
                   "1"));
  ask(send_request("T", "timer", 0,
                   "TIMER_DELAY_MS\x01"
                   "100"));
  // The timers' progress is written when a thread of the store's has flushed the log.
  for (int i = 0; i < 30'000 && broker->problems().size() < 3; ++i) {
    world.pass(100ms);
    const auto until = std::chrono::steady_clock::now() + 2ms;
    while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
  }
  BOOST_TEST(broker->problems().size() == 3u);
  for (const char* file : {"consumerOffset.json", "delayOffset.json", "timerProgress.json"}) {
    clear(file);
  }
  for (int i = 0; i < 1000 && !broker->problems().empty(); ++i) world.pass(100ms);
  BOOST_TEST(broker->problems().empty());
  BOOST_TEST(content("consumerOffset.json").find("T@CG") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(
    topics_that_the_store_knows_and_the_file_does_not_are_made_again_at_the_start) {
  start();
  ask(send_request("T", "x", 2));
  ask(send_request("%RETRY%G", "x"));
  ask(send_request("T", "late", 2,
                   "DELAY\x01"
                   "3"));
  stop();
  BOOST_TEST(!write_file_atomically(directory.path() + "/config/topics.json",
                                    R"({"topicConfigTable":{}})", false));
  start();
  const RemotingCommand found = ask_with(RequestCode::get_topic_config, {{"topic", "T"}});
  BOOST_TEST(found.body.view().find(R"("perm":6,"readQueueNums":3)") != std::string::npos,
             found.body.view());
  BOOST_TEST((bodies(ask(pull_request("T", 2, 0))) == std::vector<std::string>{"x"}));
  BOOST_TEST(content("topics.json").find("%RETRY%G") != std::string::npos);
  world.pass(10s);
  BOOST_TEST((bodies(ask(pull_request("T", 2, 0))) == std::vector<std::string>{"x", "late"}));
  // What was deleted stays so.
  RemotingCommand deletion = RemotingCommand::request(RequestCode::delete_topic_in_broker);
  deletion.fields.add("topic", "T");
  BOOST_TEST((ask_helper(std::move(deletion)).response_code() == ResponseCode::success));
  kill_and_restart();
  BOOST_TEST((ask_with(RequestCode::get_topic_config, {{"topic", "T"}}).response_code() ==
              ResponseCode::topic_not_exist));
}

// For ThreadSanitizer: two threads, no order between them.
BOOST_AUTO_TEST_CASE(topics_that_are_made_again_are_written_while_somebody_begins_to_listen) {
  broker::HelperThread files(world.executor(), real_time());
  broker::TopicTable topics(config, real_time(), files);
  std::atomic<int> told{0};
  topics.load({{"T", 4}});
  topics.on_change([&told] { ++told; });
  world.run(files.finish());
  BOOST_TEST(told <= 1);  // the file may have been there first
  BOOST_TEST(topics.announced().topics.contains("T"));
}

BOOST_AUTO_TEST_CASE(nobody_waits_longer_than_two_seconds_for_a_disk_that_hangs) {
  broker::HelperThread helper(world.executor(), world.time);
  bool writes = true;
  broker::BackgroundSaver saver(world.time, helper, [&writes] { return writes; });
  std::vector<bool> told;
  const auto tell = [&told](bool saved) { told.push_back(saved); };
  saver.changed(tell);
  saver.when_saved(tell);
  world.time.advance_to_next(world.time.now() + 1900ms);  // the helper has no turn
  saver.retry();
  BOOST_TEST(told.empty());
  world.time.advance_to_next(world.time.now() + 100ms);
  saver.retry();
  BOOST_TEST((told == std::vector<bool>{false, false}));
  told.clear();
  world.settle();
  BOOST_TEST(told.empty());
  saver.when_saved(tell);
  BOOST_TEST((told == std::vector<bool>{true}));
  // After a failure those who only ask are told at once, and retry() writes.
  writes = false;
  saver.changed();
  world.settle();
  told.clear();
  saver.when_saved(tell);
  BOOST_TEST((told == std::vector<bool>{false}));
  writes = true;
  saver.retry();
  world.settle();
  saver.when_saved(tell);
  BOOST_TEST((told == std::vector<bool>{false, true}));
}

BOOST_AUTO_TEST_CASE(
    a_change_during_the_first_write_that_succeeds_again_is_written_a_second_later) {
  broker::HelperThread helper(world.executor(), world.time);
  int change = 1;
  int written = 0;
  bool writes = false;
  std::function<void()> meanwhile = [] {};
  broker::BackgroundSaver saver(world.time, helper, [&] {
    if (!writes) return false;
    written = change;
    std::exchange(meanwhile, [] {})();
    return true;
  });
  saver.changed();
  world.settle();
  BOOST_TEST(written == 0);
  writes = true;
  meanwhile = [&] {  // as another thread would
    change = 2;
    saver.changed();
  };
  saver.retry();
  world.settle();
  BOOST_TEST(written == 1);
  saver.retry();
  world.settle();
  BOOST_TEST(written == 2);
}

BOOST_AUTO_TEST_SUITE_END()
