#include "transaction_fixture.hpp"

using namespace comet;
using namespace comet::test;

BOOST_FIXTURE_TEST_SUITE(transaction_checks, TransactionFixture)

BOOST_AUTO_TEST_CASE(a_producer_is_asked_about_a_transaction_that_has_not_ended) {
  start();
  join();
  const Half half = send_half("x");
  live(59s);
  BOOST_TEST(checks.empty());
  world.pass(1s);
  BOOST_REQUIRE(checks.size() == 1u);
  const Half now = place_in(checks[0]);
  BOOST_TEST(now.queue_offset == 1);  // it was put back behind the others
  BOOST_TEST(now.id == half.id);
  BOOST_TEST(text(checks[0], "transactionId") == half.id);
  BOOST_TEST(parse_offset_message_id(text(checks[0], "offsetMsgId")).value().physical_offset ==
             now.physical_offset);
  const auto messages = decode_records(checks[0].body.to_string());
  BOOST_REQUIRE(messages.size() == 1u);
  BOOST_TEST(messages[0].topic() == "T");
  BOOST_TEST(messages[0].queue_id == 1);
  BOOST_TEST(messages[0].body() == "x");
  BOOST_TEST(messages[0].properties().get("PGROUP") == "PG");
  BOOST_TEST(messages[0].properties().get("TRANSACTION_CHECK_TIMES") == "1");
  expect_ended(now, kCommit);
  BOOST_TEST((delivered() == Bodies{"x"}));
  live(5min);
  BOOST_TEST(checks.size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_end_for_the_place_before_the_check_counts_and_once) {
  start();
  join();
  const Half half = send_half("x");
  live(120s);
  BOOST_REQUIRE(checks.size() == 2u);
  expect_ended(half, kCommit);  // the producer's local transaction took two minutes
  for (const Half& late : {place_in(checks[0]), place_in(checks[1]), half})
    BOOST_TEST((end(late, kCommit).response_code() == ResponseCode::system_error));
  live(5min);
  BOOST_TEST(checks.size() == 2u);
  BOOST_TEST((delivered() == Bodies{"x"}));
}

BOOST_AUTO_TEST_CASE(young_transactions_are_left_alone) {
  start();
  join();
  world.pass(55s);
  send_half("x");
  world.pass(5s);
  BOOST_TEST(checks.empty());
  BOOST_TEST(half_count() == 1);
  live(60s);
  BOOST_TEST(checks.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_message_may_ask_for_more_time_before_the_first_check) {
  start();
  join();
  const Half half = send_half("x",
                              "\x02"
                              "CHECK_IMMUNITY_TIME_IN_SECONDS\x01"
                              "150");
  send_half("y",
            "\x02"
            "CHECK_IMMUNITY_TIME_IN_SECONDS\x01"
            "soon");
  live(60s);
  BOOST_REQUIRE(checks.size() == 1u);
  BOOST_TEST(text(checks[0], "msgId") == "id-y");
  const auto halves = stored(kHalf);
  BOOST_REQUIRE(halves.size() == 4u);
  BOOST_TEST(halves[2].properties().get("TRAN_PREPARED_QUEUE_OFFSET") == "0");
  BOOST_TEST(halves[2].properties().get("TRANSACTION_CHECK_TIMES") == "1");  // counts like a check
  expect_ended(place_in(checks[0]), kRollback);
  live(119s);
  BOOST_TEST(checks.size() == 1u);
  world.pass(1s);
  BOOST_TEST(checks.size() == 2u);
  expect_ended(half, kCommit);
  BOOST_TEST((delivered() == Bodies{"x"}));
}

BOOST_AUTO_TEST_CASE(more_time_survives_a_restart_and_so_does_the_first_place) {
  start();
  const Half half = send_half("x",
                              "\x02"
                              "CHECK_IMMUNITY_TIME_IN_SECONDS\x01"
                              "1000");
  live(3min);
  stop();
  start();
  expect_ended(half, kCommit);
  BOOST_TEST((delivered() == Bodies{"x"}));
}

BOOST_AUTO_TEST_CASE(after_the_last_check_the_message_is_put_aside_and_can_be_resumed) {
  config.transaction_check_max = 3;
  start();
  join();
  const Half half = send_half("x");
  live(10min);
  BOOST_TEST(checks.size() == 3u);
  const auto given_up = stored(kGivenUp);
  BOOST_REQUIRE(given_up.size() == 1u);
  BOOST_TEST(given_up[0].body() == "x");
  BOOST_TEST(given_up[0].properties().get("REAL_TOPIC") == "T");
  BOOST_TEST(given_up[0].properties().get("TRANSACTION_CHECK_TIMES") == "3");
  expect_refused(end(half, kCommit),
                 "The transaction has ended, or its half message has another place now");
  expect_refused(end(place_in(checks[2]), kCommit),
                 "The transaction has ended, or its half message has another place now");
  RemotingCommand resume = RemotingCommand::request(RequestCode::resume_check_half_message);
  resume.fields.add("msgId", given_up[0].offset_message_id());
  BOOST_TEST((ask(std::move(resume)).response_code() == ResponseCode::success));
  BOOST_TEST(delivered().empty());
  live(60s);
  BOOST_REQUIRE(checks.size() == 4u);
  expect_ended(place_in(checks[3]), kCommit);
  BOOST_TEST((delivered() == Bodies{"x"}));
}

BOOST_AUTO_TEST_CASE(
    a_resumed_open_message_has_all_its_checks_again_and_its_old_place_still_ends_it) {
  config.transaction_check_max = 2;
  start();
  join();
  const Half half = send_half("x");
  live(60s);
  RemotingCommand resume = RemotingCommand::request(RequestCode::resume_check_half_message);
  resume.fields.add("msgId", text(checks.at(0), "offsetMsgId"));
  BOOST_TEST((ask(resume).response_code() == ResponseCode::success));
  live(120s);
  BOOST_TEST(checks.size() == 3u);
  BOOST_TEST(stored(kGivenUp).empty());
  expect_ended(half, kCommit);
}

BOOST_AUTO_TEST_CASE(what_is_no_half_message_cannot_be_resumed) {
  start();
  const std::string plain = text(ask(send_request("T", "x", 1)), "msgId");
  for (const std::string& id :
       {plain, std::string("nonsense"), std::string(), "0A0909090000" + std::string(20, 'F')}) {
    RemotingCommand resume = RemotingCommand::request(RequestCode::resume_check_half_message);
    resume.fields.add("msgId", id);
    const RemotingCommand answer = ask(std::move(resume));
    BOOST_TEST((answer.response_code() == ResponseCode::system_error));
    BOOST_TEST(answer.remark.starts_with("Put message back to RMQ_SYS_TRANS_HALF_TOPIC failed."));
  }
  BOOST_TEST(
      (ask(RemotingCommand::request(RequestCode::resume_check_half_message)).response_code() ==
       ResponseCode::system_error));
}

BOOST_AUTO_TEST_CASE(messages_older_than_the_logs_files_are_put_aside) {
  config.transaction_check_max = 1'000'000;
  config.store.file_reserved_time = 1h;
  start();
  send_half("x");
  world.pass(2h);
  BOOST_TEST(stored(kGivenUp).size() == 1u);
}

BOOST_AUTO_TEST_CASE(the_members_of_the_group_are_asked_in_turn_and_no_others) {
  start();
  join();
  std::vector<int> asked(3);
  std::vector<std::unique_ptr<remoting::Client>> others;
  for (std::size_t i = 0; i < 3; ++i) {
    auto dispatcher = std::make_shared<remoting::Dispatcher>();
    dispatcher->on(RequestCode::check_transaction_state,
                   [&asked, i](remoting::Request&) -> remoting::Reply {
                     ++asked[i];
                     return std::nullopt;
                   });
    others.push_back(std::make_unique<remoting::Client>(world.executor(), world.network, world.time,
                                                        remoting::ClientConfig(), dispatcher));
    heartbeat(*others[i], "other" + std::to_string(i), i == 2 ? "another" : "PG");
  }
  for (int i = 0; i < 6; ++i) send_half(std::to_string(i));
  live(60s);
  BOOST_TEST(checks.size() == 2u);
  BOOST_TEST(asked[0] == 2);
  BOOST_TEST(asked[1] == 2);
  BOOST_TEST(asked[2] == 0);
  world.run(others[0]->stop());
  live(60s);
  BOOST_TEST(checks.size() == 5u);
  BOOST_TEST(asked[1] == 5);
  for (std::size_t i = 1; i < 3; ++i) world.run(others[i]->stop());
}

BOOST_AUTO_TEST_CASE(without_a_producer_the_message_waits_for_one) {
  start();
  send_half("x");
  world.pass(3min);
  BOOST_TEST(checks.empty());
  join();
  live(60s);
  BOOST_REQUIRE(checks.size() == 1u);
  BOOST_TEST(decode_records(checks[0].body.to_string())
                 .at(0)
                 .properties()
                 .get("TRANSACTION_CHECK_TIMES") == "4");
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_set_back_and_forth_does_not_stop_the_checks) {
  start();
  join();
  send_half("x");
  world.time.step_wall_clock(-1h);
  live(60s);
  BOOST_TEST(checks.size() == 1u);
  send_half("y");
  live(60s);
  BOOST_TEST(checks.size() == 3u);
  world.time.step_wall_clock(1h);
  live(60s);
  BOOST_TEST(checks.size() == 5u);
}

BOOST_AUTO_TEST_CASE(no_half_message_is_put_back_for_ever) {
  config.store.file_reserved_time = 1h;
  start();
  join();
  // A thousand billion seconds of immunity; the same, born in ten years; that without immunity.
  const std::string immune =
      "\x02"
      "CHECK_IMMUNITY_TIME_IN_SECONDS\x01"
      "1000000000000";
  const std::string later = std::to_string(world.time.wall_millis() + 315'360'000'000);
  send_half("immune", immune);
  ask(with_field(half_request("immune and unborn", immune), "g", later));
  ask(with_field(half_request("unborn"), "g", later));
  live(59s);
  BOOST_TEST(checks.empty());
  live(20min);
  BOOST_TEST(stored(kGivenUp).size() == 3u);
  BOOST_TEST(checks.size() == 15u);  // of the one without immunity
  const std::int64_t halves = half_count();
  BOOST_TEST(halves == 3 + 3 * 15);
  live(20min);
  BOOST_TEST(half_count() == halves);
}

BOOST_AUTO_TEST_CASE(immunity_ends_before_the_log_files_do) {
  config.transaction_check_max = 1'000'000;
  config.store.file_reserved_time = 1h;
  start();
  join();
  send_half("x",
            "\x02"
            "CHECK_IMMUNITY_TIME_IN_SECONDS\x01"
            "1000000000000");
  live(59min);
  BOOST_TEST(checks.empty());
  live(2min);
  BOOST_TEST(checks.size() + stored(kGivenUp).size() >= 1u);
  live(2min);
  BOOST_TEST(stored(kGivenUp).size() == 1u);
}

BOOST_AUTO_TEST_CASE(any_time_of_birth_is_taken) {
  start();
  join();
  for (const char* born : {"-9223372036854775808", "9223372036854775807", "-1", "0"}) {
    ask(with_field(half_request(std::string("born ") + born), "g", born));
  }
  live(61s);
  BOOST_TEST(checks.size() + stored(kGivenUp).size() == 4u);
}

BOOST_AUTO_TEST_CASE(thousands_are_each_asked_about_once_a_round) {
  config.connection.idle = 1h;
  start();
  join();
  constexpr int kMany = 3000;
  std::vector<Half> halves;
  for (int i = 0; i < kMany; ++i) halves.push_back(send_half(std::to_string(i)));
  for (int i = 0; i < kMany; i += 3) end_oneway(halves[static_cast<std::size_t>(i)], kCommit);
  live(65s);
  std::set<std::string> ids;
  for (const RemotingCommand& check : checks) ids.insert(text(check, "msgId"));
  BOOST_TEST(checks.size() == 2000u);
  BOOST_TEST(ids.size() == 2000u);
  BOOST_TEST(op_count() == kMany);  // of those that ended, and of those that have a new place
  for (const RemotingCommand& check : std::vector(checks)) end_oneway(place_in(check), kRollback);
  live(60s);
  BOOST_TEST(checks.size() == 2000u);
  BOOST_TEST(broker->store().max_offset("T", 1) == 1000);
}

BOOST_AUTO_TEST_SUITE_END()
