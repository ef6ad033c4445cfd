// Request-reply at the producer's side.

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/client/client_instance.hpp"
#include "comet/message/compression.hpp"
#include "comet/producer/request_reply.hpp"
#include "producer_world.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

using Act = FakeBroker::Act;

class RequestWorld : public ProducerWorld {
 public:
  RequestWorld() { name_server.routes["orders"] = make_route({&broker_a}); }

  class Asking {
   public:
    bool done = false;
    std::optional<MessageExt> reply;
    error_code error;
    std::string what;
    asio::cancellation_signal signal;
  };
  std::shared_ptr<Asking> ask(Duration timeout = 3s, Message message = Message("orders", "?")) {
    auto asking = std::make_shared<Asking>();
    auto done = [asking](std::exception_ptr problem, MessageExt reply) {
      Asking& state = *asking;
      state.done = true;
      try {
        if (problem) std::rethrow_exception(problem);
        state.reply = std::move(reply);
      } catch (const boost::system::system_error& error) {
        state.error = error.code();
        state.what = error.what();
      }
    };
    asio::co_spawn(context, producer->request(std::move(message), timeout),
                   asio::bind_cancellation_slot(asking->signal.slot(), done));
    pass(1ms);
    return asking;
  }

  // Until the request has ended, one way or the other.
  void finish(const Asking& asking) {
    run_until([&asking] { return asking.done; });
  }

  // The last request that the broker has stored, as a consumer gets it.
  Message consumed() {
    Message message("orders", broker_a.sends.back().body);
    message.properties() = MessageProperties::decode(broker_a.sends.back().field("i"));
    message.properties().set("CLUSTER", "DefaultCluster");
    return message;
  }

  // A reply as the broker pushes it; the client's answer.
  ResponseCode push(const Message& reply, std::string body, std::int32_t sys_flags = 0) {
    remoting::PushReplyHeader header;
    const std::string properties = reply.properties().encode();
    header.producer_group = "replier";
    header.topic = reply.topic();
    header.sys_flag = sys_flags;
    header.properties = properties;
    header.born_host = "10.1.2.3:4567";
    header.store_host = "10.0.0.2:10911";
    header.store_timestamp = 1234;
    return push(RemotingCommand::request(RequestCode::push_reply_message_to_client, header,
                                         Body(std::move(body))));
  }
  ResponseCode push(RemotingCommand command) {
    const auto connection = broker_a.last_connection.lock();
    BOOST_REQUIRE(connection != nullptr);
    return run(connection->invoke(std::move(command), time.now() + 1s)).response_code();
  }
};

BOOST_FIXTURE_TEST_SUITE(requests, RequestWorld)

BOOST_AUTO_TEST_CASE(a_request_says_who_waits_for_what_and_gets_the_reply) {
  start();
  auto asking = ask(3s);
  BOOST_TEST(!asking->done);
  const Message request = consumed();
  BOOST_TEST(request.properties().get("CORRELATION_ID").size() == 36u);
  BOOST_TEST(request.properties().get("REPLY_TO_CLIENT") == producer->client()->client_id());
  BOOST_TEST(request.properties().get("TTL") == "3000");
  const Message reply = make_reply(request, "!");
  BOOST_TEST(reply.topic() == "DefaultCluster_REPLY_TOPIC");
  BOOST_TEST(reply.properties().get("MSG_TYPE") == "reply");
  BOOST_TEST((push(reply, "!") == ResponseCode::success));
  BOOST_REQUIRE(asking->reply.has_value());
  BOOST_TEST(asking->reply->body() == "!");
  BOOST_TEST(asking->reply->topic() == "DefaultCluster_REPLY_TOPIC");
  BOOST_TEST(asking->reply->properties().get("ARRIVE_TIME") == std::to_string(time.wall_millis()));
  BOOST_TEST(asking->reply->born_host.to_string() == "10.1.2.3:4567");
  BOOST_TEST(asking->reply->store_timestamp == 1234);
}

BOOST_AUTO_TEST_CASE(the_broker_is_told_of_the_client_before_the_request_and_once) {
  start();
  auto first = ask();
  BOOST_TEST(broker_a.count(RequestCode::heart_beat) == 1);
  BOOST_TEST(broker_a.sends.size() == 1u);
  auto second = ask();
  BOOST_TEST(broker_a.count(RequestCode::heart_beat) == 1);
  pass(5s);
  broker_a.last_connection.lock()->close();
  settle();
  const int before = broker_a.count(RequestCode::heart_beat);
  auto third = ask();  // a new connection, of which the broker knows nothing
  BOOST_TEST(broker_a.count(RequestCode::heart_beat) == before + 1);
  finish(*third);
}

BOOST_AUTO_TEST_CASE(a_broker_that_does_not_answer_heartbeats_holds_a_request_up_for_a_second) {
  start();
  broker_a.silent = true;
  auto asking = ask(3s);
  BOOST_TEST(broker_a.sends.empty());
  pass(1s);
  BOOST_TEST(broker_a.sends.size() == 1u);
  pass(2s);
  BOOST_TEST(asking->done);
}

BOOST_AUTO_TEST_CASE(without_a_reply_the_request_times_out_and_a_late_reply_is_dropped) {
  start();
  const Instant begin = time.now();
  auto asking = ask(3s);
  const Message request = consumed();
  finish(*asking);
  BOOST_TEST((time.now() - begin == 3s));
  BOOST_TEST(asking->error == make_error_code(ClientErrc::request_timeout));
  BOOST_TEST(asking->error.value() == 10006);
  BOOST_TEST(contains(asking->what, "request to topic orders: no reply within 3000 ms"));
  BOOST_TEST((push(make_reply(request, "late"), "late") == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(a_request_that_cannot_be_stored_fails_as_a_send) {
  start();
  broker_a.otherwise = Act::code(ResponseCode::message_illegal, "too fat");
  auto asking = ask();
  BOOST_TEST(asking->done);
  BOOST_TEST(asking->error == make_error_code(ResponseCode::message_illegal));
  auto nowhere = ask(3s, Message("unknown", "?"));
  BOOST_TEST(nowhere->error == make_error_code(ClientErrc::topic_not_found));
  auto empty = ask(3s, Message("orders", ""));
  BOOST_TEST(empty->error == make_error_code(ClientErrc::illegal_message));
}

BOOST_AUTO_TEST_CASE(a_reply_that_overtakes_the_answer_to_the_send_counts) {
  start(config().retries(0));
  broker_a.otherwise = Act::hang();
  auto asking = ask(10s);
  BOOST_TEST((push(make_reply(consumed(), "!"), "!") == ResponseCode::success));
  pass(10s);
  BOOST_REQUIRE(asking->reply.has_value());
  BOOST_TEST(asking->reply->body() == "!");
}

BOOST_AUTO_TEST_CASE(replies_find_their_requests_in_any_order) {
  start();
  std::vector<std::shared_ptr<Asking>> asking;
  std::vector<Message> requests;
  for (int i = 0; i < 10; ++i) {
    asking.push_back(ask());
    requests.push_back(consumed());
  }
  for (std::size_t i = 10; i-- > 0;) {
    push(make_reply(requests[i], std::to_string(i)), std::to_string(i));
    BOOST_TEST(asking[i]->reply->body() == std::to_string(i));
  }
}

BOOST_AUTO_TEST_CASE(a_compressed_reply_is_decompressed_and_a_broken_one_refused) {
  start();
  auto asking = ask();
  const Message reply = make_reply(consumed(), "");
  const std::string text(10'000, 'r');
  BOOST_TEST((push(reply, "no zlib", compression_flags(CompressionType::zlib)) ==
              ResponseCode::system_error));
  BOOST_TEST((push(RemotingCommand::request(RequestCode::push_reply_message_to_client)) ==
              ResponseCode::system_error));
  BOOST_TEST(!asking->done);
  push(reply, compress_body(text, CompressionType::zlib, 5),
       compression_flags(CompressionType::zlib));
  BOOST_TEST(asking->reply->body() == text);
}

BOOST_AUTO_TEST_CASE(a_cancelled_request_ends_at_once) {
  start();
  auto asking = ask(1h);
  asking->signal.emit(asio::cancellation_type::terminal);
  settle();
  BOOST_TEST(asking->error == error_code(asio::error::operation_aborted));
}

BOOST_AUTO_TEST_CASE(a_reply_is_sent_with_its_own_code_and_never_in_a_batch) {
  start(config().auto_batch(true));
  name_server.routes["DefaultCluster_REPLY_TOPIC"] = make_route({&broker_a}, 1);
  Message request("orders", "?");
  request.properties().set("CLUSTER", "DefaultCluster");
  request.properties().set("CORRELATION_ID", "c");
  request.properties().set("REPLY_TO_CLIENT", "somebody");
  const SendResult result = send(make_reply(request, "!"));
  BOOST_TEST((result.status == SendStatus::send_ok));
  BOOST_TEST((broker_a.sends.at(0).command.request_code() == RequestCode::send_reply_message_v2));
  broker_a.otherwise = Act::code(ResponseCode::system_error,
                                 "push reply message fail, channel of <somebody> not found.");
  const SendError error = failing_send<SendError>(make_reply(request, "!"));
  BOOST_TEST(contains(error.what(), "channel of <somebody> not found"));
}

BOOST_AUTO_TEST_CASE(a_message_that_is_no_request_has_no_reply) {
  for (const char* missing : {"CLUSTER", "CORRELATION_ID", "REPLY_TO_CLIENT"}) {
    Message request("orders", "?");
    for (const char* name : {"CLUSTER", "CORRELATION_ID", "REPLY_TO_CLIENT"}) {
      request.properties().set(name, "c");
    }
    request.properties().erase(missing);
    try {
      (void)make_reply(request, "!");
      BOOST_ERROR("a reply to nobody");
    } catch (const Error& error) {
      BOOST_TEST(error.code() == make_error_code(ClientErrc::illegal_message));
      BOOST_TEST(contains(error.what(), missing));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
