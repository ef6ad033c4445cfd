#pragma once

#include "clients/client_registry.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/store/message_store.hpp"
#include "pull/pull_hold.hpp"
#include "request/helper_thread.hpp"
#include "stats/runtime_counters.hpp"
#include "stats/traffic.hpp"
#include "tables/group_table.hpp"
#include "tables/offset_table.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// Pulling (Apache: PullMessageProcessor): PULL_MESSAGE, LITE_PULL_MESSAGE.
class PullFeature {
 public:
  PullFeature(const BrokerConfig& config, TimeSource& time, store::MessageStore& store,
              TopicTable& topics, GroupTable& groups, OffsetTable& offsets, ClientRegistry& clients,
              PullHold& hold, RuntimeCounters& runtime, TrafficTable& traffic, HelperThread& reads)
      : config_(config),
        time_(time),
        store_(store),
        topics_(topics),
        groups_(groups),
        offsets_(offsets),
        clients_(clients),
        hold_(hold),
        runtime_(runtime),
        traffic_(traffic),
        reads_(reads) {}

  void install(remoting::Dispatcher& dispatcher);
  // Looks again at a pull that was held; it is answered now, whatever is there.
  void resume_held_pull(std::unique_ptr<HeldPull> pull);

 private:
  class Reading;

  [[nodiscard]] remoting::Reply check_filter(const remoting::Request& request,
                                             const Subscription& subscription) const;
  [[nodiscard]] remoting::Reply check(const remoting::Request& request,
                                      const remoting::PullMessageHeader& header,
                                      Subscription& subscription);
  [[nodiscard]] store::ReadLimits limits_of(const remoting::PullMessageHeader& header,
                                            bool in_memory, bool sends_pages) const;
  [[nodiscard]] bool wants_again(const std::string& group, const RecordView& record) const;
  [[nodiscard]] Reading read(const PullQuestion& question);
  [[nodiscard]] remoting::RemotingCommand pull_from(const remoting::RequestIdentity& request,
                                                    const PullQuestion& question,
                                                    std::int64_t offset,
                                                    remoting::ResponseCode code,
                                                    std::string remark) const;
  [[nodiscard]] remoting::RemotingCommand reset_answer(const remoting::RequestIdentity& request,
                                                       const PullQuestion& question,
                                                       std::int64_t offset) const;
  // Whether a consumer whose offset is none of the queue's is told the right one.
  [[nodiscard]] bool corrects_offsets() const;
  [[nodiscard]] std::int64_t suggested_broker(const PullQuestion& question,
                                              const store::ReadResult& result) const;
  [[nodiscard]] remoting::RemotingCommand answer(const remoting::RequestIdentity& request,
                                                 const PullQuestion& question, Reading reading);
  [[nodiscard]] Duration patience_of(const remoting::Request& request,
                                     const remoting::PullMessageHeader& header) const;
  void hold(std::unique_ptr<HeldPull> pull);
  void read_from_disk(std::unique_ptr<HeldPull> pull, bool may_wait);
  [[nodiscard]] remoting::Reply pull_message(remoting::Request& request,
                                             const remoting::PullMessageHeader& header);

  const BrokerConfig& config_;
  TimeSource& time_;
  store::MessageStore& store_;
  TopicTable& topics_;
  GroupTable& groups_;
  OffsetTable& offsets_;
  ClientRegistry& clients_;
  PullHold& hold_;
  RuntimeCounters& runtime_;
  TrafficTable& traffic_;
  HelperThread& reads_;
};

}  // namespace comet::inline v0_1::broker
