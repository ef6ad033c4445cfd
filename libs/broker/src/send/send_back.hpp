#pragma once

#include "comet/base/address.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/config.hpp"
#include "comet/message/properties.hpp"
#include "comet/message/record.hpp"
#include "comet/remoting/handling.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/store/delay_levels.hpp"
#include "comet/store/message_store.hpp"
#include "request/copy_waits.hpp"
#include "request/sends_in_flight.hpp"
#include "stats/traffic.hpp"
#include "tables/group_table.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// CONSUMER_SEND_MSG_BACK: a consumer gives back what it could not consume (Apache:
// SendMessageProcessor.consumerSendMsgBack).
class SendBackFeature {
 public:
  SendBackFeature(const BrokerConfig& config, TimeSource& time, const IpEndpoint& store_host,
                  store::MessageStore& store, TopicTable& topics, GroupTable& groups,
                  const store::DelayLevels& delay_levels, SendsInFlight& sends, CopyWaits& copies,
                  TrafficTable& traffic)
      : config_(config),
        time_(time),
        store_host_(store_host),
        store_(store),
        topics_(topics),
        groups_(groups),
        delay_levels_(delay_levels),
        sends_(sends),
        copies_(copies),
        traffic_(traffic) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  [[nodiscard]] bool is_writable() const;
  // Throws Refusal.
  [[nodiscard]] SendsInFlight::Place enter();
  // Both throw Refusal.
  [[nodiscard]] TopicTable::Snapshot retry_topic_of(const GroupConfig& group, bool unit_mode) const;
  [[nodiscard]] RecordView next_record(const remoting::Request& request,
                                       const remoting::SendMessageBackHeader& header,
                                       const GroupConfig& group, const RecordView& found,
                                       TopicTable::Snapshot& topic,
                                       MessageProperties& properties) const;
  [[nodiscard]] remoting::Handling send_back(remoting::Request request);

  const BrokerConfig& config_;
  TimeSource& time_;
  const IpEndpoint& store_host_;
  store::MessageStore& store_;
  TopicTable& topics_;
  GroupTable& groups_;
  const store::DelayLevels& delay_levels_;
  SendsInFlight& sends_;
  CopyWaits& copies_;
  TrafficTable& traffic_;
};

}  // namespace comet::inline v0_1::broker
