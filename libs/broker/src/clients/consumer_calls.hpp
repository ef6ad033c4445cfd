#pragma once

#include "clients/client_registry.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/handling.hpp"
#include "comet/store/message_store.hpp"
#include "request/sends_in_flight.hpp"

namespace comet::inline v0_1::broker {

// What administrators ask consumers, through the broker that they are connected to (Apache:
// Broker2Client.getConsumeStatus, AdminBrokerProcessor.callConsumer):
// INVOKE_BROKER_TO_GET_CONSUMER_STATUS, GET_CONSUMER_RUNNING_INFO, CONSUME_MESSAGE_DIRECTLY.
class ConsumerCallFeature {
 public:
  ConsumerCallFeature(const BrokerConfig& config, TimeSource& time, store::MessageStore& store,
                      ClientRegistry& clients, SendsInFlight& calls)
      : config_(config), time_(time), store_(store), clients_(clients), calls_(calls) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  class AwaitStatuses;

  // Both throw Refusal.
  [[nodiscard]] SendsInFlight::Place enter(std::size_t bytes);
  [[nodiscard]] ClientRegistry::ConnectedClient find(std::string_view group,
                                                     std::string_view client_id) const;
  [[nodiscard]] remoting::Handling running_info(remoting::Request request);
  [[nodiscard]] remoting::Handling consume_directly(remoting::Request request);
  [[nodiscard]] remoting::Handling consumer_status(remoting::Request request);

  const BrokerConfig& config_;
  TimeSource& time_;
  store::MessageStore& store_;
  ClientRegistry& clients_;
  SendsInFlight& calls_;
};

}  // namespace comet::inline v0_1::broker
