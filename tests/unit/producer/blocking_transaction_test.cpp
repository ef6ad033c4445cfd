// Transactions of the producer that blocks, over loopback.

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "comet/client/errors.hpp"
#include "comet/producer/blocking_producer.hpp"
#include "comet/remoting/codes.hpp"
#include "log_lines.hpp"
#include "loopback_peer.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

class BlockingTransactions {
 public:
  explicit BlockingTransactions(BlockingTransactionCheck check = commits())
      : producer(std::in_place, ProducerConfig("blocking").name_servers(peer.address()),
                 std::move(check)) {}
  static BlockingTransactionCheck commits() {
    return [](const MessageExt&) { return TransactionState::commit; };
  }
  // Returns when the broker has been told so many ends, the last of which is returned.
  LoopbackPeer::End wait_for_end(std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (peer.ends().size() < count && std::chrono::steady_clock::now() < end) {
      std::this_thread::yield();
    }
    BOOST_REQUIRE(peer.ends().size() == count);
    return peer.ends().back();
  }

  LogLines log;
  LoopbackPeer peer;
  std::optional<BlockingProducer> producer;
};

constexpr int kCommit = 8;
constexpr int kRollback = 12;
constexpr int kUnknown = 0;

BOOST_FIXTURE_TEST_SUITE(blocking_transactions, BlockingTransactions)

BOOST_AUTO_TEST_CASE(what_is_begun_is_committed_or_rolled_back) {
  BlockingTransaction first = producer->begin(Message("orders", "one"));
  BlockingTransaction second = producer->begin(Message("orders", "two"));
  BOOST_TEST(first.is_open());
  BOOST_TEST(first.message().body() == "one");
  BOOST_TEST(first.message_id() == first.send_result().message_id);
  BOOST_TEST(!first.commit());
  BOOST_TEST(!first.is_open());
  BOOST_TEST(wait_for_end(1).decision == kCommit);
  BOOST_TEST(peer.ends()[0].message_id == first.message_id());
  BOOST_TEST(!second.rollback());
  BOOST_TEST(wait_for_end(2).decision == kRollback);
  BOOST_CHECK_THROW(first.commit(), Error);
  BlockingTransaction moved = std::move(second);
  BOOST_CHECK_THROW(second.commit(), Error);  // NOLINT(bugprone-use-after-move)
  BOOST_CHECK_THROW(BlockingTransaction().commit(), Error);
}

BOOST_AUTO_TEST_CASE(what_is_left_open_is_logged_and_decided_by_the_check) {
  std::string id;
  {
    BlockingTransaction open = producer->begin(Message("orders", "one"));
    id = open.message_id();
  }
  BOOST_TEST(log.count("transaction " + id + " of topic orders was left open") == 1);
  BOOST_TEST(peer.ends().empty());
  peer.ask("blocking", id);
  const LoopbackPeer::End end = wait_for_end(1);
  BOOST_TEST(end.decision == kCommit);
  BOOST_TEST(end.message_id == id);
}

BOOST_AUTO_TEST_CASE(a_commit_after_the_shutdown_says_so_and_leaves_the_rest_to_the_check) {
  {
    BlockingTransaction open = producer->begin(Message("orders", "one"));
    producer->shutdown();
    BOOST_TEST((open.commit() == ClientErrc::not_running));
    BOOST_TEST(open.is_open());
    producer.reset();
    BOOST_TEST((open.rollback() == ClientErrc::not_running));
    BOOST_TEST(log.count("was left open") == 0);
  }
  BOOST_TEST(log.count("was left open") == 1);
  BOOST_TEST(peer.ends().empty());
}

BOOST_AUTO_TEST_CASE(a_begin_after_the_shutdown_throws_what_a_send_throws) {
  producer->shutdown();
  BOOST_CHECK_THROW((void)producer->begin(Message("orders", "one")), SendError);
  const auto commit = [](const Message&) { return TransactionState::commit; };
  BOOST_CHECK_THROW(producer->send_in_transaction(Message("orders", "one"), commit), SendError);
}

BOOST_AUTO_TEST_CASE(a_local_transaction_cannot_shut_its_producer_down) {
  error_code code;
  const auto local = [&](const Message&) {
    try {
      producer->shutdown();
    } catch (const Error& error) {
      code = error.code();
    }
    return TransactionState::commit;
  };
  producer->send_in_transaction(Message("orders", "one"), local);
  BOOST_TEST(code == make_error_code(ClientErrc::illegal_call));
  producer->shutdown();
}

BOOST_AUTO_TEST_CASE(a_local_transaction_runs_in_the_thread_that_sends_and_its_state_is_told) {
  for (const TransactionState state :
       {TransactionState::commit, TransactionState::rollback, TransactionState::unknown}) {
    std::string id;
    auto local = [&, here = std::this_thread::get_id()](const Message& message) {
      BOOST_TEST((std::this_thread::get_id() == here));
      BOOST_TEST(message.body() == "one");
      id = message.unique_id();
      producer->send(Message("orders", "of the local transaction"));
      return state;
    };
    const TransactionResult result = producer->send_in_transaction(Message("orders", "one"), local);
    BOOST_TEST((result.state == state));
    BOOST_TEST(!result.end_error);
    BOOST_TEST(!result.problem);
    BOOST_TEST(result.send.message_id == id);
  }
  BOOST_TEST(wait_for_end(3).decision == kUnknown);
  BOOST_TEST(peer.ends()[0].decision == kCommit);
  BOOST_TEST(peer.ends()[1].decision == kRollback);
}

BOOST_AUTO_TEST_CASE(what_a_local_transaction_throws_is_in_the_result_and_told_as_unknown) {
  auto local = [](const Message&) -> TransactionState {
    throw std::runtime_error("the database is away");
  };
  const TransactionResult result = producer->send_in_transaction(Message("orders", "one"), local);
  BOOST_TEST((result.state == TransactionState::unknown));
  BOOST_CHECK_THROW(std::rethrow_exception(result.problem), std::runtime_error);
  const LoopbackPeer::End end = wait_for_end(1);
  BOOST_TEST(end.decision == kUnknown);
  BOOST_TEST(end.remark == "the database is away");
}

BOOST_AUTO_TEST_CASE(a_half_message_that_is_not_stored_as_safely_as_asked_for_is_rolled_back) {
  peer.answers = remoting::ResponseCode::flush_disk_timeout;
  auto local = [](const Message&) {
    BOOST_ERROR("run");
    return TransactionState::commit;
  };
  const TransactionResult result = producer->send_in_transaction(Message("orders", "one"), local);
  BOOST_TEST((result.state == TransactionState::rollback));
  BOOST_TEST((result.send.status == SendStatus::flush_disk_timeout));
  BOOST_TEST(wait_for_end(1).decision == kRollback);
  BOOST_CHECK_THROW((void)producer->begin(Message("orders", "one")), Error);
  BOOST_TEST(wait_for_end(2).decision == kRollback);
}

BOOST_AUTO_TEST_CASE(without_a_half_message_the_local_transaction_does_not_run) {
  auto local = [](const Message&) {
    BOOST_ERROR("run");
    return TransactionState::commit;
  };
  BOOST_CHECK_THROW(producer->send_in_transaction(Message("orders", ""), local), Error);
  peer.answers = remoting::ResponseCode::message_illegal;
  BOOST_CHECK_THROW(producer->send_in_transaction(Message("orders", "one"), local), SendError);
  producer->shutdown();
  BOOST_CHECK_THROW(producer->send_in_transaction(Message("orders", "one"), local), Error);
}

BOOST_AUTO_TEST_CASE(a_shutdown_waits_for_the_local_transactions_of_other_threads) {
  std::promise<void> begun;
  std::promise<void> let_go;
  auto local = [&](const Message&) {
    begun.set_value();
    let_go.get_future().wait();
    return TransactionState::commit;
  };
  auto sending = std::async(std::launch::async, [&] {
    return producer->send_in_transaction(Message("orders", "one"), local);
  });
  begun.get_future().wait();
  auto ending = std::async(std::launch::async, [&] { producer->shutdown(); });
  while (producer->try_send(Message("orders", "x")).ok()) std::this_thread::yield();
  let_go.set_value();
  ending.get();
  BOOST_TEST(!sending.get().end_error);
  BOOST_TEST(wait_for_end(1).decision == kCommit);
}

BOOST_AUTO_TEST_CASE(without_a_check_there_are_no_transactions) {
  BlockingProducer plain(ProducerConfig("plain").name_servers(peer.address()));
  try {
    (void)plain.begin(Message("orders", "one"));
    BOOST_ERROR("begun");
  } catch (const Error& error) {
    BOOST_TEST((error.code() == ClientErrc::illegal_config));
  }
  BOOST_TEST(plain.send(Message("orders", "x")).queue.queue_id == 1);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(blocking_checks)

BOOST_AUTO_TEST_CASE(a_check_may_block_and_send_while_other_threads_send) {
  std::promise<void> asked;
  std::promise<void> let_go;
  BlockingProducer* the_producer = nullptr;
  BlockingTransactions world([&](const MessageExt& message) {
    BOOST_TEST(message.unique_id() == "id-1");
    BOOST_TEST(message.topic() == "orders");
    asked.set_value();
    let_go.get_future().wait();
    the_producer->send(Message("orders", "of the check"));
    return TransactionState::rollback;
  });
  the_producer = &*world.producer;
  world.producer->send(Message("orders", "x"));
  world.peer.ask("blocking", "id-1");
  asked.get_future().wait();
  for (int i = 0; i < 10; ++i) world.producer->send(Message("orders", "x"));
  BOOST_TEST(world.peer.ends().empty());
  let_go.set_value();
  world.producer->shutdown();
  const LoopbackPeer::End end = world.wait_for_end(1);
  BOOST_TEST(end.decision == kRollback);
  BOOST_TEST(world.peer.sends == 12);
}

BOOST_AUTO_TEST_CASE(a_check_that_throws_is_answered_unknown) {
  BlockingTransactions world([](const MessageExt&) -> TransactionState {
    throw std::runtime_error("the database is away");
  });
  world.producer->send(Message("orders", "x"));
  world.peer.ask("blocking", "id-1");
  const LoopbackPeer::End end = world.wait_for_end(1);
  BOOST_TEST(end.decision == kUnknown);
  BOOST_TEST(end.remark == "the database is away");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
