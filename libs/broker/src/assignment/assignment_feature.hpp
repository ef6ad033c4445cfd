#pragma once

#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "assignment/cluster_queues.hpp"
#include "assignment/message_request_modes.hpp"
#include "clients/client_registry.hpp"
#include "comet/remoting/handling.hpp"
#include "request/helper_thread.hpp"
#include "request/later_answers.hpp"
#include "tables/group_table.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// Consumers that leave the rebalancing to the broker (5.x, clientRebalance=false; Apache:
// QueryAssignmentProcessor): QUERY_ASSIGNMENT, SET_MESSAGE_REQUEST_MODE,
// GET_ALL_MESSAGE_REQUEST_MODE. They are told which queues to pull; consumption by POP does not
// exist. Thread-safe.
class AssignmentFeature {
 public:
  AssignmentFeature(const BrokerConfig& config, TimeSource& time, const TopicTable& topics,
                    GroupTable& groups, ClientRegistry& clients, MessageRequestModes& modes,
                    Registration& registration, HelperThread& helper)
      : topics_(topics),
        groups_(groups),
        clients_(clients),
        modes_(modes),
        helper_(helper),
        queues_(config, time, topics, registration) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  class Question;
  [[nodiscard]] remoting::Handling query(remoting::Request request);
  [[nodiscard]] remoting::Handling set_request_mode(remoting::Request request);
  void set_mode(const remoting::Request& request, Saved saved);
  void say_that_pop_is_not_here(const Question& question);

  const TopicTable& topics_;
  GroupTable& groups_;
  ClientRegistry& clients_;
  MessageRequestModes& modes_;
  HelperThread& helper_;
  ClusterQueues queues_;
  std::mutex mutex_;
  std::set<std::pair<std::string, std::string>> said_;  // no more than modes_ has
};

}  // namespace comet::inline v0_1::broker
