#pragma once

#include "comet/base/address.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/handling.hpp"
#include "comet/store/message_store.hpp"
#include "request/copy_waits.hpp"
#include "request/sends_in_flight.hpp"
#include "stats/traffic.hpp"
#include "tables/topic_table.hpp"
#include "transaction/transaction_service.hpp"

namespace comet::inline v0_1::broker {

// How transactions end (Apache: EndTransactionProcessor), and half messages that an administrator
// wants to be checked again (AdminBrokerProcessor): END_TRANSACTION, RESUME_CHECK_HALF_MESSAGE.
class TransactionFeature {
 public:
  TransactionFeature(const BrokerConfig& config, TimeSource& time, const IpEndpoint& store_host,
                     store::MessageStore& store, TopicTable& topics,
                     TransactionService& transactions, SendsInFlight& sends, CopyWaits& copies,
                     TrafficTable& traffic)
      : config_(config),
        time_(time),
        store_host_(store_host),
        store_(store),
        topics_(topics),
        transactions_(transactions),
        sends_(sends),
        copies_(copies),
        traffic_(traffic) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  [[nodiscard]] remoting::Refusal store_refusal(const error_code& error) const;
  [[nodiscard]] remoting::Handling end(remoting::Request request);
  [[nodiscard]] remoting::Handling resume_check(remoting::Request request);

  const BrokerConfig& config_;
  TimeSource& time_;
  const IpEndpoint& store_host_;
  store::MessageStore& store_;
  TopicTable& topics_;
  TransactionService& transactions_;
  SendsInFlight& sends_;
  CopyWaits& copies_;
  TrafficTable& traffic_;
};

}  // namespace comet::inline v0_1::broker
