// Transactions at the producer's side.

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/message/message_id.hpp"
#include "comet/message/sys_flag.hpp"
#include "comet/producer/send_hook.hpp"
#include "log_lines.hpp"
#include "transaction_world.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

using Act = FakeBroker::Act;

BOOST_FIXTURE_TEST_SUITE(transaction_producer, TransactionWorld)

BOOST_AUTO_TEST_CASE(a_half_message_is_sent_and_its_end_told_as_apaches_producer_does_it) {
  start();
  std::string seen_id;
  const LocalTransaction local = [&](const Message& message) -> asio::awaitable<TransactionState> {
    seen_id = message.unique_id();
    BOOST_TEST(broker_a.sends.size() == 1u);  // stored before
    co_return TransactionState::commit;
  };
  Message message("orders", "the body");
  message.delay_level(3).deliver_after(9s).tag("A");
  const TransactionResult result = send(local, message);
  BOOST_TEST((result.state == TransactionState::commit));
  BOOST_TEST(!result.problem);
  BOOST_TEST(!result.end_error);
  const FakeBroker::Received& half = broker_a.sends.at(0);
  BOOST_TEST((std::stoi(half.field("f")) & sys_flag::kTransactionMask) ==
             sys_flag::kTransactionPrepared);
  const std::string properties = half.field("i");
  BOOST_TEST(find_property(properties, "TRAN_MSG") == "true");
  BOOST_TEST(find_property(properties, "PGROUP") == "order-service");
  BOOST_TEST(find_property(properties, "UNIQ_KEY") == seen_id);
  BOOST_TEST(find_property(properties, "DELAY").empty());
  BOOST_TEST(find_property(properties, "TIMER_DELAY_SEC").empty());
  BOOST_REQUIRE(ends().size() == 1u);
  const FakeBroker::Received end = ends()[0];
  BOOST_TEST(end.command.is_oneway());
  BOOST_TEST(end.field("producerGroup") == "order-service");
  BOOST_TEST(end.field("tranStateTableOffset") == std::to_string(result.send.queue_offset));
  BOOST_TEST(end.field("commitLogOffset") == "0");  // of the offset message id
  BOOST_TEST(end.field("commitOrRollback") == "8");
  BOOST_TEST(end.field("fromTransactionCheck") == "false");
  BOOST_TEST(end.field("msgId") == result.send.message_id);
  BOOST_TEST(end.field("bname") == "broker-a");
}

BOOST_AUTO_TEST_CASE(a_transaction_that_is_begun_is_committed_or_rolled_back_later) {
  start();
  Transaction first = run(transactions->begin(Message("orders", "one")));
  Transaction second = run(transactions->begin(Message("orders", "two")));
  BOOST_TEST(ends().empty());
  BOOST_TEST(find_property(broker_a.sends.at(0).field("i"), "UNIQ_KEY") == first.message_id());
  BOOST_TEST(find_property(broker_a.sends.at(0).field("i"), "TRAN_MSG") == "true");
  BOOST_TEST(!run(first.commit()));
  BOOST_TEST(!run(second.rollback()));
  pass(1ms);
  BOOST_REQUIRE(ends().size() == 2u);
  BOOST_TEST(ends()[0].field("commitOrRollback") == "8");
  BOOST_TEST(ends()[0].field("msgId") == first.message_id());
  BOOST_TEST(ends()[1].field("commitOrRollback") == "12");
  BOOST_TEST(!first.is_open());
  BOOST_CHECK_THROW(run(first.commit()), Error);
}

BOOST_AUTO_TEST_CASE(a_transaction_that_is_left_open_is_told_to_nobody_and_asked_about) {
  start();
  std::string id;
  {
    Transaction open = run(transactions->begin(Message("orders", "one")));
    Transaction moved = std::move(open);
    BOOST_TEST(!open.is_open());  // NOLINT(bugprone-use-after-move)
    id = moved.message_id();
  }
  pass(1s);
  BOOST_TEST(ends().empty());
  ask(id);
  BOOST_REQUIRE(ends().size() == 1u);
  BOOST_TEST(ends()[0].field("fromTransactionCheck") == "true");
  BOOST_TEST(ends()[0].field("commitOrRollback") == "8");
}

BOOST_AUTO_TEST_CASE(a_half_message_that_is_not_stored_as_safely_as_asked_for_begins_nothing) {
  start();
  broker_a.otherwise = Act::code(ResponseCode::flush_disk_timeout);
  try {
    (void)run(transactions->begin(Message("orders", "one")));
    BOOST_ERROR("begun");
  } catch (const Error& error) {
    BOOST_TEST((error.code() == ResponseCode::flush_disk_timeout));
  }
  pass(1ms);
  BOOST_REQUIRE(ends().size() == 1u);
  BOOST_TEST(ends()[0].field("commitOrRollback") == "12");
}

BOOST_AUTO_TEST_CASE(brokers_that_create_topics_know_a_producer_that_has_only_started) {
  name_server.routes["TBW102"] = make_route({&broker_a});
  name_server.routes["stock"] = make_route({&broker_b});
  const auto heartbeats = [](const FakeBroker& broker) {
    return std::ranges::count_if(broker.others, [](const FakeBroker::Received& other) {
      return other.command.request_code() == RequestCode::heart_beat;
    });
  };
  start(config().announce_topics({"stock"}));
  pass(500ms);  // before the first periodical heartbeat
  BOOST_TEST(heartbeats(broker_a) == 1);
  BOOST_TEST(heartbeats(broker_b) == 1);
  ask("ID-1");  // over the connection of the heartbeat
  BOOST_TEST(ends().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_topic_that_gets_its_route_later_has_its_brokers_told_then) {
  start(config().announce_topics({"stock"}));
  pass(2s);
  name_server.routes["stock"] = make_route({&broker_b});
  pass(5s);
  BOOST_TEST(!broker_b.others.empty());
}

BOOST_AUTO_TEST_CASE(a_rollback_and_an_unknown_state_are_told) {
  start();
  BOOST_TEST((send(ending(TransactionState::rollback)).state == TransactionState::rollback));
  BOOST_TEST((send(ending(TransactionState::unknown)).state == TransactionState::unknown));
  BOOST_REQUIRE(ends().size() == 2u);
  BOOST_TEST(ends()[0].field("commitOrRollback") == "12");
  BOOST_TEST(ends()[1].field("commitOrRollback") == "0");
}

BOOST_AUTO_TEST_CASE(what_the_local_transaction_throws_leaves_the_state_unknown) {
  start();
  const TransactionResult result = send([](const Message&) -> asio::awaitable<TransactionState> {
    throw std::runtime_error("no connection to the database");
    co_return TransactionState::commit;
  });
  BOOST_TEST((result.state == TransactionState::unknown));
  BOOST_CHECK_THROW(std::rethrow_exception(result.problem), std::runtime_error);
  BOOST_REQUIRE(ends().size() == 1u);
  BOOST_TEST(ends()[0].field("commitOrRollback") == "0");
  BOOST_TEST(ends()[0].command.remark == "no connection to the database");
}

BOOST_AUTO_TEST_CASE(a_half_message_that_is_stored_less_safely_is_rolled_back_at_once) {
  start();
  broker_a.otherwise = Act::code(ResponseCode::flush_disk_timeout);
  bool has_run = false;
  const LocalTransaction local = [&](const Message&) -> asio::awaitable<TransactionState> {
    has_run = true;
    co_return TransactionState::commit;
  };
  const TransactionResult result = send(local);
  BOOST_TEST(!has_run);
  BOOST_TEST((result.state == TransactionState::rollback));
  BOOST_TEST((result.send.status == SendStatus::flush_disk_timeout));
  BOOST_TEST(ends().at(0).field("commitOrRollback") == "12");
}

BOOST_AUTO_TEST_CASE(without_a_stored_half_message_nothing_runs) {
  start(config().retries(0));
  broker_a.otherwise = Act::code(ResponseCode::message_illegal);
  bool has_run = false;
  const LocalTransaction local = [&](const Message&) -> asio::awaitable<TransactionState> {
    has_run = true;
    co_return TransactionState::commit;
  };
  BOOST_CHECK_THROW(send(local), SendError);
  BOOST_CHECK_THROW(send(local, Message("orders", "")), Error);
  BOOST_TEST(!has_run);
  BOOST_TEST(ends().empty());
}

BOOST_AUTO_TEST_CASE(a_cancelled_transaction_is_unknown_and_a_decided_one_is_told) {
  start();
  for (const bool decides : {false, true}) {
    const LocalTransaction local = [&](const Message&) -> asio::awaitable<TransactionState> {
      Timer timer(executor(), time);
      bool was_cancelled = false;
      try {
        co_await timer.wait_for(1h);
      } catch (const boost::system::system_error&) {
        was_cancelled = true;
        if (!decides) throw;
      }
      BOOST_TEST(was_cancelled);
      co_return TransactionState::commit;
    };
    asio::cancellation_signal signal;
    error_code error;
    auto done = [&error](std::exception_ptr problem, TransactionResult) {
      try {
        if (problem) std::rethrow_exception(problem);
      } catch (const boost::system::system_error& caught) {
        error = caught.code();
      }
    };
    asio::co_spawn(context, transactions->send_in_transaction(Message("orders", "x"), local),
                   asio::bind_cancellation_slot(signal.slot(), done));
    pass(1ms);
    signal.emit(asio::cancellation_type::terminal);
    pass(1ms);
    // What was decided has been told by then.
    BOOST_TEST(error == (decides ? error_code() : asio::error::operation_aborted));
    BOOST_REQUIRE(!ends().empty());
    BOOST_TEST(ends().back().field("commitOrRollback") == (decides ? "8" : "0"));
  }
  BOOST_TEST(ends().size() == 2u);
}

BOOST_AUTO_TEST_CASE(an_end_that_does_not_get_away_is_said) {
  start();
  const LocalTransaction local = [this](const Message&) -> asio::awaitable<TransactionState> {
    broker_a.last_connection.lock()->close();
    Timer timer(executor(), time);
    co_await timer.wait_for(1ms);
    network.set_down(broker_a.address().host(), true);
    co_return TransactionState::commit;
  };
  const TransactionResult result = send(local);
  BOOST_TEST((result.state == TransactionState::commit));
  BOOST_TEST(!!result.end_error);
}

BOOST_AUTO_TEST_CASE(a_shutdown_waits_for_transactions_in_progress) {
  start();
  const LocalTransaction local = [this](const Message&) -> asio::awaitable<TransactionState> {
    Timer timer(executor(), time);
    co_await timer.wait_for(10s);
    co_return TransactionState::commit;
  };
  bool done = false;
  auto on_end = [&done](std::exception_ptr problem, TransactionResult) { done = !problem; };
  asio::co_spawn(context, transactions->send_in_transaction(Message("orders", "x"), local), on_end);
  pass(1ms);
  run(transactions->shutdown());
  BOOST_TEST(done);
  BOOST_TEST(ends().size() == 1u);
  BOOST_CHECK_THROW(send(ending(TransactionState::commit)), Error);
  transactions.reset();
}

BOOST_AUTO_TEST_CASE(a_check_is_answered_with_the_offsets_as_they_came) {
  start();
  send(ending(TransactionState::unknown));
  broker_a.others.clear();
  ask("id-1");
  BOOST_REQUIRE(checked.size() == 1u);
  BOOST_TEST(checked[0].topic() == "orders");
  BOOST_TEST(checked[0].body() == "half");
  BOOST_TEST(checked[0].queue_id == 2);
  BOOST_TEST(checked[0].unique_id() == "id-1");
  BOOST_REQUIRE(ends().size() == 1u);
  const FakeBroker::Received end = ends()[0];
  BOOST_TEST(end.command.is_oneway());
  BOOST_TEST(end.field("producerGroup") == "order-service");
  BOOST_TEST(end.field("tranStateTableOffset") == "77");
  BOOST_TEST(end.field("commitLogOffset") == "12345");
  BOOST_TEST(end.field("commitOrRollback") == "8");
  BOOST_TEST(end.field("fromTransactionCheck") == "true");
  BOOST_TEST(end.field("msgId") == "id-1");
  BOOST_TEST(end.field("transactionId") == "id-1");
  BOOST_TEST(broker_a.connections() == 1u);  // over the connection on which it was asked
}

BOOST_AUTO_TEST_CASE(a_check_that_throws_is_answered_unknown_with_the_reason) {
  start();
  send(ending(TransactionState::unknown));
  check_throws = true;
  ask("id-1");
  BOOST_TEST(ends().back().field("commitOrRollback") == "0");
  BOOST_TEST(ends().back().command.remark == "the database is away");
}

BOOST_AUTO_TEST_CASE(checks_that_cannot_be_read_or_are_for_others_are_not_answered) {
  start();
  send(ending(TransactionState::unknown));
  broker_a.others.clear();
  ask("id-1", "another-group");
  send_to_client(RemotingCommand::request(RequestCode::check_transaction_state));
  remoting::CheckTransactionStateHeader header;
  send_to_client(RemotingCommand::request(RequestCode::check_transaction_state, header,
                                          Body(std::string("no record"))));
  BOOST_TEST(checked.empty());
  BOOST_TEST(ends().empty());
  ask("id-2");
  BOOST_TEST(ends().size() == 1u);
}

BOOST_AUTO_TEST_CASE(some_checks_run_at_the_same_time_others_wait_and_too_many_are_dropped) {
  start(config().transaction_checks(2, 5));
  send(ending(TransactionState::unknown));
  broker_a.others.clear();
  check_takes = 1s;
  for (int i = 0; i < 20; ++i) ask("id-" + std::to_string(i));
  BOOST_TEST(checking == 2);
  pass(10s);
  BOOST_TEST(most_checking == 2);
  BOOST_TEST(ends().size() == 7u);
  ask("id-later");
  pass(1s);
  BOOST_TEST(ends().size() == 8u);
}

BOOST_AUTO_TEST_CASE(a_check_that_the_broker_repeats_while_it_waits_is_made_once) {
  start(config().transaction_checks(1));
  send(ending(TransactionState::unknown));
  broker_a.others.clear();
  check_takes = 1s;
  ask("id-1");
  for (int i = 0; i < 3; ++i) ask("id-2");
  pass(10s);
  BOOST_TEST(checked.size() == 2u);
  BOOST_TEST(ends().size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_check_that_comes_during_the_shutdown_is_passed_over_without_a_word) {
  start(config().transaction_checks(1));
  send(ending(TransactionState::unknown));
  broker_a.others.clear();
  check_takes = 1s;
  ask("id-1");
  bool is_down = false;
  asio::co_spawn(context, transactions->shutdown(), [&](std::exception_ptr) { is_down = true; });
  pass(1ms);
  LogLines log;
  ask("id-2");
  BOOST_TEST(!is_down);
  pass(2s);
  BOOST_TEST(is_down);
  BOOST_TEST(checked.size() == 1u);
  BOOST_TEST(log.count("asks about a transaction") == 0);
  transactions.reset();
}

BOOST_AUTO_TEST_CASE(a_shutdown_ends_the_checks_that_run_and_takes_no_more) {
  start(config().transaction_checks(1));
  send(ending(TransactionState::unknown));
  broker_a.others.clear();
  check_takes = 1s;
  ask("id-1");
  ask("id-2");
  run(transactions->shutdown());
  BOOST_TEST(checked.size() == 1u);
  BOOST_TEST(ends().size() == 1u);
  transactions.reset();
}

BOOST_AUTO_TEST_CASE(a_producer_that_goes_away_in_the_middle_of_a_check_still_answers_it) {
  start();
  send(ending(TransactionState::unknown));
  broker_a.others.clear();
  check_takes = 1s;
  ask("id-1");
  transactions.reset();
  pass(5s);
  BOOST_TEST(checked.size() == 1u);
}

BOOST_AUTO_TEST_CASE(without_a_check_of_the_users_the_state_is_unknown) {
  transactions = std::make_unique<TransactionProducer>(executor(), config(), TransactionCheck(),
                                                       network, time);
  run(transactions->start());
  send(ending(TransactionState::unknown));
  ask("id-1");
  BOOST_TEST(ends().back().field("commitOrRollback") == "0");
}

BOOST_AUTO_TEST_CASE(in_a_namespace_group_and_topic_are_wrapped_and_the_check_sees_its_own_topic) {
  name_server.routes["ns%orders"] = make_route({&broker_a});
  start(config().name_space("ns"));
  send(ending(TransactionState::unknown));
  BOOST_TEST(find_property(broker_a.sends.at(0).field("i"), "PGROUP") == "ns%order-service");
  BOOST_TEST(ends().at(0).field("producerGroup") == "ns%order-service");
  ask("id-1", "ns%order-service", "ns%orders");
  BOOST_TEST(checked.at(0).topic() == "orders");
}

BOOST_AUTO_TEST_CASE(hooks_and_the_message_trace_see_the_half_message_and_its_end) {
  class Hook final : public SendHook {
   public:
    void after_end_transaction(const EndTransactionContext& end) override {
      seen += std::string(to_string(end.state)) + " " + end.message.topic() + " " +
              end.broker.to_string() + (end.from_check ? " asked" : "");
    }
    std::string seen;
  };
  const auto hook = std::make_shared<Hook>();
  name_server.routes["RMQ_SYS_TRACE_TOPIC"] = make_route({&broker_a});
  start(config().send_hook(hook).message_trace(true));
  const TransactionResult result = send(ending(TransactionState::commit));
  BOOST_TEST(hook->seen == "COMMIT_MESSAGE orders host-a:10911");
  pass(2s);
  const std::string trace = broker_a.sends.back().body;
  BOOST_TEST(contains(trace, "Pub\x01"));
  const std::string end = "EndTransaction\x01";
  BOOST_REQUIRE(contains(trace, end));
  const std::string record = trace.substr(trace.find(end));
  BOOST_TEST(contains(record, "\x01order-service\x01orders\x01" + result.send.message_id +
                                  "\x01null\x01null\x01host-a:10911\x01"
                                  "2\x01null\x01"
                                  "COMMIT_MESSAGE\x01"
                                  "false\x02"));
}

BOOST_AUTO_TEST_CASE(plain_messages_go_through_the_same_producer) {
  start();
  const SendResult result = run(transactions->producer().send(Message("orders", "plain")));
  BOOST_TEST((result.status == SendStatus::send_ok));
  BOOST_TEST(broker_a.sends.at(0).field("f") == "0");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
