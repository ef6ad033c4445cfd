#pragma once

#include <optional>
#include <string>

#include "comet/base/address.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/config.hpp"
#include "comet/message/properties.hpp"
#include "comet/message/recall_handle.hpp"
#include "comet/remoting/handling.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/store/message_store.hpp"
#include "delay/timer_service.hpp"
#include "request/copy_waits.hpp"
#include "stats/traffic.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// RECALL_MESSAGE (5.x): a producer takes a timer message back (Apache: RecallMessageProcessor).
// `timers`: null when there are none.
class RecallFeature {
 public:
  RecallFeature(const BrokerConfig& config, TimeSource& time, const IpEndpoint& store_host,
                store::MessageStore& store, TopicTable& topics, TimerService* timers,
                CopyWaits& copies, TrafficTable& traffic)
      : config_(config),
        time_(time),
        store_host_(store_host),
        store_(store),
        topics_(topics),
        timers_(timers),
        copies_(copies),
        traffic_(traffic) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  [[nodiscard]] remoting::RemotingCommand answer(const remoting::Request& request,
                                                 remoting::ResponseCode code,
                                                 std::string remark) const;
  [[nodiscard]] remoting::Reply refuse_here(const remoting::Request& request,
                                            const remoting::RecallMessageHeader& header) const;
  [[nodiscard]] std::string complaint_about(const remoting::RecallMessageHeader& header,
                                            const std::optional<RecallHandle>& handle) const;
  [[nodiscard]] MessageProperties recall_properties(const RecallHandle& handle,
                                                    std::string_view group) const;
  [[nodiscard]] remoting::Handling recall(remoting::Request request);

  const BrokerConfig& config_;
  TimeSource& time_;
  const IpEndpoint& store_host_;
  store::MessageStore& store_;
  TopicTable& topics_;
  TimerService* timers_;
  CopyWaits& copies_;
  TrafficTable& traffic_;
};

}  // namespace comet::inline v0_1::broker
