#pragma once

#include "assignment/message_request_modes.hpp"
#include "comet/store/message_store.hpp"
#include "delay/delay_service.hpp"
#include "delay/timer_service.hpp"
#include "request/helper_thread.hpp"
#include "tables/group_table.hpp"
#include "tables/offset_table.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// What a slave has of its master besides the log. How far transactions have been ended is among the
// offsets.
class ReplicatedTables {
 public:
  ReplicatedTables(store::MessageStore& store_in, TopicTable& topics_in, GroupTable& groups_in,
                   MessageRequestModes& modes_in, OffsetTable& offsets_in, DelayService& delays_in,
                   const TimerService* timers_in, HelperThread& files_in, HelperThread& helper_in)
      : store(store_in),
        topics(topics_in),
        groups(groups_in),
        modes(modes_in),
        offsets(offsets_in),
        delays(delays_in),
        timers(timers_in),
        files(files_in),
        helper(helper_in) {}

  store::MessageStore& store;
  TopicTable& topics;
  GroupTable& groups;
  MessageRequestModes& modes;
  OffsetTable& offsets;
  DelayService& delays;
  const TimerService* timers;  // null: a slave, or there are none
  HelperThread& files;         // writes their files
  HelperThread& helper;        // makes large texts
};

}  // namespace comet::inline v0_1::broker
