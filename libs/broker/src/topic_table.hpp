#pragma once
// The topics of this broker: created by administrators, by the broker itself, and on first use
// (Apache: TopicConfigManager; rules: reference of auto topic creation).

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "comet/base/time.hpp"
#include "comet/broker/broker.hpp"
#include "comet/routing/topic_config.hpp"

namespace comet::broker {

// Thread-safe. Every change is on disk (topics.json) when the call returns, so that a message
// acknowledged after it cannot outlive its topic.
class TopicTable {
 public:
  TopicTable(const BrokerConfig& config, TimeSource& time);

  // Reads topics.json (its .bak when that is damaged) and adds the topics that every broker has.
  void load();
  // Called after each change, on the thread that made it.
  void on_change(std::function<void()> observer) { observer_ = std::move(observer); }

  [[nodiscard]] std::optional<routing::TopicConfig> find(std::string_view topic) const;
  // For a send to a topic that may not exist yet: creates it from `default_topic` when that one
  // exists and may be inherited from. `queue_nums`: what the producer wishes.
  [[nodiscard]] std::optional<routing::TopicConfig> find_or_create(std::string_view topic,
                                                                   std::string_view default_topic,
                                                                   std::int32_t queue_nums,
                                                                   std::int32_t sys_flag = 0);
  // For the broker's own needs (retry and dead letter topics).
  routing::TopicConfig find_or_create(std::string_view topic, std::int32_t queue_nums,
                                      std::int32_t perm, std::int32_t sys_flag);
  void put(routing::TopicConfig config);
  void remove(std::string_view topic);
  // May be neither set nor deleted by requests.
  [[nodiscard]] bool is_reserved(std::string_view topic) const;
  [[nodiscard]] routing::TopicConfigTable snapshot() const;
  // Only the topics that were added or set after the data version had that counter. Nullopt when
  // some were removed or when it is not known: then only all topics say what has changed.
  [[nodiscard]] std::optional<routing::TopicConfigTable> changed_since(std::int64_t counter) const;
  [[nodiscard]] std::size_t size() const;

 private:
  // `topic` was added or set; empty: one was removed.
  void save_locked(std::string_view topic);

  const BrokerConfig& config_;
  TimeSource& time_;
  const std::string path_;
  std::function<void()> observer_;
  mutable std::mutex mutex_;
  routing::TopicConfigTable table_;
  std::map<std::string, std::int64_t, std::less<>> changed_at_;  // topic: counter; since the start
  std::int64_t unknown_before_ = 0;  // the counter at the start or at the last removal
};

}  // namespace comet::broker
