#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "comet/base/address.hpp"
#include "comet/base/config.hpp"
#include "comet/base/properties.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/routing/topic_config.hpp"
#include "request/helper_thread.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// GET_BROKER_CONFIG and UPDATE_BROKER_CONFIG: what the broker is set to, and how often that has
// changed. Thread-safe.
class ConfigFeature {
 public:
  ConfigFeature(BrokerConfig& config, TimeSource& time, const IpEndpoint& store_host,
                TopicTable& topics, HelperThread& helper)
      : config_(config), time_(time), store_host_(store_host), topics_(topics), helper_(helper) {
    version_.timestamp = time.wall_millis();
  }

  void install(remoting::Dispatcher& dispatcher);

 private:
  [[nodiscard]] remoting::RemotingCommand show(const remoting::Request& request);
  [[nodiscard]] remoting::RemotingCommand change(const remoting::Request& request);
  // With the lock held.
  Config& present();
  [[nodiscard]] remoting::RemotingCommand use(const remoting::Request& request,
                                              const Properties& asked);

  BrokerConfig& config_;
  TimeSource& time_;
  const IpEndpoint& store_host_;
  TopicTable& topics_;
  HelperThread& helper_;
  std::mutex mutex_;
  std::optional<Config> settings_;
  routing::DataVersion version_;
};

}  // namespace comet::inline v0_1::broker
