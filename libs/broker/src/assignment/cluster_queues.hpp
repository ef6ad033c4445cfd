#pragma once

#include <boost/asio/awaitable.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "comet/base/time.hpp"
#include "comet/broker/config.hpp"
#include "comet/message/message.hpp"
#include "registration/registration.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// The readable queues of a topic on all brokers, as a name server knows them (Apache:
// TopicRouteInfoManager). Thread-safe.
class ClusterQueues {
 public:
  ClusterQueues(const BrokerConfig& config, TimeSource& time, const TopicTable& topics,
                Registration& registration)
      : config_(config), time_(time), topics_(topics), registration_(registration) {}

  using Queues = std::shared_ptr<const std::vector<MessageQueue>>;

  // Null: no name server knows the topic, or none could be asked and what is known is too old.
  [[nodiscard]] asio::awaitable<Queues> find(std::string topic);

 private:
  class Known {
   public:
    Instant at;
    Queues queues;
  };

  [[nodiscard]] std::optional<Known> known(const std::string& topic) const;
  void keep(const std::string& topic, Known news);
  void forget(const std::string& topic);
  [[nodiscard]] Queues own(const std::string& topic) const;

  const BrokerConfig& config_;
  TimeSource& time_;
  const TopicTable& topics_;
  Registration& registration_;
  mutable std::mutex mutex_;
  std::map<std::string, Known, std::less<>> known_;
  std::size_t known_queues_ = 0;
};

}  // namespace comet::inline v0_1::broker
