// The send algorithm (Apache: DefaultMQProducerImpl.sendDefaultImpl, sendKernelImpl).

#include <boost/asio/error.hpp>
#include <optional>

#include "comet/client/failure.hpp"
#include "comet/remoting/errors.hpp"
#include "outgoing_message.hpp"
#include "producer_impl.hpp"
#include "send_attempts.hpp"

namespace comet {
namespace {

using client::TopicRoutePtr;
using remoting::RemotingCommand;

// Counts a send for as long as it is in progress; only a running producer takes any.
class InProgress {
 public:
  InProgress(Producer::Impl& producer, const Message& message) : producer_(producer) {
    if (producer.state != Producer::Impl::State::running) {
      throw Error(ClientErrc::not_running,
                  "send to topic " + message.topic() +
                      (producer.state == Producer::Impl::State::created
                           ? ": the producer has not been started; call start() first"
                           : ": the producer has been shut down"));
    }
    ++producer_.sending;
  }
  ~InProgress() {
    if (--producer_.sending == 0) producer_.progress.notify_all();
  }
  InProgress(const InProgress&) = delete;
  InProgress& operator=(const InProgress&) = delete;

 private:
  Producer::Impl& producer_;
};

asio::awaitable<TopicRoutePtr> find_route(Producer::Impl& producer, const std::string& topic,
                                          Instant deadline) {
  if (TopicRoutePtr cached = producer.client->cached_publish_route(topic)) co_return cached;
  try {
    co_return co_await producer.client->find_publish_route(topic, deadline);
  } catch (const Error& error) {
    throw Error(error.code(), "send to topic " + topic + ": " + error.context());
  }
}

// The master of that broker; a route that names none is asked for once more.
asio::awaitable<std::optional<Address>> find_broker(Producer::Impl& producer,
                                                    const MessageQueue& queue, Instant deadline) {
  std::optional<Address> address = producer.client->publish_address(queue.broker_name);
  if (address) co_return address;
  try {
    co_await producer.client->refresh_route(queue.topic, deadline);
  } catch (const Error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
  }
  co_return producer.client->publish_address(queue.broker_name);
}

Instant try_deadline(const Producer::Impl& producer, Instant deadline) {
  const Duration limit = producer.config.max_timeout_per_try();
  return limit > Duration::zero() ? std::min(deadline, producer.time.now() + limit) : deadline;
}

// One try on one queue.
asio::awaitable<SendOutcome> send_to(Producer::Impl& producer, const MessageQueue& queue,
                                     const OutgoingMessage& outgoing, Instant deadline) {
  SendOutcome outcome(queue.broker_name);
  const Instant begin = producer.time.now();
  const std::optional<Address> address = co_await find_broker(producer, queue, deadline);
  if (address) {
    outcome.at(*address);
    try {
      RemotingCommand request =
          outgoing.request(queue, producer.config, producer.time.wall_millis());
      RemotingCommand answer = co_await producer.client->invoke(*address, std::move(request),
                                                                try_deadline(producer, deadline));
      if (!is_stored(answer.response_code())) {
        outcome.refused(answer);
      } else if (auto result = parse_send_answer(answer, queue, outgoing.unique_id())) {
        outcome.stored(std::move(*result));
      } else {
        // Stored, but nobody knows where: another try would store it twice.
        outcome.failed(result.error(), "stored, but the answer lacks the ids and offsets", false);
      }
    } catch (const boost::system::system_error& error) {
      if (error.code() == asio::error::operation_aborted) throw;
      outcome.failed(error.code(),
                     client::describe_failure(error.code(), producer.time.now() - begin),
                     error.code() != remoting::RemotingErrc::frame_too_large);
    }
  } else {
    outcome.failed(ClientErrc::broker_not_exist, "no route names the address of its master", true);
  }
  outcome.took(producer.time.now() - begin);
  co_return outcome;
}

}  // namespace

asio::awaitable<SendResult> send_message(std::shared_ptr<Producer::Impl> producer,
                                         Message message) {
  Producer::Impl& p = *producer;
  InProgress in_progress(p, message);
  const OutgoingMessage outgoing(std::move(message), p.config, p.time.wall_millis());
  const Instant begin = p.time.now();
  const Instant deadline = begin + p.config.send_timeout();  // one budget for all that follows

  TopicRoutePtr route = co_await find_route(p, outgoing.topic(), deadline);
  SendAttempts attempts(1 + p.config.retries(), begin, deadline);
  while (attempts.next(p.time.now())) {
    const MessageQueue& queue =
        p.faults.select_queue(route->publish, attempts.last_broker(), p.time.now());
    SendOutcome outcome = co_await send_to(p, queue, outgoing, deadline);
    p.faults.update(queue.broker_name, outcome.elapsed(), !outcome.ok(), p.time.now());
    if (outcome.ok()) co_return std::move(outcome.result());
    attempts.failed(outcome);
  }
  throw attempts.error(outgoing.topic(), p.time.now());
}

}  // namespace comet
