#pragma once

#include "clients/client_registry.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/store/message_store.hpp"
#include "pull/pull_hold.hpp"
#include "request/helper_thread.hpp"
#include "tables/group_table.hpp"
#include "tables/offset_table.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// Administrators move consumer groups (Apache: Broker2Client.resetOffset,
// AdminBrokerProcessor.queryCorrectionOffset, cloneGroupOffset): INVOKE_BROKER_TO_RESET_OFFSET,
// QUERY_CORRECTION_OFFSET, CLONE_GROUP_OFFSET.
class OffsetResetFeature {
 public:
  OffsetResetFeature(const BrokerConfig& config, store::MessageStore& store, TopicTable& topics,
                     GroupTable& groups, OffsetTable& offsets, ClientRegistry& clients,
                     PullHold& hold, HelperThread& helper)
      : config_(config),
        store_(store),
        topics_(topics),
        groups_(groups),
        offsets_(offsets),
        clients_(clients),
        hold_(hold),
        helper_(helper) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  using Queues = OffsetTable::Queues;

  [[nodiscard]] std::string queues_json(std::string_view topic, const Queues& queues) const;
  [[nodiscard]] std::string queue_list_json(std::string_view topic, const Queues& queues) const;
  [[nodiscard]] std::int64_t target_of(std::string_view topic, std::int32_t queue_id,
                                       std::int64_t timestamp) const;
  [[nodiscard]] remoting::RemotingCommand reset_at_clients(
      const remoting::Request& request, const remoting::ResetOffsetHeader& header,
      const routing::TopicConfig& topic);
  [[nodiscard]] remoting::RemotingCommand reset_here(const remoting::Request& request,
                                                     const remoting::ResetOffsetHeader& header,
                                                     const routing::TopicConfig& topic);
  [[nodiscard]] remoting::RemotingCommand reset_offset(const remoting::Request& request,
                                                       const remoting::ResetOffsetHeader& header);
  [[nodiscard]] remoting::RemotingCommand correction_offset(
      const remoting::Request& request, const remoting::CorrectionOffsetHeader& header);
  [[nodiscard]] remoting::RemotingCommand clone_offsets(
      const remoting::Request& request, const remoting::CloneGroupOffsetHeader& header);

  const BrokerConfig& config_;
  store::MessageStore& store_;
  TopicTable& topics_;
  GroupTable& groups_;
  OffsetTable& offsets_;
  ClientRegistry& clients_;
  PullHold& hold_;
  HelperThread& helper_;
};

}  // namespace comet::inline v0_1::broker
