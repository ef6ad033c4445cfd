#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "comet/base/time.hpp"
#include "comet/broker/broker_stats.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/store/message_store.hpp"
#include "delay/delay_service.hpp"
#include "delay/timer_service.hpp"
#include "request/helper_thread.hpp"
#include "request/sends_in_flight.hpp"
#include "stats/runtime_counters.hpp"
#include "stats/traffic.hpp"

namespace comet::inline v0_1::broker {

// How the broker does (Apache: AdminBrokerProcessor): GET_BROKER_RUNTIME_INFO,
// VIEW_BROKER_STATS_DATA.
class RuntimeInfoFeature {
 public:
  RuntimeInfoFeature(const BrokerConfig& config, TimeSource& time, store::MessageStore& store,
                     TrafficTable& traffic, DelayService& delays, SendsInFlight& sends,
                     RuntimeCounters& runtime, TimerService* timers, HelperThread& helper)
      : config_(config),
        time_(time),
        store_(store),
        traffic_(traffic),
        delays_(delays),
        sends_(sends),
        runtime_(runtime),
        timers_(timers),
        helper_(helper) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  using Table = std::map<std::string, std::string>;
  struct StatsKey;

  [[nodiscard]] static StatsKey parse_stats_key(std::string_view key);
  void add_store(Table& table) const;
  void add_queues(Table& table) const;
  void add_timers(Table& table, const RuntimeCounters::Stats& stats) const;
  [[nodiscard]] remoting::RemotingCommand runtime_info(const remoting::Request& request);
  [[nodiscard]] std::optional<Growth> fall_behind(const StatsKey& key, bool in_bytes) const;
  [[nodiscard]] std::optional<Growth> find_stats(std::string_view name,
                                                 std::string_view key_text) const;
  [[nodiscard]] remoting::Reply stats_data(const remoting::Request& request,
                                           const remoting::BrokerStatsHeader& header) const;

  const BrokerConfig& config_;
  TimeSource& time_;
  store::MessageStore& store_;
  TrafficTable& traffic_;
  DelayService& delays_;
  SendsInFlight& sends_;
  RuntimeCounters& runtime_;
  TimerService* timers_;
  HelperThread& helper_;
};

}  // namespace comet::inline v0_1::broker
