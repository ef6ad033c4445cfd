// The send algorithm (Apache: DefaultMQProducerImpl.sendDefaultImpl, sendKernelImpl):
//
//   the route: from the cache, else from the name servers, else where topics are created;
//   a queue: round robin, not on the broker that has just failed;
//   a try: the broker's address, one request; what the broker has stored ends the send;
//   again, as long as the error is one that another try may mend, tries are left, and time:
//   all of it has one deadline.

#include <boost/asio/error.hpp>
#include <optional>

#include "comet/base/task_asio.hpp"
#include "comet/base/timer.hpp"
#include "comet/client/failure.hpp"
#include "comet/remoting/errors.hpp"
#include "producer_impl.hpp"
#include "send_attempts.hpp"

namespace comet::inline v0_1 {
namespace {

using client::TopicRoutePtr;
using remoting::RemotingCommand;

asio::awaitable<TopicRoutePtr> find_route(Producer::Impl& producer, const std::string& topic,
                                          Instant deadline) {
  try {
    co_return co_await producer.client->find_publish_route(topic, deadline);
  } catch (const Error& error) {
    throw Error(error.code(), "send to topic " + topic + ": " + error.context());
  }
}

// The master of a broker of which the route names none: it is asked for once more.
asio::awaitable<std::optional<Address>> look_up_broker(Producer::Impl& producer,
                                                       const std::string& broker_name,
                                                       const std::string& topic, Instant deadline) {
  try {
    co_await producer.client->refresh_route(topic, deadline);
  } catch (const Error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
  }
  co_return producer.client->publish_address(broker_name);
}

asio::awaitable<void> sleep(Producer::Impl& producer, Duration pause) {
  Timer timer(producer.client->executor(), producer.time);
  co_await timer.wait_for(pause);
}

Instant try_deadline(const Producer::Impl& producer, Instant begin, Instant deadline) {
  const Duration limit = producer.config.max_timeout_per_try();
  return limit > Duration::zero() ? std::min(deadline, begin + limit) : deadline;
}

StoredSend queued_send(const MessageQueue& queue, OutgoingMessage& outgoing) {
  StoredSend stored = make_stored_send();
  SendResult& result = stored->result;
  result.message_id = outgoing.result_id();
  result.queue.topic = outgoing.shown_topic();
  result.queue.broker_name = queue.broker_name;
  result.queue.queue_id = queue.queue_id;
  return stored;
}

Task<> ask_broker(Producer::Impl& producer, const Address& broker, const SendContext& context,
                  OutgoingMessage& outgoing, Instant deadline, TryOutcome& outcome) {
  RemotingCommand command = outgoing.request(context.queue, context.wall_millis);
  if (context.oneway) {
    co_await producer.client->send_oneway(broker, command, deadline);
    outcome.stored(queued_send(context.queue, outgoing));  // as far as anybody will know
    co_return;
  }
  try {
    co_await producer.client->exchange(broker, command, deadline);
  } catch (...) {
    outcome.sent(command.on_its_way);
    throw;
  }
  if (!is_stored(command.response_code())) {
    outcome.refused(command, producer.config);
  } else {
    StoredSend stored = make_stored_send();
    if (const error_code error =
            parse_send_answer(command, context.queue, outgoing, stored->result)) {
      // Stored, but nobody knows where: another try would store it twice.
      outcome.sent(true);
      outcome.failed(error, "stored, but the answer lacks the ids and offsets", false);
    } else {
      outcome.stored(std::move(stored));
    }
  }
  outgoing.recycle(command);
}

void describe_origin(const Producer::Impl& producer, SendContext& context) {
  context.born_host = producer.client->client_ip();
  context.name_space = producer.config.client().name_space;
  context.name_servers = producer.client->name_servers();
  context.unit_mode = producer.config.client().unit_mode;
}

// Whether a failure says something of the broker, not of the request or its sender.
bool is_of_the_broker(const error_code& code) {
  return code != remoting::RemotingErrc::frame_too_large &&
         code != remoting::RemotingErrc::too_many_requests &&
         code != asio::error::operation_aborted;
}

// One try on one queue.
Task<> send_to(Producer::Impl& producer, const Address& broker, const MessageQueue& queue,
               OutgoingMessage& outgoing, bool oneway, Instant deadline, TryOutcome& outcome) {
  SendContext context(producer.config.group(), outgoing.messages(), queue, broker,
                      producer.time.wall_millis());
  context.oneway = oneway;
  if (producer.settings.has_hooks) describe_origin(producer, context);
  check_forbidden(producer, context);
  call_before(producer, context);
  try {
    const Instant until = try_deadline(producer, outcome.begin(), deadline);
    co_await ask_broker(producer, broker, context, outgoing, until, outcome);
    outcome.ended(producer.time.now());
    if (!oneway) producer.client->note_broker(broker, {});
  } catch (const boost::system::system_error& error) {
    outcome.ended(producer.time.now());
    const bool repeatable = error.code() != remoting::RemotingErrc::frame_too_large &&
                            error.code() != asio::error::operation_aborted;
    outcome.failed(error.code(), client::describe_failure(error.code(), outcome.elapsed()),
                   repeatable);
    if (is_of_the_broker(error.code())) producer.client->note_broker(broker, outcome.text());
  }
  context.elapsed = outcome.elapsed();
  if (outcome.is_stored() && !oneway) context.result = &outcome.result();
  context.error = outcome.error();
  context.error_text = outcome.text();
  call_after(producer, context);
}

void update_faults(Producer::Impl& producer, const MessageQueue& queue, bool has_address,
                   const TryOutcome& outcome) {
  if (outcome.error() == asio::error::operation_aborted) return;  // it says nothing of the broker
  const bool is_v5 = producer.config.fault_rules() == FaultRules::v5_3;
  const bool isolate = !outcome.is_stored() && (has_address || !is_v5);
  const bool reachable = outcome.is_stored() || !has_address ||
                         (!outcome.answered() && !producer.config.reachability_detector());
  producer.faults.update(queue.broker_name, outcome.elapsed(), isolate, outcome.end(), reachable);
}

template <class Content>
Task<SendOutcome> send(std::shared_ptr<Producer::Impl> producer, Content content,
                       SendPlanPtr plan) {
  Producer::Impl& p = *producer;
  SendInProgress in_progress(p, *plan);
  const OutgoingPtr held = make_outgoing(std::move(content), p.settings, p.time.wall_millis());
  OutgoingMessage& outgoing = *held;
  Instant now = p.time.now();
  const Instant begin = now;
  const Instant deadline = plan->deadline(p.config, now);  // one budget for all that follows
  p.counters.begun();
  SendAttempts attempts(p.config, plan->max_tries(p.config), now, deadline);
  FlowShare share(p.flow, outgoing.count(), outgoing.size());
  try {
    if (!plan->is_part() && !share.try_take()) {
      co_await p.from_asio(wait_for_room(p, share, deadline));
      now = p.time.now();
    }

    TopicRoutePtr route;
    while (attempts.next(now)) {
      route = p.client->cached_publish_route(outgoing.topic());  // it may have changed since a try
      if (!route && plan->needs_route()) {
        route = co_await p.from_asio(find_route(p, outgoing.topic(), deadline));
        now = p.time.now();
      }
      const MessageQueue& queue = choose_queue(p, route.get(), *plan, outgoing, attempts, now);
      if (const Duration pause = attempts.pause_before(queue, now); pause > Duration::zero()) {
        co_await p.from_asio(sleep(p, pause));
        now = p.time.now();
      }

      TryOutcome outcome(now);
      std::optional<Address> broker = p.client->publish_address(queue.broker_name);
      if (!broker) {
        broker =
            co_await p.from_asio(look_up_broker(p, queue.broker_name, outgoing.topic(), deadline));
      }
      if (broker) {
        co_await send_to(p, *broker, queue, outgoing, plan->oneway, deadline, outcome);
      } else {
        outcome.ended(p.time.now());
        outcome.failed(ClientErrc::broker_not_exist, "no route names the address of its master",
                       true);
      }
      update_faults(p, queue, broker.has_value(), outcome);
      now = outcome.end();
      if (attempts.is_final(outcome)) {
        co_return p.counters.ended(attempts.stored(outcome.take_stored()), now - begin);
      }
      attempts.failed(queue, broker, outcome);
    }
  } catch (...) {
    attempts.given_up(std::current_exception());
  }
  co_return p.counters.ended(attempts.outcome(outgoing, now), now - begin);
}

asio::awaitable<SendResult> result_of(asio::any_io_executor executor, Task<SendOutcome> sending) {
  SendOutcome outcome = co_await to_asio(executor, std::move(sending));
  co_return std::move(outcome).result();
}

}  // namespace

Task<SendOutcome> try_to_send(std::shared_ptr<Producer::Impl> producer, Message message,
                              SendPlanPtr plan) {
  return send(std::move(producer), std::move(message), std::move(plan));
}

Task<SendOutcome> try_to_send(std::shared_ptr<Producer::Impl> producer, std::vector<Message> batch,
                              SendPlanPtr plan) {
  return send(std::move(producer), std::move(batch), std::move(plan));
}

Task<SendOutcome> try_to_send(std::shared_ptr<Producer::Impl> producer, GatheredBatch batch,
                              SendPlanPtr plan) {
  return send(std::move(producer), std::move(batch), std::move(plan));
}

asio::awaitable<SendResult> send_message(std::shared_ptr<Producer::Impl> producer, Message message,
                                         SendPlanPtr plan) {
  asio::any_io_executor executor = producer->executor();
  return result_of(std::move(executor),
                   send(std::move(producer), std::move(message), std::move(plan)));
}

}  // namespace comet::inline v0_1
