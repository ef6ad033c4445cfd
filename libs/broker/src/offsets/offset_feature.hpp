#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>

#include "comet/base/awaitable.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/remoting/handling.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/store/message_store.hpp"
#include "delay/delay_service.hpp"
#include "request/helper_thread.hpp"
#include "request/refusal_log.hpp"
#include "tables/group_table.hpp"
#include "tables/offset_table.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// Offsets of queues and of consumer groups (Apache: ConsumerManageProcessor,
// AdminBrokerProcessor): GET_MAX_OFFSET, GET_MIN_OFFSET, SEARCH_OFFSET_BY_TIMESTAMP,
// GET_EARLIEST_MSG_STORETIME, QUERY_CONSUMER_OFFSET, UPDATE_CONSUMER_OFFSET,
// GET_ALL_CONSUMER_OFFSET, GET_ALL_DELAY_OFFSET.
class OffsetFeature {
 public:
  OffsetFeature(store::MessageStore& store, TopicTable& topics, GroupTable& groups,
                OffsetTable& offsets, DelayService& delays, RefusalLog& refusals,
                HelperThread& helper, HelperThread& reads)
      : store_(store),
        topics_(topics),
        groups_(groups),
        offsets_(offsets),
        delays_(delays),
        refusals_(refusals),
        helper_(helper),
        reads_(reads) {}

  // Before install(): queries of consumers' offsets wait for `ready`, which is awaited on `where`.
  using Ready = std::function<asio::awaitable<bool>()>;
  void hold_queries(Ready ready, asio::any_io_executor where);
  void install(remoting::Dispatcher& dispatcher);

 private:
  [[nodiscard]] remoting::Handling query_when_ready(remoting::Request request);
  [[nodiscard]] remoting::RemotingCommand search_offset(
      const remoting::Request& request, const remoting::SearchOffsetHeader& header) const;
  [[nodiscard]] remoting::RemotingCommand earliest_store_time(
      const remoting::Request& request, const remoting::QueueHeader& header) const;
  [[nodiscard]] remoting::Reply query_consumer_offset(
      const remoting::Request& request, const remoting::QueryConsumerOffsetHeader& header) const;
  [[nodiscard]] remoting::Reply update_consumer_offset(
      const remoting::Request& request, const remoting::UpdateConsumerOffsetHeader& header);

  store::MessageStore& store_;
  TopicTable& topics_;
  GroupTable& groups_;
  OffsetTable& offsets_;
  DelayService& delays_;
  RefusalLog& refusals_;
  HelperThread& helper_;
  HelperThread& reads_;
  Ready ready_;  // empty: they need not wait
  asio::any_io_executor ready_on_;
};

}  // namespace comet::inline v0_1::broker
