// Transactions and the end of the broker, in order and otherwise; directories of Apache's.

#include <cstdlib>

#include "comet/base/files.hpp"
#include "test_data.hpp"
#include "transaction_fixture.hpp"

using namespace comet;
using namespace comet::test;

namespace {

class RestartFixture : public TransactionFixture {
 public:
  // What was appended to the directory by a broker that did not come further.
  void append(const std::vector<RecordView>& records) {
    store::MessageStore store(config.store, world.executor(), world.time);
    for (const RecordView& record : records) {
      const auto result = world.run(store.append(record));
      BOOST_REQUIRE(!result.error);
    }
    store.close();
  }
  RecordView record(std::string_view topic, std::string_view properties, std::string_view body) {
    RecordView record;
    record.topic = topic;
    record.properties = properties;
    record.body = body;
    record.born_timestamp = world.time.wall_millis();
    record.store_host = record.born_host = IpEndpoint::parse("10.9.9.9:10911").value();
    return record;
  }
  std::string saved_offsets() {
    auto content = read_file(config.store.root + "/config/consumerOffset.json");
    return content ? content->substr(0, content->find('\n')) : "none";  // without its checksum
  }
};

constexpr const char* kRealPlace =
    "\x02REAL_TOPIC\x01T\x02REAL_QID\x01"
    "1";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(transactions_and_restarts, RestartFixture)

BOOST_AUTO_TEST_CASE(open_transactions_survive_and_ended_ones_stay_ended) {
  start();
  const Half open = send_half("open");
  expect_ended(send_half("committed"), kCommit);
  const Half other = send_half("other");
  expect_ended(send_half("rolled back"), kRollback);
  stop();
  start();
  join();
  expect_ended(other, kCommit);
  world.pass(60s);
  BOOST_REQUIRE(checks.size() == 1u);
  BOOST_TEST(text(checks[0], "msgId") == open.id);
  expect_ended(place_in(checks[0]), kCommit);
  BOOST_TEST((delivered() == Bodies{"committed", "other", "open"}));
}

BOOST_AUTO_TEST_CASE(how_far_transactions_have_ended_is_saved_for_both_queues) {
  start();
  for (int i = 0; i < 5; ++i)
    expect_ended(send_half(std::to_string(i)), i % 2 ? kCommit : kRollback);
  send_half("open");
  expect_ended(send_half("ended"), kCommit);
  world.pass(5s);
  stop();
  // The op message of the last one is needed as long as the one before it is open.
  BOOST_TEST(offset_table(saved_offsets()) ==
             R"({"offsetTable":{"RMQ_SYS_TRANS_HALF_TOPIC@CID_RMQ_SYS_TRANS":{"0":5},)"
             R"("RMQ_SYS_TRANS_OP_HALF_TOPIC@CID_RMQ_SYS_TRANS":{"0":5}}})");
}

BOOST_AUTO_TEST_CASE(after_a_kill_nothing_is_lost_and_nothing_comes_twice) {
  start();
  join();
  std::set<std::string> expected;
  for (int i = 0; i < 40; ++i) {
    const std::string body = std::to_string(i);
    const Half half = send_half(body);
    if (i % 4 == 0) end_oneway(half, kCommit);
    if (i % 4 == 1) end_oneway(half, kRollback);
    if (i % 4 != 1) expected.insert(body);
    if (i % 10 == 7) world.pass(17s);
  }
  kill();  // checks had been made since the offsets were saved, and had not
  join();
  for (int round = 0; round < 3; ++round) {
    world.pass(60s);
    for (const RemotingCommand& check : checks) end_oneway(place_in(check), kCommit);
    checks.clear();
    kill();
    join();
  }
  world.pass(60s);
  BOOST_TEST(checks.empty());
  std::multiset<std::string> all;
  for (const MessageExt& message : stored("T", 1)) all.insert(message.body());
  BOOST_TEST((all == std::multiset<std::string>(expected.begin(), expected.end())));
}

BOOST_AUTO_TEST_CASE(a_kill_between_commit_and_op_message_does_not_repeat_the_commit) {
  start();
  const Half half = send_half("x");
  send_half("open");
  stop();
  const std::string properties = half_properties("id-x") + kRealPlace;
  RecordView committed = record("T", properties, "x");
  committed.queue_id = 1;
  committed.sys_flag = sys_flag::kTransactionCommit;
  committed.prepared_transaction_offset = half.physical_offset;
  append({committed});
  start();
  join();
  BOOST_TEST((end(half, kCommit).response_code() == ResponseCode::system_error));
  world.pass(60s);
  BOOST_REQUIRE(checks.size() == 1u);
  BOOST_TEST(text(checks[0], "msgId") == "id-open");
  BOOST_TEST((delivered() == Bodies{"x"}));
  kill();  // the op message has been written by now
  join();
  world.pass(60s);
  BOOST_TEST(checks.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_kill_in_the_middle_of_a_check_does_not_double_the_transaction) {
  start();
  const Half half = send_half("x");
  stop();
  const std::string properties =
      half_properties("id-x") + kRealPlace + std::string("\x02TRANSACTION_CHECK_TIMES\x01") + "1";
  append({record(kHalf, properties, "x")});
  start();
  join();
  world.pass(60s);
  BOOST_REQUIRE(checks.size() == 1u);
  expect_ended(half, kCommit);  // its first place leads to where it is now
  world.pass(3min);
  BOOST_TEST(checks.size() == 1u);
  BOOST_TEST((delivered() == Bodies{"x"}));
}

BOOST_AUTO_TEST_CASE(a_half_message_that_says_no_topic_can_be_rolled_back_only) {
  append({record(kHalf, half_properties("id-x"), "x"),
          record(kHalf, half_properties("id-y") + "\x02REAL_TOPIC\x01T\x02REAL_QID\x01many", "y")});
  start();
  Half half;
  half.id = "id-x";
  expect_refused(end(half, kCommit),
                 "The half message does not say the topic and queue that it is for");
  expect_ended(half, kRollback);
  BOOST_TEST(op_count() == 1);
}

BOOST_AUTO_TEST_CASE(op_messages_that_make_no_sense_end_nothing) {
  const std::string op =
      "WAIT\x01true\x02TAGS\x01"
      "d";
  const std::string other =
      "TAGS\x01"
      "x";
  const std::string half = half_properties("id-x") + kRealPlace;
  append({record(kHalf, half, "x"), record(kHalf, half, "y"), record(kHalf, half, "z"),
          record(kOp, other, "0"), record(kOp, op, ""), record(kOp, op, "zero"),
          record(kOp, op, "-5"), record(kOp, op, "9223372036854775807"), record(kOp, op, ",,1,")});
  start();
  join();
  world.pass(60s);
  BOOST_TEST(checks.size() == 2u);  // 5.3 writes lists: the second one has ended
}

BOOST_AUTO_TEST_CASE(a_queue_that_begins_anew_is_noticed) {
  start();
  join();
  for (int i = 0; i < 5; ++i) expect_ended(send_half(std::to_string(i)), kRollback);
  live(60s);
  stop();
  {
    store::MessageStore store(config.store, world.executor(), world.time);
    for (const char* topic : {kHalf, kOp})
      BOOST_TEST(world.run_with_threads(store.remove_topic(topic)) == 1);
    store.close();
  }
  start();
  join();
  const Half half = send_half("x");
  BOOST_TEST(half.queue_offset == 0);
  send_half("open");
  expect_ended(half, kCommit);
  BOOST_TEST((delivered() == Bodies{"x"}));
  live(60s);
  BOOST_REQUIRE(checks.size() == 1u);
  BOOST_TEST(text(checks[0], "msgId") == "id-open");
}

BOOST_AUTO_TEST_CASE(a_directory_of_apaches_is_continued) {
  for (const char* name : {"apache_4_9_8_clean", "apache_4_9_8_unclean"}) {
    BOOST_TEST_CONTEXT(name) {
      const std::string command = "tar -xzf '" + comet::test::test_data() +
                                  "/apache_4_9_8_store.tar.gz' -C '" + directory.path() + "'";
      BOOST_REQUIRE(std::system(command.c_str()) == 0);
      config.store.root = directory.path() + "/" + name;
      config.store.commit_log_file_size = 262144;
      config.store.consume_queue_file_size = 6000;
      config.store.index_slots = 5000;
      config.store.index_entries = 20000;
      config.store.file_reserved_time = std::chrono::hours(24 * 3650);
      world.time.step_wall_clock(
          std::chrono::milliseconds(1'795'221'000'000 - world.time.wall_millis()));
      start();
      join("PTx");
      world.pass(60s);
      // 12 half messages; of each three one is committed, one rolled back.
      BOOST_TEST(checks.size() == 4u);
      Bodies bodies;
      for (const RemotingCommand& check : checks) {
        const auto messages = decode_records(check.body.to_string());
        BOOST_REQUIRE(messages.size() == 1u);
        bodies.push_back(messages[0].body());
        BOOST_TEST(messages[0].topic() == "TxTopic");
        const RemotingCommand answer = ask(end_request(place_in(check), kCommit, true, "PTx"));
        BOOST_TEST((answer.response_code() == ResponseCode::success), answer.remark);
      }
      BOOST_TEST((bodies == Bodies{"tx 2", "tx 5", "tx 8", "tx 11"}));
      BOOST_TEST(broker->store().max_offset("TxTopic", 0) == 8);
      world.pass(60s);
      BOOST_TEST(checks.size() == 4u);
      stop();
      checks.clear();
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
