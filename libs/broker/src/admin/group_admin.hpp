#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "assignment/message_request_modes.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/handling.hpp"
#include "comet/remoting/message_headers.hpp"
#include "request/copy_waits.hpp"
#include "request/helper_thread.hpp"
#include "request/later_answers.hpp"
#include "stats/traffic.hpp"
#include "tables/group_table.hpp"
#include "tables/offset_table.hpp"

namespace comet::inline v0_1::broker {

// Consumer groups by administrators' request (Apache: AdminBrokerProcessor):
// UPDATE_AND_CREATE_SUBSCRIPTIONGROUP (and _LIST), DELETE_SUBSCRIPTIONGROUP,
// GET_SUBSCRIPTIONGROUP_CONFIG, GET_ALL_SUBSCRIPTIONGROUP_CONFIG.
class GroupAdminFeature {
 public:
  GroupAdminFeature(GroupTable& groups, OffsetTable& offsets, MessageRequestModes& modes,
                    TrafficTable& traffic, CopyWaits& copies, HelperThread& helper)
      : groups_(groups),
        offsets_(offsets),
        modes_(modes),
        traffic_(traffic),
        copies_(copies),
        helper_(helper) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  [[nodiscard]] std::string take_attributes(GroupConfig& group) const;
  // Throw Refusal.
  void put(std::vector<GroupConfig> groups, Saved done);
  [[nodiscard]] std::vector<GroupConfig> read_group(const remoting::Request& request) const;
  [[nodiscard]] std::vector<GroupConfig> read_groups(const remoting::Request& request) const;
  void check(GroupConfig& group) const;

  [[nodiscard]] remoting::Handling put_group(remoting::Request request);
  [[nodiscard]] remoting::Handling put_groups(remoting::Request request);
  [[nodiscard]] remoting::Handling delete_group(remoting::Request request);
  [[nodiscard]] remoting::Reply get_group(const remoting::Request& request,
                                          const remoting::GroupHeader& header);

  GroupTable& groups_;
  OffsetTable& offsets_;
  MessageRequestModes& modes_;
  TrafficTable& traffic_;
  CopyWaits& copies_;
  HelperThread& helper_;
  std::mutex changes_;  // one at a time: a change begins with what there is
};

}  // namespace comet::inline v0_1::broker
