#pragma once
// Sends messages to RocketMQ brokers:
//
//   comet::Producer producer(executor,
//   comet::ProducerConfig("orders").name_servers("127.0.0.1:9876")); co_await producer.start();
//   comet::Message message("orders", "the body");
//   comet::SendResult result = co_await producer.send(message);
//   co_await producer.shutdown();

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "comet/base/stream.hpp"
#include "comet/client/client_instance.hpp"
#include "comet/message/message.hpp"
#include "comet/producer/producer_config.hpp"
#include "comet/producer/send_error.hpp"
#include "comet/producer/send_result.hpp"

namespace comet {

// Thread safety: a producer belongs to the executor it was made with, which is one thread or a
// strand; construct it anywhere, but call, await and destroy it there. Any number of sends may be
// in progress at the same time. Different producers are independent.
// Lifetime: the executor's context outlives the producer. Destroying a running producer does what
// shutdown() does, in the background.
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

  // Makes the producer ready. No server has to be up: routes are asked for by the first send.
  // Errors (Error): illegal_config for a group name that RocketMQ refuses, no_name_server when no
  // address is configured, not_running after shutdown().
  [[nodiscard]] asio::awaitable<void> start();

  // Sends the message and returns when a broker has stored it.
  // Failed tries are repeated, on another broker if there is one: connection failures, timeouts and
  // the response codes that say "not here" or "not now"; all within the one send timeout. The
  // message keeps its unique id over all tries.
  // Errors: SendError with all that was tried (see there for the codes); Error: illegal_message
  // (before anything is sent), no_name_server, topic_not_found, not_running. See ClientErrc.
  // Cancellation (terminal): ends the send at once with operation_aborted; the message may have
  // been stored. The producer stays usable.
  [[nodiscard]] asio::awaitable<SendResult> send(Message message);

  // Refuses new sends, waits for those in progress (each ends by its own deadline), takes leave of
  // the brokers and closes the connections. Idempotent.
  // Cancellation: new sends stay refused; call it again to finish.
  [[nodiscard]] asio::awaitable<void> shutdown();

  [[nodiscard]] const ProducerConfig& config() const noexcept;
  // For use by several producers, and to look at.
  [[nodiscard]] const std::shared_ptr<client::ClientInstance>& client() const noexcept;

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace comet
