#pragma once

#include "comet/remoting/handling.hpp"
#include "comet/store/message_store.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// Triggers of cleaning (Apache: AdminBrokerProcessor): CLEAN_EXPIRED_CONSUMEQUEUE,
// CLEAN_UNUSED_TOPIC, DELETE_EXPIRED_COMMITLOG.
class MaintenanceFeature {
 public:
  MaintenanceFeature(store::MessageStore& store, TopicTable& topics)
      : store_(store), topics_(topics) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  [[nodiscard]] remoting::Handling clean_queues(remoting::Request request);
  [[nodiscard]] remoting::Handling clean_topics(remoting::Request request);

  store::MessageStore& store_;
  TopicTable& topics_;
};

}  // namespace comet::inline v0_1::broker
