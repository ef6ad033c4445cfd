#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "comet/base/awaitable.hpp"
#include "comet/base/task.hpp"
#include "comet/producer/send_hook.hpp"
#include "producer_impl.hpp"
#include "send_attempts.hpp"

namespace comet::inline v0_1 {

// One send of a message or a batch, on the producer's executor (send.cpp; a try: send_try.cpp).
class SendOperation {
 public:
  template <class Content>
  static Task<SendOutcome> run(std::shared_ptr<Producer::Impl> producer, Content content,
                               SendPlanPtr plan);

 private:
  template <class Content>
  SendOperation(Producer::Impl& producer, Content&& content, const SendPlan& plan)
      : producer_(producer),
        plan_(plan),
        in_progress_(producer, plan),
        outgoing_(make_outgoing(std::forward<Content>(content), producer.settings,
                                producer.time.wall_millis())),
        attempts_(producer.config, producer.time, plan),
        share_(producer.flow, outgoing_->count(), outgoing_->size()) {
    producer.counters.begun();
  }

  [[nodiscard]] bool takes_room() noexcept { return plan_.is_part() || share_.try_take(); }
  [[nodiscard]] asio::awaitable<void> wait_for_room();
  [[nodiscard]] asio::awaitable<client::TopicRoutePtr> find_route();
  [[nodiscard]] asio::awaitable<void> pause(Duration pause);
  [[nodiscard]] asio::awaitable<std::optional<Address>> look_up(const std::string& broker_name);
  [[nodiscard]] Task<> try_on(const Address& broker, const MessageQueue& queue,
                              TryOutcome& outcome);
  [[nodiscard]] SendContext context_of(const Address& broker, const MessageQueue& queue) const;
  void read_answer(remoting::RemotingCommand& answer, const MessageQueue& queue,
                   TryOutcome& outcome);
  [[nodiscard]] StoredSend sent_oneway(const MessageQueue& queue);
  void try_failed(const error_code& error, const Address& broker, TryOutcome& outcome);
  void update_faults(const MessageQueue& queue, bool has_address, const TryOutcome& outcome);

  Producer::Impl& producer_;
  const SendPlan& plan_;
  const SendInProgress in_progress_;
  const OutgoingPtr outgoing_;
  SendAttempts attempts_;
  FlowShare share_;
};

}  // namespace comet::inline v0_1
