#include "transaction_fixture.hpp"

using namespace comet;
using namespace comet::test;

BOOST_FIXTURE_TEST_SUITE(transactions, TransactionFixture)

BOOST_AUTO_TEST_CASE(a_half_message_waits_where_apaches_broker_would_look_for_it) {
  start();
  const RemotingCommand answer = ask(half_request("x", "\x02WAIT\x01true"));
  BOOST_TEST((answer.response_code() == ResponseCode::success));
  BOOST_TEST(text(answer, "queueId") == "1");  // as asked for
  BOOST_TEST(text(answer, "queueOffset") == "0");
  BOOST_TEST(delivered().empty());
  const auto halves = stored(kHalf);
  BOOST_REQUIRE(halves.size() == 1u);
  BOOST_TEST(halves[0].offset_message_id() == text(answer, "msgId"));
  BOOST_TEST(halves[0].body() == "x");
  BOOST_TEST(halves[0].queue_id == 0);
  BOOST_TEST((halves[0].sys_flag & sys_flag::kTransactionMask) == 0);
  BOOST_TEST(halves[0].properties().get("REAL_TOPIC") == "T");
  BOOST_TEST(halves[0].properties().get("REAL_QID") == "1");
  BOOST_TEST(halves[0].properties().get("TRAN_MSG") == "true");
  BOOST_TEST(halves[0].properties().get("PGROUP") == "PG");
  BOOST_TEST(halves[0].tag() == "A");
}

BOOST_AUTO_TEST_CASE(a_commit_gives_consumers_the_message_and_notes_it_as_apache_does) {
  start();
  send_half("other");
  const Half half = send_half("x");
  world.pass(1s);
  expect_ended(half, kCommit);
  const RemotingCommand pulled = ask(pull_request("T", 1, 0, 0, "A"));
  const auto messages = decode_records(pulled.body.to_string());
  BOOST_REQUIRE(messages.size() == 1u);
  BOOST_TEST(messages[0].body() == "x");
  BOOST_TEST(messages[0].queue_offset == 0);
  BOOST_TEST((messages[0].sys_flag & sys_flag::kTransactionMask) == sys_flag::kTransactionCommit);
  BOOST_TEST(messages[0].prepared_transaction_offset == half.physical_offset);
  BOOST_TEST(messages[0].unique_id() == "id-x");
  BOOST_TEST(messages[0].store_timestamp - messages[0].born_timestamp == 1000);
  const auto ops = stored(kOp);
  BOOST_REQUIRE(ops.size() == 1u);
  BOOST_TEST(ops[0].body() == "1");  // the half message's place in its queue
  BOOST_TEST(ops[0].tag() == "d");
  BOOST_TEST(ops[0].properties().get("WAIT") == "true");
  BOOST_TEST(ops[0].properties().size() == 2u);
  BOOST_TEST(ops[0].store_size == 135);  // as in files of Apache's 4.9.8
}

BOOST_AUTO_TEST_CASE(a_rollback_is_noted_and_nobody_gets_the_message) {
  start();
  const Half half = send_half("x");
  expect_ended(half, kRollback);
  BOOST_TEST(delivered().empty());
  BOOST_REQUIRE(op_count() == 1);
  BOOST_TEST(stored(kOp)[0].body() == "0");
}

BOOST_AUTO_TEST_CASE(an_end_that_is_not_known_yet_is_not_answered_and_changes_nothing) {
  start();
  const Half half = send_half("x");
  for (const std::int32_t decision : {kUnknown, 4, 99, -1}) {
    RemotingCommand request = end_request(half, decision);
    BOOST_CHECK_THROW(
        world.run(client->invoke(config.listen_at, std::move(request), world.time.now() + 100ms)),
        Error);
  }
  BOOST_TEST(op_count() == 0);
  expect_ended(half, kCommit);
}

BOOST_AUTO_TEST_CASE(an_oneway_end_is_done_and_not_answered) {
  start();
  end_oneway(send_half("x"), kCommit);
  end_oneway(send_half("y"), kRollback);
  BOOST_TEST((delivered() == Bodies{"x"}));
  BOOST_TEST(op_count() == 2);
}

BOOST_AUTO_TEST_CASE(an_end_by_another_group_or_for_other_offsets_is_refused_in_apaches_words) {
  start();
  const Half half = send_half("x");
  expect_refused(ask(end_request(half, kCommit, false, "other")), "The producer group wrong");
  Half wrong = half;
  wrong.queue_offset = 1;
  expect_refused(end(wrong, kCommit), "The transaction state table offset wrong");
  const std::string missing = "Find prepared transaction message failed";
  for (const std::int64_t offset :
       {half.physical_offset + 1, std::int64_t{1} << 40, std::int64_t{-1}, std::int64_t{9}}) {
    wrong = half;
    wrong.physical_offset = offset;
    expect_refused(end(wrong, kCommit), missing);
  }
  // A plain message is no half message, whatever its properties say.
  const RemotingCommand plain = ask(send_request("T", "plain", 1, "PGROUP\x01PG"));
  wrong.queue_offset = std::stoll(text(plain, "queueOffset"));
  wrong.physical_offset = parse_offset_message_id(text(plain, "msgId")).value().physical_offset;
  expect_refused(end(wrong, kCommit), missing);
  BOOST_TEST((delivered() == Bodies{"plain"}));
  BOOST_TEST(op_count() == 0);
}

BOOST_AUTO_TEST_CASE(an_end_without_its_fields_is_refused) {
  start();
  const RemotingCommand answer = ask(RemotingCommand::request(RequestCode::end_transaction));
  BOOST_TEST((answer.response_code() == ResponseCode::system_error));
  BOOST_TEST(!answer.remark.empty());
}

BOOST_AUTO_TEST_CASE(a_transaction_ends_once) {
  start();
  const std::string ended = "The transaction has ended, or its half message has another place now";
  const Half first = send_half("x");
  expect_ended(first, kCommit);
  expect_refused(end(first, kCommit), ended);
  expect_refused(end(first, kRollback), ended);
  const Half second = send_half("y");
  expect_ended(second, kRollback);
  expect_refused(end(second, kCommit), ended);
  BOOST_TEST((delivered() == Bodies{"x"}));
  BOOST_TEST(op_count() == 2);
}

BOOST_AUTO_TEST_CASE(two_ends_at_the_same_time_are_one) {
  start();
  const Half half = send_half("x");
  int successes = 0, refusals = 0;
  auto count = [&](RemotingCommand answer) {
    ++(answer.response_code() == ResponseCode::success ? successes : refusals);
  };
  for (int i = 0; i < 4; ++i) {
    auto invoke =
        client->invoke(config.listen_at, end_request(half, kCommit), world.time.now() + 1s);
    auto done = [&](std::exception_ptr, RemotingCommand answer) { count(std::move(answer)); };
    asio::co_spawn(world.context, std::move(invoke), done);
  }
  world.settle();
  BOOST_TEST(successes == 1);
  BOOST_TEST(refusals == 3);
  BOOST_TEST((delivered() == Bodies{"x"}));
}

BOOST_AUTO_TEST_CASE(half_messages_may_be_forbidden) {
  config.reject_transactions = true;
  start();
  const RemotingCommand answer = ask(half_request("x"));
  BOOST_TEST((answer.response_code() == ResponseCode::no_permission));
  BOOST_TEST(answer.remark == "the broker[10.9.9.9] sending transaction message is forbidden");
  BOOST_TEST((ask(send_request("T", "plain", 1)).response_code() == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(a_half_message_is_not_delayed) {
  start();
  for (const char* delay : {"\x02"
                            "DELAY\x01"
                            "3",
                            "\x02"
                            "DELAY\x01"
                            "soon",
                            "\x02TIMER_DELAY_SEC\x01"
                            "10"}) {
    const RemotingCommand answer = ask(half_request("x", delay));
    BOOST_TEST((answer.response_code() == ResponseCode::message_illegal));
    BOOST_TEST(answer.remark == "a transactional message cannot be delayed");
  }
  BOOST_TEST((ask(half_request("x",
                               "\x02"
                               "DELAY\x01"
                               "0"))
                  .response_code() == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(a_half_message_of_no_topic_is_refused_like_any_message) {
  start();
  for (const char* topic : {"", "a/b", kHalf}) {
    const RemotingCommand answer = ask(half_request("x", {}, topic));
    BOOST_TEST((answer.response_code() != ResponseCode::success));
  }
  BOOST_TEST(half_count() == 0);
}

BOOST_AUTO_TEST_CASE(a_message_that_is_given_back_is_no_half_message_any_more) {
  start();
  const RemotingCommand answer = ask(send_request("%RETRY%CG", "again", 0, half_properties("id")));
  BOOST_TEST((answer.response_code() == ResponseCode::success));
  BOOST_TEST(half_count() == 0);
  BOOST_TEST(broker->store().max_offset("%RETRY%CG", 0) == 1);
}

BOOST_AUTO_TEST_CASE(a_commit_to_a_topic_that_is_gone_waits_for_it) {
  start();
  const Half half = send_half("x");
  RemotingCommand request = RemotingCommand::request(RequestCode::delete_topic_in_broker);
  request.fields.add("topic", "T");
  BOOST_TEST((ask_helper(std::move(request)).response_code() == ResponseCode::success));
  BOOST_TEST((end(half, kCommit).response_code() == ResponseCode::topic_not_exist));
  BOOST_TEST(op_count() == 0);
  ask(send_request("T", "creates it", 0));
  expect_ended(half, kCommit);
  BOOST_TEST((delivered() == Bodies{"x"}));
}

BOOST_AUTO_TEST_CASE(a_producer_cannot_say_what_only_the_broker_says) {
  config.transaction_check_max = 2;
  start();
  join();
  send_half("x",
            "\x02TRANSACTION_CHECK_TIMES\x01"
            "99\x02TRAN_PREPARED_QUEUE_OFFSET\x01"
            "123456789012345\x02REAL_TOPIC\x01"
            "elsewhere\x02REAL_QID\x01"
            "-7");
  const auto properties = stored(kHalf).at(0).properties();
  BOOST_TEST(!properties.contains("TRANSACTION_CHECK_TIMES"));
  BOOST_TEST(!properties.contains("TRAN_PREPARED_QUEUE_OFFSET"));
  BOOST_TEST(properties.get("REAL_TOPIC") == "T");
  BOOST_TEST(properties.get("REAL_QID") == "1");
  kill();
  join();
  world.pass(60s);
  BOOST_TEST(checks.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_store_that_takes_nothing_leaves_the_transaction_open) {
  start();
  const std::string big(300'000, 'b');
  const Half half = send_half(big);
  while (ask(send_request("T", big, 0)).response_code() == ResponseCode::success) {
    if (broker->store().max_physical_offset() < (1 << 20)) continue;
    std::filesystem::create_directories(directory.path() + "/commitlog/00000000000002097152");
  }
  const RemotingCommand answer = end(half, kCommit);
  BOOST_TEST((answer.response_code() == ResponseCode::service_not_available));
  std::filesystem::remove_all(directory.path() + "/commitlog/00000000000002097152");
  stop();
  start();
  expect_ended(half, kCommit);
  BOOST_TEST((delivered() == Bodies{big}));
}

BOOST_AUTO_TEST_SUITE_END()
