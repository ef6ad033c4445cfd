#pragma once
// The topics of this broker: created by administrators, by the broker itself, and on first use
// (Apache: TopicConfigManager; rules: reference of auto topic creation).

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "background_saver.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/broker.hpp"
#include "comet/routing/topic_config.hpp"

namespace comet::broker {

// Thread-safe; its lock is never held for long, however many topics there are. Changes are written
// to topics.json on the helper thread. Whoever acknowledges one, or a message to a topic that may
// be new, waits for when_saved(), so that a message cannot outlive its topic.
class TopicTable {
 public:
  using Done = BackgroundSaver::Done;

  TopicTable(const BrokerConfig& config, TimeSource& time, HelperThread& files);

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
  // `done`: see BackgroundSaver; so below.
  void put(std::vector<routing::TopicConfig> topics, Done done = {});
  void remove(std::string_view topic, Done done = {});
  // Name servers are to be told all topics anew.
  void announce_all();
  // False: the topic is in the file, or unknown. True: `done` is called when it is.
  bool when_saved(std::string_view topic, Done done);
  // Whether when_saved() has to be asked. Costs a load.
  [[nodiscard]] bool has_unsaved() const noexcept {
    return has_unsaved_.load(std::memory_order_acquire);
  }
  void save_now() { saver_.save_now(); }
  // May be neither set nor deleted by requests.
  [[nodiscard]] bool is_reserved(std::string_view topic) const;
  // The version that it has was reached before the first topic was looked at.
  [[nodiscard]] routing::TopicConfigTable snapshot() const;
  // At most so many topics, by name, after that one.
  [[nodiscard]] std::vector<routing::TopicConfig> slice(std::string_view after,
                                                        std::size_t most) const;
  // Only the topics that were added or set after the data version had that counter. Nullopt when
  // some were removed or when it is not known: then only all topics say what has changed.
  [[nodiscard]] std::optional<routing::TopicConfigTable> changed_since(std::int64_t counter) const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] routing::DataVersion data_version() const;

 private:
  // With the lock held: `topic` was added or set; empty: one was removed.
  void note_change(std::string_view topic);
  bool save();

  const BrokerConfig& config_;
  TimeSource& time_;
  const std::string path_;
  std::function<void()> observer_;
  mutable std::mutex mutex_;
  routing::TopicConfigTable table_;
  // Since the start or the last removal: at which counter a topic changed last, and the reverse.
  std::map<std::string, std::int64_t, std::less<>> changed_at_;
  std::map<std::int64_t, std::string> by_change_;
  std::int64_t unknown_before_ = 0;  // the counter at the start or at the last removal
  std::map<std::string, std::int64_t, std::less<>> unsaved_;  // topic: counter
  std::atomic<bool> has_unsaved_{false};
  BackgroundSaver saver_;
};

}  // namespace comet::broker
