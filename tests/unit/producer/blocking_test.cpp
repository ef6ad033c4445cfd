// The producer that blocks, over loopback and from several threads.

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "comet/client/errors.hpp"
#include "comet/producer/blocking_producer.hpp"
#include "comet/producer/producer.hpp"
#include "loopback_peer.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

ProducerConfig config_for(const LoopbackPeer& peer) {
  return ProducerConfig("blocking").name_servers(peer.address());
}

// Of the Error that the call throws.
template <class Call>
error_code code_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return {};
}

BOOST_AUTO_TEST_SUITE(blocking)

BOOST_AUTO_TEST_CASE(any_number_of_threads_may_send) {
  LoopbackPeer peer;
  ProducerConfig config("blocking");
  config.name_servers(peer.address());
  BlockingProducer producer(config);
  std::atomic<int> stored = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) {
        const SendResult result = producer.send(Message("orders", "x"));
        if (result.status == SendStatus::send_ok) ++stored;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(stored == 200);
  BOOST_TEST(producer.publish_queues("orders").size() == 4u);
}

BOOST_AUTO_TEST_CASE(errors_come_out_of_the_call) {
  LoopbackPeer peer;
  ProducerConfig config("blocking");
  config.name_servers(peer.address());
  BlockingProducer producer(config);
  try {
    producer.send(Message("orders", ""));
    BOOST_ERROR("sent");
  } catch (const Error& error) {
    BOOST_TEST(error.code() == make_error_code(ClientErrc::illegal_message));
  }
  BOOST_TEST(producer.send(Message("orders", "x")).queue.queue_id == 1);
}

BOOST_AUTO_TEST_CASE(a_producer_that_cannot_start_says_so_and_leaves_nothing_behind) {
  try {
    BlockingProducer producer{ProducerConfig("a bad group")};
    BOOST_ERROR("started");
  } catch (const Error& error) {
    BOOST_TEST(error.code() == make_error_code(ClientErrc::illegal_config));
  }
}

BOOST_AUTO_TEST_CASE(a_shutdown_may_come_from_several_threads_and_ends_all_sends) {
  LoopbackPeer peer;
  ProducerConfig config("blocking");
  config.name_servers(peer.address());
  BlockingProducer producer(config);
  producer.send(Message("orders", "x"));
  std::atomic<int> refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      try {
        for (;;) producer.send(Message("orders", "x"));
      } catch (const Error& error) {
        if (error.code() == ClientErrc::not_running) ++refused;
      }
    });
    threads.emplace_back([&] { producer.shutdown(); });
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(refused == 3);
  producer.shutdown();
}

BOOST_AUTO_TEST_CASE(an_outcome_comes_without_an_exception) {
  LoopbackPeer peer;
  BlockingProducer producer(ProducerConfig("blocking").name_servers(peer.address()));
  BOOST_TEST(producer.try_send(Message("orders", "x")).ok());
  const SendOutcome refused = producer.try_send(Message("orders", ""));
  BOOST_TEST((refused.error() == ClientErrc::illegal_message));
  BOOST_TEST(!refused.may_be_stored());
  producer.shutdown();
  BOOST_TEST((producer.try_send(Message("orders", "x")).error() == ClientErrc::not_running));
}

BOOST_AUTO_TEST_CASE(many_messages_go_in_few_batches) {
  LoopbackPeer peer;
  BlockingProducer producer(config_for(peer));
  std::vector<Message> messages;
  for (int i = 0; i < 10; ++i) messages.emplace_back("orders", std::string(100, 'x'));
  BOOST_TEST(producer.send_in_batches(messages).size() == 1u);
  BOOST_TEST(peer.sends == 1);
  const std::vector<SendResult> results = producer.send_in_batches(messages, 700);
  BOOST_TEST(results.size() == split_batch(messages, 700).size());
  BOOST_TEST(results.size() > 1u);
  BOOST_TEST(peer.sends == 1 + static_cast<int>(results.size()));
  BOOST_TEST(producer.send_in_batches({}).empty());
  messages[9] = Message("orders", "");
  BOOST_TEST(
      (code_of([&] { producer.send_in_batches(messages, 700); }) == ClientErrc::illegal_message));
}

BOOST_AUTO_TEST_CASE(a_request_returns_the_reply_or_says_that_none_has_come) {
  LoopbackPeer peer;
  BlockingProducer producer(config_for(peer));
  peer.replies = true;
  BOOST_TEST(producer.request(Message("orders", "how many?"), 60s).body() == "a reply");
  peer.replies = false;
  BOOST_TEST((code_of([&] { (void)producer.request(Message("orders", "how many?"), 50ms); }) ==
              ClientErrc::request_timeout));
}

BOOST_AUTO_TEST_CASE(a_call_in_the_producers_own_thread_is_refused_instead_of_waiting_for_itself) {
  LoopbackPeer peer;
  BlockingProducer producer(config_for(peer));
  std::vector<error_code> codes;
  auto selector = [&](const std::vector<MessageQueue>&, const Message&) {
    codes.push_back(code_of([&] { (void)producer.publish_queues("orders"); }));
    codes.push_back(code_of([&] { producer.send(Message("orders", "y")); }));
    codes.push_back(producer.try_send(Message("orders", "y")).error());
    codes.push_back(code_of([&] { producer.shutdown(); }));
    return std::size_t{2};
  };
  producer.send(Message("orders", "x"), SendOptions(selector));
  BOOST_TEST(codes.size() == 4u);
  for (const error_code& code : codes) {
    BOOST_TEST(code == make_error_code(ClientErrc::illegal_call));
  }
}

BOOST_AUTO_TEST_CASE(what_sends_throws_the_same_error_after_the_shutdown) {
  LoopbackPeer peer;
  BlockingProducer producer(config_for(peer));
  producer.send_oneway(Message("orders", "x"), SendOptions().ordered_by("a customer"));
  BOOST_TEST(producer.stats().sends == 1u);
  producer.shutdown();
  const auto is_refused = [](const SendError& error) {
    return error.code() == ClientErrc::not_running && error.message_id().empty();
  };
  BOOST_CHECK_EXCEPTION(producer.send(Message("orders", "x")), SendError, is_refused);
  BOOST_CHECK_EXCEPTION(producer.send_oneway(Message("orders", "x")), SendError, is_refused);
  BOOST_CHECK_EXCEPTION(producer.request(Message("orders", "x"), 1s, SendOptions()), SendError,
                        is_refused);
  BOOST_TEST(
      (code_of([&] { (void)producer.publish_queues("orders"); }) == ClientErrc::not_running));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
