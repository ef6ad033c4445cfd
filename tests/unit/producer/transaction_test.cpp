// Transaction: open until its broker has been told, whatever happens on the way.

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include "log_lines.hpp"
#include "transaction_world.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

class OpenWorld : public TransactionWorld {
 public:
  Transaction begin(std::string body = "the body") {
    return run(transactions->begin(Message("orders", std::move(body))));
  }
  // Commits, after that time, in a coroutine that is cancelled at once; how it ended.
  error_code commit_and_cancel(Transaction& transaction, Duration begin_after) {
    error_code error;
    auto commit = [&]() -> asio::awaitable<void> {
      Timer timer(executor(), time);
      try {
        if (begin_after > 0s) co_await timer.wait_for(begin_after);
      } catch (const boost::system::system_error&) {
      }
      co_await transaction.commit();
    };
    auto on_end = [&](std::exception_ptr problem) {
      try {
        if (problem) std::rethrow_exception(problem);
      } catch (const boost::system::system_error& caught) {
        error = caught.code();
      }
    };
    asio::cancellation_signal signal;
    asio::co_spawn(context, commit(), asio::bind_cancellation_slot(signal.slot(), on_end));
    settle();
    signal.emit(asio::cancellation_type::terminal);
    settle();
    return error;
  }
  void lose_connection() {
    broker_a.last_connection.lock()->close();
    pass(1ms);
  }
  LogLines log;
};

BOOST_FIXTURE_TEST_SUITE(transactions, OpenWorld)

BOOST_AUTO_TEST_CASE(a_commit_that_nobody_awaits_has_ended_nothing) {
  start();
  Transaction transaction = begin();
  {
    const auto forgotten = transaction.commit();
  }
  pass(1s);
  BOOST_TEST(transaction.is_open());
  BOOST_TEST(ends().empty());
  BOOST_TEST(!run(transaction.commit()));
  BOOST_TEST(!transaction.is_open());
  pass(1ms);
  BOOST_TEST(ends().size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_ended_transaction_is_not_ended_twice) {
  start();
  Transaction transaction = begin();
  auto second = transaction.rollback();  // begins later
  BOOST_TEST(!run(transaction.commit()));
  BOOST_CHECK_THROW(run(std::move(second)), Error);
  BOOST_CHECK_THROW(run(transaction.commit()), Error);
  pass(1ms);
  BOOST_REQUIRE(ends().size() == 1u);
  BOOST_TEST(ends()[0].field("commitOrRollback") == "8");
}

BOOST_AUTO_TEST_CASE(a_commit_of_a_coroutine_that_is_cancelled_already_leaves_it_open) {
  start();
  Transaction transaction = begin();
  BOOST_TEST(commit_and_cancel(transaction, 1h) == asio::error::operation_aborted);
  BOOST_TEST(transaction.is_open());
  pass(1s);
  BOOST_TEST(ends().empty());
  BOOST_TEST(!run(transaction.commit()));
}

BOOST_AUTO_TEST_CASE(a_commit_that_is_cancelled_on_its_way_is_told_all_the_same) {
  start();
  Transaction transaction = begin();
  lose_connection();
  network.set_latency(200ms);
  BOOST_TEST(commit_and_cancel(transaction, 0ms) == asio::error::operation_aborted);
  BOOST_TEST(!transaction.is_open());
  BOOST_TEST(ends().empty());
  pass(2s);
  BOOST_REQUIRE(ends().size() == 1u);
  BOOST_TEST(ends()[0].field("commitOrRollback") == "8");
  BOOST_TEST(!transaction.is_open());
}

BOOST_AUTO_TEST_CASE(a_commit_that_does_not_get_away_leaves_it_open_for_another) {
  start();
  Transaction transaction = begin();
  lose_connection();
  network.set_down(broker_a.address().host(), true);
  BOOST_TEST(!!run(transaction.commit()));
  BOOST_TEST(transaction.is_open());
  network.set_down(broker_a.address().host(), false);
  pass(10s);
  BOOST_TEST(!run(transaction.commit()));
  BOOST_TEST(!transaction.is_open());
  pass(1ms);
  BOOST_TEST(ends().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_commit_after_the_shutdown_says_so_and_leaves_the_rest_to_the_check) {
  start();
  {
    Transaction transaction = begin();
    run(transactions->shutdown());
    BOOST_TEST((run(transaction.commit()) == ClientErrc::not_running));
    BOOST_TEST((run(transaction.rollback()) == ClientErrc::not_running));
    BOOST_TEST(transaction.is_open());
    BOOST_TEST(log.count(transaction.message_id()) == 0);
  }
  BOOST_TEST(log.count("was left open") == 1);
  BOOST_TEST(ends().empty());
}

BOOST_AUTO_TEST_CASE(a_transaction_may_outlive_its_producer) {
  start();
  Transaction transaction = begin();
  transactions.reset();
  pass(1s);
  BOOST_TEST((run(transaction.commit()) == ClientErrc::not_running));
}

BOOST_AUTO_TEST_CASE(a_transaction_that_is_left_open_is_logged_with_its_id) {
  start();
  std::string id;
  {
    Transaction open = begin();
    id = open.message_id();
    Transaction committed = begin();
    BOOST_TEST(!run(committed.commit()));
  }
  BOOST_TEST(log.count("was left open") == 1);
  BOOST_TEST(log.count("transaction " + id + " of topic orders was left open") == 1);
}

BOOST_AUTO_TEST_CASE(an_open_transaction_that_another_replaces_is_left_to_the_check) {
  start();
  Transaction transaction = begin("first");
  const std::string first = transaction.message_id();
  transaction = begin("second");
  BOOST_TEST(log.count("transaction " + first + " of topic orders was left open") == 1);
  BOOST_TEST(transaction.message().body() == "second");
  Transaction& itself = transaction;
  transaction = std::move(itself);
  BOOST_TEST(transaction.is_open());
  BOOST_TEST(!run(transaction.commit()));
  transaction = begin("third");
  BOOST_TEST(!run(transaction.rollback()));
  transaction = Transaction();
  BOOST_TEST(!transaction.is_open());
  BOOST_TEST(log.count("was left open") == 1);
  BOOST_CHECK_THROW(run(transaction.commit()), Error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
