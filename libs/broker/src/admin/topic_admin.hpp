#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "assignment/message_request_modes.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/handling.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/store/message_store.hpp"
#include "registration/registration.hpp"
#include "request/await_loops.hpp"
#include "request/copy_waits.hpp"
#include "request/helper_thread.hpp"
#include "request/later_answers.hpp"
#include "stats/traffic.hpp"
#include "tables/offset_table.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// Topics by administrators' request (Apache: AdminBrokerProcessor): UPDATE_AND_CREATE_TOPIC (and
// _LIST), DELETE_TOPIC_IN_BROKER, GET_TOPIC_CONFIG, GET_ALL_TOPIC_CONFIG. Topics are answered for
// when name servers have been told, too, as Apache's broker does: its proxy asks for the route at
// once.
class TopicAdminFeature {
 public:
  TopicAdminFeature(store::MessageStore& store, TopicTable& topics, OffsetTable& offsets,
                    MessageRequestModes& modes, TrafficTable& traffic, Registration& registration,
                    CopyWaits& copies, Loops loops, HelperThread& helper)
      : store_(store),
        topics_(topics),
        offsets_(offsets),
        modes_(modes),
        traffic_(traffic),
        registration_(registration),
        copies_(copies),
        loops_(std::move(loops)),
        helper_(helper) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  // Throw Refusal.
  [[nodiscard]] routing::TopicConfig read_topic(const remoting::Request& request,
                                                const remoting::CreateTopicHeader& header) const;
  [[nodiscard]] std::vector<routing::TopicConfig> read_topics(
      const remoting::Request& request) const;

  [[nodiscard]] remoting::Handling create_topic(remoting::Request request);
  [[nodiscard]] remoting::Handling create_topics(remoting::Request request);
  [[nodiscard]] remoting::Handling delete_topic(remoting::Request request);
  [[nodiscard]] remoting::Reply all_topic_config(remoting::Request& request);
  [[nodiscard]] remoting::Reply get_topic(const remoting::Request& request,
                                          const remoting::TopicHeader& header);

  store::MessageStore& store_;
  TopicTable& topics_;
  OffsetTable& offsets_;
  MessageRequestModes& modes_;
  TrafficTable& traffic_;
  Registration& registration_;
  CopyWaits& copies_;
  const Loops loops_;
  HelperThread& helper_;
  std::mutex changes_;  // one at a time: a change begins with what there is
};

}  // namespace comet::inline v0_1::broker
