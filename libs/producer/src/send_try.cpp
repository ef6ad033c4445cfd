// One try of a send: one request to one broker (Apache: DefaultMQProducerImpl.sendKernelImpl).

#include <boost/asio/error.hpp>

#include "comet/client/failure.hpp"
#include "comet/remoting/errors.hpp"
#include "send_operation.hpp"

namespace comet::inline v0_1 {

namespace {
using remoting::RemotingCommand;
using remoting::RemotingErrc;
}  // namespace

Task<> SendOperation::try_on(const Address& broker, const MessageQueue& queue,
                             TryOutcome& outcome) {
  SendContext context = context_of(broker, queue);
  check_forbidden(producer_, context);
  call_before(producer_, context);
  RemotingCommand command = outgoing_->request(queue, context.wall_millis);
  try {
    if (plan_.oneway) {
      co_await producer_.client->send_oneway(broker, command, attempts_.try_deadline());
      outcome.stored(sent_oneway(queue));
      outcome.ended(attempts_.read_clock());
    } else {
      co_await producer_.client->exchange(broker, command, attempts_.try_deadline());
      read_answer(command, queue, outcome);
      outcome.ended(attempts_.read_clock());
      producer_.client->note_broker(broker, {});
    }
  } catch (const boost::system::system_error& error) {
    outcome.ended(attempts_.read_clock());
    outcome.sent(command.on_its_way && !plan_.oneway);
    try_failed(error.code(), broker, outcome);
  }
  context.elapsed = outcome.elapsed();
  if (outcome.is_stored() && !plan_.oneway) context.result = &outcome.result();
  context.error = outcome.error();
  context.error_text = outcome.text();
  call_after(producer_, context);
}

SendContext SendOperation::context_of(const Address& broker, const MessageQueue& queue) const {
  SendContext context(producer_.config.group(), outgoing_->messages(), queue, broker,
                      producer_.time.wall_millis());
  context.oneway = plan_.oneway;
  if (!producer_.settings.has_hooks) return context;
  context.born_host = producer_.client->client_ip();
  context.name_space = producer_.config.client().name_space;
  context.name_servers = producer_.client->name_servers();
  context.unit_mode = producer_.config.client().unit_mode;
  return context;
}

void SendOperation::read_answer(RemotingCommand& answer, const MessageQueue& queue,
                                TryOutcome& outcome) {
  if (!is_stored(answer.response_code())) {
    outcome.refused(answer, producer_.config);
  } else {
    StoredSend stored = make_stored_send();
    if (const error_code error = parse_send_answer(answer, queue, *outgoing_, stored->result)) {
      // Stored, but nobody knows where: another try would store it twice.
      outcome.sent(true);
      outcome.failed(error, "stored, but the answer lacks the ids and offsets", false);
    } else {
      outcome.stored(std::move(stored));
    }
  }
  outgoing_->recycle(answer);
}

// As far as anybody will know.
StoredSend SendOperation::sent_oneway(const MessageQueue& queue) {
  StoredSend stored = make_stored_send();
  SendResult& result = stored->result;
  result.message_id = outgoing_->result_id();
  result.queue.topic = outgoing_->shown_topic();
  result.queue.broker_name = queue.broker_name;
  result.queue.queue_id = queue.queue_id;
  return stored;
}

void SendOperation::try_failed(const error_code& error, const Address& broker,
                               TryOutcome& outcome) {
  const bool is_mendable =
      error != RemotingErrc::frame_too_large && error != asio::error::operation_aborted;
  outcome.failed(error, client::describe_failure(error, outcome.elapsed()), is_mendable);
  const bool is_of_the_broker = is_mendable && error != RemotingErrc::too_many_requests;
  if (is_of_the_broker) producer_.client->note_broker(broker, outcome.text());
}

void SendOperation::update_faults(const MessageQueue& queue, bool has_address,
                                  const TryOutcome& outcome) {
  if (outcome.error() == asio::error::operation_aborted) return;  // it says nothing of the broker
  const bool is_v5 = producer_.config.fault_rules() == FaultRules::v5_3;
  const bool isolate = !outcome.is_stored() && (has_address || !is_v5);
  const bool reachable = outcome.is_stored() || !has_address ||
                         (!outcome.answered() && !producer_.config.reachability_detector());
  producer_.faults.update(queue.broker_name, outcome.elapsed(), isolate, outcome.end(), reachable);
}

}  // namespace comet::inline v0_1
