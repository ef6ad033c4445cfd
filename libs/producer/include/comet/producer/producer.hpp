#pragma once
// Sends messages to RocketMQ brokers:
//
//   comet::ProducerConfig config("order-service");
//   config.name_servers("127.0.0.1:9876");
//   comet::Producer producer(executor, config);
//   co_await producer.start();
//   comet::Message message("orders", "the body");
//   comet::SendResult result = co_await producer.send(message);
//   co_await producer.shutdown();
//
// Other styles than the awaitable:
//   a callback:  producer.async_send(message, [](comet::error_code, comet::SendOutcome) {});
//   a future:    producer.async_send(message, asio::use_future).get();
//   no throwing: auto [error, outcome] =
//                    co_await producer.async_send(message, asio::as_tuple(asio::use_awaitable));
// Programs without an event loop use BlockingProducer (blocking_producer.hpp).

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "comet/base/awaitable.hpp"
#include "comet/base/time.hpp"
#include "comet/message/message.hpp"
#include "comet/producer/producer_config.hpp"
#include "comet/producer/producer_stats.hpp"
#include "comet/producer/send_error.hpp"
#include "comet/producer/send_options.hpp"
#include "comet/producer/send_outcome.hpp"
#include "comet/producer/send_result.hpp"

namespace comet::inline v0_1 {

class Network;  // stream.hpp
namespace client {
class ClientInstance;
}

// Thread safety: construct, call, await, cancel and destroy a producer anywhere, also when several
// threads run its executor. It makes a strand of its own there, on which all its work and the hooks
// of its configuration run; the caller goes on where it was. Only with
// ProducerConfig::single_threaded there is no strand, and everything happens on the executor given.
// Any number of sends may be in progress at the same time.
// Connections: a producer made with an executor has its own, which all its sends share; producers
// made with one ClientInstance share those, its routes, its heartbeats and its executor.
// Lifetime: destroying a running producer does what shutdown() does, in the background.
class Producer {
 public:
  // Over TCP and the system's clocks.
  Producer(asio::any_io_executor executor, ProducerConfig config);
  // Over another network or time (tests, simulation); both outlive the executor's context.
  Producer(asio::any_io_executor executor, ProducerConfig config, Network& network,
           TimeSource& time);
  // Shares connections, routes and heartbeats with others on the client's executor; the client
  // settings of `config` are not used.
  Producer(std::shared_ptr<client::ClientInstance> client, ProducerConfig config);
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // Makes the producer ready. No server has to be up: routes are asked for by the first send. From
  // now until shutdown() or the destruction its context has work: run() does not return.
  // Errors (Error): illegal_config for a group name that RocketMQ refuses, no_name_server when no
  // address is configured, not_running after shutdown().
  [[nodiscard]] asio::awaitable<void> start();

  // Sends the message and returns when a broker has stored it.
  // Failed tries are repeated, on another broker if there is one: connection failures, timeouts and
  // the response codes that say "not here" or "not now"; all within the one send timeout. The
  // message keeps its unique id over all tries.
  // Errors: SendError with the message's id, with what is known of its storing and with all that
  // was tried (see there for the codes), also ClientErrc no_name_server and topic_not_found, and
  // RemotingErrc::too_many_requests when the bounds of max_in_flight leave no room in time.
  // Before the message has an id: ClientErrc illegal_message, not_running, with an empty id.
  // Cancellation (terminal): ends the send at once with operation_aborted; SendError says whether
  // the message may have been stored. The producer stays usable.
  [[nodiscard]] asio::awaitable<SendResult> send(Message message);
  // To a given queue, by a sharding key or a selector, or with a timeout of its own. With a queue,
  // key or selector there is one try. Errors also: illegal_message for a queue of another topic or
  // a selector's choice beyond the queues; what the selector or a forbidden hook throws.
  [[nodiscard]] asio::awaitable<SendResult> send(Message message, SendOptions options);

  // The same for any completion token of Asio, with the signature void(error_code, SendOutcome);
  // the error is the outcome's. Nothing is thrown: also what send() throws before anything is sent
  // (illegal_message, not_running) comes that way, and what a selector throws as callback_failed.
  // The handler is called on its associated executor, else on the executor that the producer was
  // made with (a shared client's), never from within this call. Its allocator and its cancellation
  // slot (terminal) are used; emit where Asio allows it: where the handler will run.
  // Tokens that turn the error into an exception (plain use_awaitable, use_future) throw
  // system_error without the outcome: use send(), or as_tuple with them.
  template <BOOST_ASIO_COMPLETION_TOKEN_FOR(void(error_code, SendOutcome)) Token>
  auto async_send(Message message, Token&& token) {
    return async_send(std::move(message), SendOptions(), std::forward<Token>(token));
  }
  template <BOOST_ASIO_COMPLETION_TOKEN_FOR(void(error_code, SendOutcome)) Token>
  auto async_send(Message message, SendOptions options, Token&& token) {
    return asio::async_initiate<Token, void(error_code, SendOutcome)>(
        StartSend(*this), token, std::move(message), std::move(options));
  }

  // Several messages of one topic as one request: stored together in one queue, or not at all. They
  // have the same wait_store_ok, no delay, and at most max_message_size bytes together. The result
  // has the unique ids and the offset ids of all, separated by commas, and the first one's offset.
  // Give the vector a name before the co_await: g++ 12 refuses braces there ("array used as
  // initializer"). Errors: as send, illegal_message for messages that are no batch.
  [[nodiscard]] asio::awaitable<SendResult> send_batch(std::vector<Message> batch);
  [[nodiscard]] asio::awaitable<SendResult> send_batch(std::vector<Message> batch,
                                                       SendOptions options);
  // Any number of such messages, in as few batches as `max_bytes` allows, one after the other; the
  // results of the batches. A batch that fails ends it: the messages of those before it are stored.
  // Errors: as send_batch.
  [[nodiscard]] asio::awaitable<std::vector<SendResult>> send_in_batches(
      std::vector<Message> messages, std::size_t max_bytes = 1u << 20);

  // Returns the message's unique id when the request is queued on a connection; nobody will know
  // whether it was stored. One try. Errors: as send.
  asio::awaitable<std::string> send_oneway(Message message);
  asio::awaitable<std::string> send_oneway(Message message, SendOptions options);

  // Takes back a message that is to be delivered later (Message::deliver_after, deliver_at) and has
  // not been: `handle` is its SendResult::recall_handle. Returns the message's unique id. One try.
  // A broker does not look whether there is such a message: success says that it will not be
  // delivered, unless it was due in the same few milliseconds.
  // Errors: Error: illegal_message for what is no handle or another topic's, no_name_server,
  // topic_not_found, broker_not_exist, not_running (ClientErrc); the broker's response code:
  // no_permission where recallMessageEnable is false, illegal_operation when the time has come.
  // Cancellation: as send.
  [[nodiscard]] asio::awaitable<std::string> recall(std::string topic, std::string handle);

  // Sends a request and returns the reply of whoever consumes it (request_reply.hpp). The reply's
  // way leads by way of the broker, which must know this client: where it does not yet, it is told
  // first.
  // Errors: as send; SendError ClientErrc::request_timeout when no reply has come within `timeout`,
  // which holds for all of it. A reply that comes later is dropped. Cancellation (terminal): ends
  // the wait at once with operation_aborted; the request may have been stored.
  [[nodiscard]] asio::awaitable<MessageExt> request(Message message, Duration timeout);
  [[nodiscard]] asio::awaitable<MessageExt> request(Message message, Duration timeout,
                                                    SendOptions options);

  // The queues that the topic's messages may go to, sorted by broker name and queue id.
  // Errors: no_name_server, topic_not_found, not_running.
  [[nodiscard]] asio::awaitable<std::vector<MessageQueue>> publish_queues(std::string topic);

  // Refuses new sends, waits for those in progress (each ends by its own deadline), takes leave of
  // the brokers and closes the connections. Idempotent.
  // Cancellation: new sends stay refused; call it again to finish.
  [[nodiscard]] asio::awaitable<void> shutdown();

  // Thread-safe.
  [[nodiscard]] ProducerStats stats() const noexcept;
  [[nodiscard]] const ProducerConfig& config() const noexcept;
  // For use by several producers, and to look at.
  [[nodiscard]] const std::shared_ptr<client::ClientInstance>& client() const noexcept;

  struct Impl;

 private:
  friend class TransactionProducer;
  using SendHandler = asio::any_completion_handler<void(error_code, SendOutcome)>;
  // The initiation of async_send.
  class StartSend {
   public:
    explicit StartSend(const Producer& producer) : impl_(producer.impl_) {}
    template <class Handler>
    void operator()(Handler&& handler, Message message, SendOptions options) const {
      const auto executor = asio::get_associated_executor(handler, callers());
      asio::any_io_executor where;  // empty: the erased handler is asked
      if constexpr (!std::is_same_v<const asio::any_completion_executor, decltype(executor)>) {
        where = executor;
      }
      start(std::forward<Handler>(handler), std::move(where), std::move(message),
            std::move(options));
    }

   private:
    [[nodiscard]] const asio::any_io_executor& callers() const noexcept;
    void start(SendHandler handler, asio::any_io_executor executor, Message message,
               SendOptions options) const;

    std::shared_ptr<Impl> impl_;
  };

  std::shared_ptr<Impl> impl_;
};

// The messages in order, in batches of at most `max_bytes` on the wire; a greater message is a
// batch of its own.
[[nodiscard]] std::vector<std::vector<Message>> split_batch(std::vector<Message> messages,
                                                            std::size_t max_bytes);

}  // namespace comet::inline v0_1
