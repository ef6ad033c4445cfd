// The send algorithm (Apache: DefaultMQProducerImpl.sendDefaultImpl):
//
//   the route: from the cache, else from the name servers, else where topics are created;
//   a queue: round robin, not on the broker that has just failed;
//   a try: the broker's address, one request; what the broker has stored ends the send;
//   again, as long as the error is one that another try may mend, tries are left, and time:
//   all of it has one deadline.

#include <boost/asio/error.hpp>

#include "comet/base/task_asio.hpp"
#include "comet/base/timer.hpp"
#include "send_operation.hpp"

namespace comet::inline v0_1 {

namespace {
using client::TopicRoutePtr;
}

template <class Content>
Task<SendOutcome> SendOperation::run(std::shared_ptr<Producer::Impl> producer, Content content,
                                     SendPlanPtr plan) {
  Producer::Impl& p = *producer;
  SendOperation send(p, std::move(content), *plan);
  SendAttempts& attempts = send.attempts_;
  try {
    if (!send.takes_room()) co_await p.from_asio(send.wait_for_room());

    while (attempts.next()) {
      TopicRoutePtr route = p.client->cached_publish_route(send.outgoing_->topic());
      if (!route && plan->needs_route()) route = co_await p.from_asio(send.find_route());
      const MessageQueue& queue = choose_queue(p, route.get(), *plan, *send.outgoing_, attempts);
      const Duration pause = attempts.pause_before(queue);
      if (pause > Duration::zero()) co_await p.from_asio(send.pause(pause));

      TryOutcome outcome(attempts.now());
      std::optional<Address> broker = p.client->publish_address(queue.broker_name);
      if (!broker) broker = co_await p.from_asio(send.look_up(queue.broker_name));
      if (broker) {
        co_await send.try_on(*broker, queue, outcome);
      } else {
        outcome.failed(ClientErrc::broker_not_exist, "no route names the address of its master",
                       true);
        outcome.ended(attempts.read_clock());
      }
      send.update_faults(queue, broker.has_value(), outcome);
      attempts.ended(queue, broker, outcome);
    }
  } catch (...) {
    attempts.given_up(std::current_exception());
  }
  co_return p.counters.ended(attempts.outcome(*send.outgoing_), attempts.elapsed());
}

asio::awaitable<void> SendOperation::wait_for_room() {
  co_await comet::wait_for_room(producer_, share_, attempts_.deadline());
  attempts_.read_clock();
}

asio::awaitable<TopicRoutePtr> SendOperation::find_route() {
  try {
    TopicRoutePtr route =
        co_await producer_.client->find_publish_route(outgoing_->topic(), attempts_.deadline());
    attempts_.read_clock();
    co_return route;
  } catch (const Error& error) {
    throw Error(error.code(), "send to topic " + outgoing_->topic() + ": " + error.context());
  }
}

asio::awaitable<void> SendOperation::pause(Duration pause) {
  Timer timer(producer_.client->executor(), producer_.time);
  co_await timer.wait_for(pause);
  attempts_.read_clock();
}

// The master of a broker of which the route names none: it is asked for once more. That belongs to
// the try, whose clock runs already.
asio::awaitable<std::optional<Address>> SendOperation::look_up(const std::string& broker_name) {
  try {
    co_await producer_.client->refresh_route(outgoing_->topic(), attempts_.deadline());
  } catch (const Error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
  }
  co_return producer_.client->publish_address(broker_name);
}

namespace {

asio::awaitable<SendResult> result_of(asio::any_io_executor executor, Task<SendOutcome> sending) {
  SendOutcome outcome = co_await to_asio(executor, std::move(sending));
  co_return std::move(outcome).result();
}

}  // namespace

Task<SendOutcome> try_to_send(std::shared_ptr<Producer::Impl> producer, Message message,
                              SendPlanPtr plan) {
  return SendOperation::run(std::move(producer), std::move(message), std::move(plan));
}

Task<SendOutcome> try_to_send(std::shared_ptr<Producer::Impl> producer, std::vector<Message> batch,
                              SendPlanPtr plan) {
  return SendOperation::run(std::move(producer), std::move(batch), std::move(plan));
}

Task<SendOutcome> try_to_send(std::shared_ptr<Producer::Impl> producer, GatheredBatch batch,
                              SendPlanPtr plan) {
  return SendOperation::run(std::move(producer), std::move(batch), std::move(plan));
}

asio::awaitable<SendResult> send_message(std::shared_ptr<Producer::Impl> producer, Message message,
                                         SendPlanPtr plan) {
  asio::any_io_executor executor = producer->executor();
  return result_of(std::move(executor),
                   SendOperation::run(std::move(producer), std::move(message), std::move(plan)));
}

}  // namespace comet::inline v0_1
