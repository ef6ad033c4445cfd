#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "clients/client_registry.hpp"
#include "comet/base/address.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/handling.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/store/message_store.hpp"
#include "request/copy_waits.hpp"
#include "request/sends_in_flight.hpp"
#include "send/send_checks.hpp"
#include "stats/traffic.hpp"

namespace comet::inline v0_1::broker {

// Replies of request-reply (Apache: ReplyMessageProcessor), handed at once to the client that
// asked, and stored beside that: SEND_REPLY_MESSAGE, SEND_REPLY_MESSAGE_V2.
class ReplyFeature {
 public:
  ReplyFeature(const BrokerConfig& config, TimeSource& time, const IpEndpoint& store_host,
               store::MessageStore& store, ClientRegistry& clients, TrafficTable& traffic,
               SendsInFlight& calls, CopyWaits& copies, const SendChecks& checks)
      : config_(config),
        time_(time),
        store_host_(store_host),
        store_(store),
        clients_(clients),
        traffic_(traffic),
        calls_(calls),
        copies_(copies),
        checks_(checks) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  [[nodiscard]] remoting::RemotingCommand push_request(
      const remoting::Request& request, const remoting::SendMessageHeader& send) const;
  [[nodiscard]] RecordView make_record(const remoting::Request& request,
                                       const remoting::SendMessageHeader& send,
                                       std::int32_t queue_id) const;
  [[nodiscard]] remoting::RemotingCommand make_answer(
      const remoting::Request& request, const Refusal& refusal, std::int32_t queue_id,
      const std::optional<store::AppendResult>& stored) const;
  void complain(std::string_view client, std::string_view problem);
  [[nodiscard]] remoting::Handling send_reply(remoting::Request request);

  const BrokerConfig& config_;
  TimeSource& time_;
  const IpEndpoint& store_host_;
  store::MessageStore& store_;
  ClientRegistry& clients_;
  TrafficTable& traffic_;
  SendsInFlight& calls_;
  CopyWaits& copies_;
  const SendChecks& checks_;
  std::mutex mutex_;
  Instant next_line_{};
};

}  // namespace comet::inline v0_1::broker
