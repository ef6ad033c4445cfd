#include "broker_fixture.hpp"
#include "comet/base/async.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(pulling, BrokerFixture)

BOOST_AUTO_TEST_CASE(every_answer_to_a_pull_has_its_four_offsets) {
  start();
  ask(send_request("T", "one"));
  struct Row {
    std::int64_t offset;
    ResponseCode code;
    std::string next;
    std::string remark;
  };
  const std::vector<Row> rows = {
      {0, ResponseCode::success, "1", "FOUND"},
      {1, ResponseCode::pull_not_found, "1", "OFFSET_OVERFLOW_ONE"},
      {1000, ResponseCode::pull_offset_moved, "1", "OFFSET_OVERFLOW_BADLY"},
      {-1, ResponseCode::pull_offset_moved, "0", "OFFSET_TOO_SMALL"}};
  for (const Row& row : rows) {
    RemotingCommand answer = ask(pull_request("T", 0, row.offset));
    BOOST_TEST((answer.response_code() == row.code), row.remark);
    BOOST_TEST(answer.remark == row.remark);
    BOOST_TEST(text(answer, "nextBeginOffset") == row.next);
    BOOST_TEST(text(answer, "minOffset") == "0");
    BOOST_TEST(text(answer, "maxOffset") == "1");
    BOOST_TEST(text(answer, "suggestWhichBrokerId") == "0");
  }
}

BOOST_AUTO_TEST_CASE(who_lags_behind_by_more_than_the_memory_is_sent_to_the_slave) {
  struct Row {
    bool slave_read;
    std::int64_t reach;  // bytes behind the log's end that count as being in memory
    std::string at_begin, at_end;
  };
  const std::string group = R"({"groupName":"CG","brokerId":0,"whichBrokerWhenConsumeSlowly":2})";
  for (const Row& row : std::vector<Row>{
           {true, 10'000, "2", "0"}, {true, 1 << 20, "0", "0"}, {false, 10'000, "0", "0"}}) {
    config.replication.slave_read = row.slave_read;
    config.store.page_cache_reach = row.reach;
    stop();
    start();
    RemotingCommand made = ask(
        RemotingCommand::request(RequestCode::update_and_create_subscriptiongroup, Body(group)));
    BOOST_TEST_REQUIRE((made.response_code() == ResponseCode::success));
    for (int i = 0; i < 60; ++i) ask(send_request("T", std::string(1000, 'x')));
    const std::int64_t end = std::stoll(text(ask(pull_request("T", 0, 0)), "maxOffset"));
    BOOST_TEST(text(ask(pull_request("T", 0, 0)), "suggestWhichBrokerId") == row.at_begin);
    BOOST_TEST(text(ask(pull_request("T", 0, end - 1)), "suggestWhichBrokerId") == row.at_end);
    BOOST_TEST(text(ask(pull_request("T", 0, end)), "suggestWhichBrokerId") == "0");  // none found
  }
}

BOOST_AUTO_TEST_CASE(refused_pulls_get_apaches_codes) {
  start();
  ask(send_request("T", "one"));
  BOOST_TEST((ask(pull_request("none", 0, 0)).response_code() == ResponseCode::topic_not_exist));
  RemotingCommand bad_queue = ask(pull_request("T", 4, 0));
  BOOST_TEST((bad_queue.response_code() == ResponseCode::system_error));
  BOOST_TEST(bad_queue.remark.find(
                 "queueId[4] is illegal, topic:[T] topicConfig.readQueueNums:[4]") == 0u);
  BOOST_TEST((ask(pull_request("T", -1, 0)).response_code() == ResponseCode::system_error));
  RemotingCommand without = pull_request("T", 0, 0);
  remoting::PullMessageHeader header =
      *remoting::read_header<remoting::PullMessageHeader>(without.fields);
  header.sys_flag = 0;
  BOOST_TEST((ask(RemotingCommand::request(RequestCode::pull_message, header)).response_code() ==
              ResponseCode::subscription_not_exist));
}

BOOST_AUTO_TEST_CASE(tags_select_messages_and_the_next_offset_skips_the_others) {
  start();
  for (const char* tag : {"A", "B", "C", "A"}) {
    ask(send_request("T", std::string("body-") + tag, 0, std::string("TAGS\x01") + tag));
  }
  RemotingCommand answer = ask(pull_request("T", 0, 0, 0, "A || B"));
  BOOST_TEST((bodies(answer) == std::vector<std::string>{"body-A", "body-B", "body-A"}));
  BOOST_TEST(text(answer, "nextBeginOffset") == "4");
  RemotingCommand none = ask(pull_request("T", 0, 0, 0, "X"));
  BOOST_TEST((none.response_code() == ResponseCode::pull_retry_immediately));
  BOOST_TEST(text(none, "nextBeginOffset") == "4");
}

BOOST_AUTO_TEST_CASE(a_held_pull_is_answered_the_moment_a_message_arrives) {
  start();
  ask(send_request("T", "one"));
  RemotingCommand answer;
  auto pull = [&]() -> asio::awaitable<void> {
    answer = co_await client->invoke(config.listen_at, pull_request("T", 0, 1, 15'000),
                                     world.time.now() + 30s);
  };
  TaskGroup tasks(world.executor(), world.time);
  tasks.spawn("pull", pull());
  world.pass(10s);
  BOOST_TEST(tasks.size() == 1u);
  Instant before = world.time.now();
  ask(send_request("T", "two"));
  world.settle();
  BOOST_TEST(tasks.size() == 0u);
  BOOST_TEST((world.time.now() == before));
  BOOST_TEST((bodies(answer) == std::vector<std::string>{"two"}));
}

BOOST_AUTO_TEST_CASE(a_held_pull_ignores_tags_it_does_not_want_and_other_queues) {
  start();
  ask(send_request("T", "one"));
  RemotingCommand answer;
  auto pull = [&]() -> asio::awaitable<void> {
    answer = co_await client->invoke(config.listen_at, pull_request("T", 0, 1, 15'000, "A"),
                                     world.time.now() + 30s);
  };
  TaskGroup tasks(world.executor(), world.time);
  tasks.spawn("pull", pull());
  world.settle();
  ask(send_request("T", "other queue", 1,
                   "TAGS\x01"
                   "A"));
  ask(send_request("T", "other tag", 0,
                   "TAGS\x01"
                   "B"));
  world.pass(1s);
  BOOST_TEST(tasks.size() == 1u);
  ask(send_request("T", "wanted", 0,
                   "TAGS\x01"
                   "A"));
  world.settle();
  BOOST_TEST((bodies(answer) == std::vector<std::string>{"wanted"}));
  BOOST_TEST(text(answer, "nextBeginOffset") == "3");
}

BOOST_AUTO_TEST_CASE(a_held_pull_ends_when_its_time_is_up) {
  start();
  ask(send_request("T", "one"));
  Instant before = world.time.now();
  RemotingCommand answer = ask(pull_request("T", 0, 1, 15'000));
  BOOST_TEST((world.time.now() - before == Duration(15s)));
  BOOST_TEST((answer.response_code() == ResponseCode::pull_not_found));
  BOOST_TEST(answer.remark == "OFFSET_OVERFLOW_ONE");
  BOOST_TEST(text(answer, "nextBeginOffset") == "1");
}

BOOST_AUTO_TEST_CASE(a_pull_of_an_empty_queue_is_held_too) {
  start();
  RemotingCommand create = RemotingCommand::request(RequestCode::update_and_create_topic);
  create.fields.add("topic", "T");
  create.fields.add("readQueueNums", 2);
  create.fields.add("writeQueueNums", 2);
  create.fields.add("perm", 6);
  BOOST_TEST((ask(std::move(create)).response_code() == ResponseCode::success));
  RemotingCommand answer;
  auto pull = [&]() -> asio::awaitable<void> {
    answer = co_await client->invoke(config.listen_at, pull_request("T", 1, 0, 15'000),
                                     world.time.now() + 30s);
  };
  TaskGroup tasks(world.executor(), world.time);
  tasks.spawn("pull", pull());
  world.pass(5s);
  ask(send_request("T", "first", 1));
  world.settle();
  BOOST_TEST((bodies(answer) == std::vector<std::string>{"first"}));
}

BOOST_AUTO_TEST_CASE(a_pull_commits_the_offset_it_carries) {
  start();
  ask(send_request("T", "one"));
  RemotingCommand request = pull_request("T", 0, 0);
  remoting::PullMessageHeader header =
      *remoting::read_header<remoting::PullMessageHeader>(request.fields);
  header.sys_flag |= remoting::pull_sys_flag::kCommitOffset;
  header.commit_offset = 1;
  ask(RemotingCommand::request(RequestCode::pull_message, header));
  RemotingCommand query = RemotingCommand::request(RequestCode::query_consumer_offset);
  query.fields.add("consumerGroup", "CG");
  query.fields.add("topic", "T");
  query.fields.add("queueId", 0);
  BOOST_TEST(text(ask(std::move(query)), "offset") == "1");
}

BOOST_AUTO_TEST_CASE(what_a_lost_connection_waited_for_is_forgotten_at_once) {
  start();
  ask(send_request("T", "one"));
  TaskGroup tasks(world.executor(), world.time);
  auto pull = [&](std::int32_t queue_id) -> asio::awaitable<void> {
    RemotingCommand request = pull_request("T", queue_id, queue_id == 0 ? 1 : 0, 100'000);
    (void)co_await client->invoke(config.listen_at, std::move(request), world.time.now() + 100s);
  };
  for (std::int32_t queue_id = 0; queue_id < 3; ++queue_id) tasks.spawn("pull", pull(queue_id));
  world.settle();
  BOOST_TEST(broker->stats().held_pulls == 3u);
  client->close(config.listen_at);
  world.settle();
  BOOST_TEST(tasks.size() == 0u);
  BOOST_TEST(broker->stats().held_pulls == 0u);
  BOOST_TEST(broker->stats().connections == 0u);
}

BOOST_AUTO_TEST_CASE(held_pulls_end_each_at_its_own_time) {
  start();
  ask(send_request("T", "one"));
  const Instant begin = world.time.now();
  std::vector<std::int64_t> ended;  // ms
  TaskGroup tasks(world.executor(), world.time);
  auto pull = [&](std::int64_t millis) -> asio::awaitable<void> {
    RemotingCommand request = pull_request("T", 0, 1, millis);
    (void)co_await client->invoke(config.listen_at, std::move(request), begin + 60s);
    ended.push_back(to_millis(world.time.now() - begin));
  };
  for (std::int64_t millis : {7'000, 3'000, 15'000, 1'000}) tasks.spawn("pull", pull(millis));
  world.pass(20s);
  BOOST_TEST((ended == std::vector<std::int64_t>{1'000, 3'000, 7'000, 15'000}));
}

BOOST_AUTO_TEST_CASE(a_oneway_pull_waits_for_nothing) {
  start();
  ask(send_request("T", "one"));
  world.run(client->invoke_oneway(config.listen_at, pull_request("T", 0, 1, 15'000),
                                  world.time.now() + 5s));
  world.settle();
  BOOST_TEST(broker->stats().held_pulls == 0u);
}

BOOST_AUTO_TEST_CASE(held_pulls_are_answered_when_the_broker_stops) {
  start();
  ask(send_request("T", "one"));
  RemotingCommand answer;
  auto pull = [&]() -> asio::awaitable<void> {
    answer = co_await client->invoke(config.listen_at, pull_request("T", 0, 1, 100'000),
                                     world.time.now() + 100s);
  };
  TaskGroup tasks(world.executor(), world.time);
  tasks.spawn("pull", pull());
  world.settle();
  const Instant before = world.time.now();
  world.run(broker->stop(before + 5s));
  BOOST_TEST(tasks.size() == 0u);
  BOOST_TEST((answer.response_code() == ResponseCode::pull_not_found));
  BOOST_TEST((world.time.now() - before < Duration(1s)));
}

// More pulls of one queue than one turn of the executor hands over.
class ManyHeldPulls : public BrokerFixture {
 public:
  void hold(int count, const std::string& expression) {
    for (int i = 0; i < count; ++i) tasks.spawn("pull", pull(expression));
    world.settle();
  }
  asio::awaitable<void> pull(std::string expression) {
    RemotingCommand answer = co_await client->invoke(
        config.listen_at, pull_request("T", 0, 1, 100'000, expression), world.time.now() + 200s);
    ++answered[bodies(answer).empty() ? "" : bodies(answer).front()];
  }
  std::map<std::string, int> answered;  // by the first body
  TaskGroup tasks{world.executor(), world.time};
};

BOOST_FIXTURE_TEST_CASE(all_of_many_held_pulls_get_the_message_that_they_wait_for, ManyHeldPulls) {
  start();
  ask(send_request("T", "one"));
  hold(1'500, "*");
  BOOST_TEST(broker->stats().held_pulls == 1'500u);
  ask(send_request("T", "two"));
  world.settle();
  BOOST_TEST(answered["two"] == 1'500);
  BOOST_TEST(broker->stats().held_pulls == 0u);
}

BOOST_FIXTURE_TEST_CASE(of_many_held_pulls_those_are_answered_that_want_one_of_the_messages,
                        ManyHeldPulls) {
  start();
  ask(send_request("T", "one"));
  hold(700, "A");
  hold(700, "B");
  hold(700, "C");
  TaskGroup sends(world.executor(), world.time);
  auto send = [&](std::string tag) -> asio::awaitable<void> {
    (void)co_await client->invoke(config.listen_at, send_request("T", tag, 0, "TAGS\x01" + tag),
                                  world.time.now() + 10s);
  };
  for (const char* tag : {"X", "A", "Y", "C", "Z"}) sends.spawn("send", send(tag));
  world.settle();
  BOOST_TEST(answered["A"] == 700);
  BOOST_TEST(answered["C"] == 700);
  BOOST_TEST(broker->stats().held_pulls == 700u);
  ask(send_request("T", "B", 0,
                   "TAGS\x01"
                   "B"));
  world.settle();
  BOOST_TEST(answered["B"] == 700);
  BOOST_TEST(broker->stats().held_pulls == 0u);
}

BOOST_FIXTURE_TEST_CASE(many_held_pulls_whose_time_is_up_end_slice_by_slice, ManyHeldPulls) {
  start();
  ask(send_request("T", "one"));
  hold(1'000, "*");
  world.pass(101s);
  BOOST_TEST(answered[""] == 1'000);
}

// The four offsets say where to go on; whatever was asked, the broker stays in the queue.
BOOST_AUTO_TEST_CASE(offsets_from_nowhere_are_put_right) {
  start();
  for (int i = 0; i < 3; ++i) ask(send_request("T", "message"));
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t offset : {kLeast, kLeast + 1, std::int64_t{-1}}) {
    const RemotingCommand answer = ask(pull_request("T", 0, offset, 15'000));
    BOOST_TEST((answer.response_code() == ResponseCode::pull_offset_moved), offset);
    BOOST_TEST(text(answer, "nextBeginOffset") == "0");
  }
  for (const std::int64_t offset : {std::int64_t{4}, std::int64_t{1} << 33, kMost - 1, kMost}) {
    const RemotingCommand answer = ask(pull_request("T", 0, offset, 15'000));
    BOOST_TEST((answer.response_code() == ResponseCode::pull_offset_moved), offset);
    BOOST_TEST(text(answer, "nextBeginOffset") == "3");
  }
  // Of a queue without messages.
  for (const std::int64_t offset : {kLeast, std::int64_t{-1}, std::int64_t{7}, kMost}) {
    const RemotingCommand answer = ask(pull_request("T", 3, offset, 15'000));
    BOOST_TEST((answer.response_code() == ResponseCode::pull_offset_moved), offset);
    BOOST_TEST(text(answer, "nextBeginOffset") == "0");
  }
}

BOOST_AUTO_TEST_CASE(numbers_of_messages_from_nowhere_are_put_right) {
  start();
  for (int i = 0; i < 40; ++i) ask(send_request("T", "message"));
  const auto pull = [&](std::int32_t count, std::optional<std::int32_t> bytes) {
    const RemotingCommand without = pull_request("T", 0, 0);
    auto header = *remoting::read_header<remoting::PullMessageHeader>(without.fields);
    header.max_msg_nums = count;
    header.max_msg_bytes = bytes;
    return bodies(ask(RemotingCommand::request(RequestCode::pull_message, header))).size();
  };
  constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
  BOOST_TEST(pull(kMost, std::nullopt) == 32u);
  BOOST_TEST(pull(0, std::nullopt) == 1u);
  BOOST_TEST(pull(std::numeric_limits<std::int32_t>::min(), std::nullopt) == 1u);
  BOOST_TEST(pull(32, 1) == 1u);
  BOOST_TEST(pull(32, -1) == 32u);
  BOOST_TEST(pull(32, kMost) == 32u);
}

// They are read by other threads, or, on virtual time, when others have had their turn.
BOOST_AUTO_TEST_CASE(messages_far_back_in_the_log_come_from_the_disk_and_fewer_at_a_time) {
  config.store.page_cache_reach = 1000;
  start();
  for (int i = 0; i < 30; ++i) ask(send_request("T", std::to_string(i)));
  const auto first_of = [this](std::int64_t offset) {
    const std::vector<std::string> found = bodies(ask(pull_request("T", 0, offset)));
    return std::to_string(found.size()) + " from " + found.front();
  };
  BOOST_TEST(first_of(0) == "8 from 0");
  BOOST_TEST(first_of(28) == "2 from 28");
  RemotingCommand none = ask(pull_request("T", 0, 0, 5000, "B"));  // a tag that none of them has
  BOOST_TEST((none.response_code() == ResponseCode::pull_retry_immediately));
  BOOST_TEST(text(none, "nextBeginOffset") == "30");
  none = ask(pull_request("T", 0, 30, 0));
  BOOST_TEST((none.response_code() == ResponseCode::pull_not_found));
  BOOST_TEST(broker->stats().problems.empty());
}

BOOST_AUTO_TEST_SUITE_END()
