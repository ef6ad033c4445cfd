#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

#include "clients/client_registry.hpp"
#include "clients/group_notices.hpp"
#include "clients/heartbeat.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/remoting/message_headers.hpp"
#include "request/helper_thread.hpp"
#include "request/refusal_log.hpp"
#include "subscriptions/consumer_filters.hpp"
#include "tables/group_table.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// Heartbeats and group membership (Apache: ClientManageProcessor, ConsumerManageProcessor):
// HEART_BEAT, UNREGISTER_CLIENT, GET_CONSUMER_LIST_BY_GROUP, CHECK_CLIENT_CONFIG.
class MembershipFeature {
 public:
  // The consumers of a heartbeat whose groups have come to want something else from a topic; on the
  // heartbeat's thread.
  using Renewed = std::function<void(std::uint64_t connection_id, std::span<const ConsumerData>)>;

  MembershipFeature(const BrokerConfig& config, TopicTable& topics, GroupTable& groups,
                    ClientRegistry& clients, ConsumerFilters& filters, GroupNotices& notices,
                    RefusalLog& refusals, HelperThread& helper, Renewed renewed)
      : config_(config),
        topics_(topics),
        groups_(groups),
        clients_(clients),
        filters_(filters),
        notices_(notices),
        refusals_(refusals),
        helper_(helper),
        renewed_(std::move(renewed)) {}

  void install(remoting::Dispatcher& dispatcher);
  // Nobody is there any more who has sent heartbeats over it. On its executor.
  void connection_closed(std::uint64_t connection_id);

 private:
  void register_consumer(remoting::Request& request, const ClientInfo& client,
                         const ConsumerData& consumer);
  // If the group has no members any more.
  void forget_filters(std::string_view group);
  [[nodiscard]] std::string find_fault(const remoting::Request& request,
                                       const Result<Heartbeat>& heartbeat) const;
  [[nodiscard]] remoting::RemotingCommand take_heartbeat(remoting::Request& request);
  [[nodiscard]] remoting::Reply heart_beat(remoting::Request& request);
  [[nodiscard]] remoting::RemotingCommand unregister_client(
      const remoting::Request& request, const remoting::UnregisterClientHeader& header);
  [[nodiscard]] remoting::Reply consumer_list(const remoting::Request& request,
                                              const remoting::ConsumerGroupHeader& header);
  [[nodiscard]] remoting::RemotingCommand check_client_config(remoting::Request& request) const;

  const BrokerConfig& config_;
  TopicTable& topics_;
  GroupTable& groups_;
  ClientRegistry& clients_;
  ConsumerFilters& filters_;
  GroupNotices& notices_;
  RefusalLog& refusals_;
  HelperThread& helper_;
  Renewed renewed_;
};

}  // namespace comet::inline v0_1::broker
