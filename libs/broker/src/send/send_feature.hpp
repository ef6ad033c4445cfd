#pragma once

#include "comet/base/address.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/handling.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/store/message_store.hpp"
#include "request/copy_waits.hpp"
#include "request/sends_in_flight.hpp"
#include "send/batch_records.hpp"
#include "send/send_checks.hpp"
#include "stats/runtime_counters.hpp"
#include "stats/traffic.hpp"
#include "tables/group_table.hpp"
#include "tables/topic_table.hpp"
#include "transaction/transaction_service.hpp"

namespace comet::inline v0_1::broker {

// What each message is stored with: the region and the mark that it may be traced, as 5.x brokers
// do (its consumers trace no message without a region), and the cluster's name.
[[nodiscard]] std::string own_properties(const BrokerConfig& config);

// Sending (Apache: SendMessageProcessor): SEND_MESSAGE, SEND_MESSAGE_V2, SEND_BATCH_MESSAGE.
// What is sent is put into the store's queue at once, and the answer follows from there.
class SendFeature {
 public:
  SendFeature(const BrokerConfig& config, TimeSource& time, const IpEndpoint& store_host,
              store::MessageStore& store, TopicTable& topics, GroupTable& groups,
              TransactionService& transactions, SendsInFlight& sends, CopyWaits& copies,
              RuntimeCounters& runtime, TrafficTable& traffic, const SendChecks& checks)
      : config_(config),
        time_(time),
        store_host_(store_host),
        store_(store),
        topics_(topics),
        groups_(groups),
        transactions_(transactions),
        sends_(sends),
        copies_(copies),
        runtime_(runtime),
        traffic_(traffic),
        checks_(checks) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  [[nodiscard]] std::string stored_properties(const SendProperties& properties) const;
  [[nodiscard]] Refusal store_refusal(error_code error) const;
  [[nodiscard]] std::string message_ids(const store::AppendResult& result) const;
  [[nodiscard]] remoting::RemotingCommand stored_answer(
      const remoting::RequestIdentity& request, std::int32_t queue_id, std::string_view unique_key,
      std::string_view recall_handle, const store::AppendResult& result, Confirmation copies) const;
  [[nodiscard]] RecordView make_record(const remoting::Request& request,
                                       const remoting::SendMessageHeader& header,
                                       const CheckedSend& send) const;
  [[nodiscard]] std::string timer_properties(std::string_view text, std::int64_t out_millis,
                                             RecordView& record, std::string& recall_handle) const;
  void complete_single(const CheckedSend& send, RecordView& record, std::string& text,
                       std::string& recall_handle);
  [[nodiscard]] static Refusal not_on_disk(std::string_view what);
  [[nodiscard]] Refusal take_room(BatchRecords& batch, std::string_view body, std::size_t bytes,
                                  SendsInFlight::Place& place) const;
  [[nodiscard]] remoting::Handling send(remoting::Request request);

  const BrokerConfig& config_;
  TimeSource& time_;
  const IpEndpoint& store_host_;
  store::MessageStore& store_;
  TopicTable& topics_;
  GroupTable& groups_;
  TransactionService& transactions_;
  SendsInFlight& sends_;
  CopyWaits& copies_;
  RuntimeCounters& runtime_;
  TrafficTable& traffic_;
  const SendChecks& checks_;
  const std::string own_properties_ = own_properties(config_);
};

}  // namespace comet::inline v0_1::broker
