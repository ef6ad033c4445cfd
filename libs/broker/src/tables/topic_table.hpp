#pragma once
// The topics of this broker: created by administrators, by the broker itself, and on first use
// (Apache: TopicConfigManager; rules: reference of auto topic creation).

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/time.hpp"
#include "comet/broker/config.hpp"
#include "comet/routing/topic_config.hpp"
#include "tables/background_saver.hpp"
#include "tables/lookups.hpp"
#include "tables/state_file.hpp"

namespace comet::inline v0_1::broker {

// Thread-safe; its lock is never held for long, however many topics there are. Changes are written
// to topics.json on the helper thread. Whoever acknowledges one, or a message to a topic that may
// be new, waits for when_saved(), so that a message cannot outlive its topic. Name servers are told
// what is in the file and nothing else.
class TopicTable {
 public:
  using Done = BackgroundSaver::Done;

  TopicTable(const BrokerConfig& config, TimeSource& time, HelperThread& files);

  // Reads topics.json (its .bak when that is damaged), adds the topics that every broker has, and
  // makes those again that are in the store alone: `stored` says how many queues each has there.
  void load(const std::map<std::string, std::int32_t, std::less<>>& stored);
  // Called when name servers are to be told something, on any thread. Set once; what load() has
  // made again may have been written before.
  void on_change(std::function<void()> observer) {
    const std::lock_guard lock(mutex_);
    observer_ = std::move(observer);
  }

  // As it is now; null when there is none. Takes no lock while nothing changes.
  using Snapshot = Lookups<routing::TopicConfig>::Snapshot;
  [[nodiscard]] Snapshot find(std::string_view topic) const;
  // For a send to a topic that may not exist yet: creates it from `default_topic` when that one
  // exists and may be inherited from. `queue_nums`: what the producer wishes.
  [[nodiscard]] Snapshot find_or_create(std::string_view topic, std::string_view default_topic,
                                        std::int32_t queue_nums, std::int32_t sys_flag = 0);
  // For the broker's own needs (retry and dead letter topics).
  Snapshot find_or_create(std::string_view topic, std::int32_t queue_nums, std::int32_t perm,
                          std::int32_t sys_flag);
  // `done`: see BackgroundSaver; so below.
  void put(std::vector<routing::TopicConfig> topics, Done done = {});
  void remove(std::string_view topic, Done done = {});
  // A slave's: the topics become these, but for those that every broker has; all at once. Returns
  // which ones have gone.
  std::vector<std::string> replace_all(
      std::map<std::string, routing::TopicConfig, std::less<>> topics, Done done = {});
  // While it lives no send makes that topic again: what it stored would be removed with the rest.
  class Deletion {
   public:
    Deletion(TopicTable& table, std::string_view topic);
    ~Deletion();
    Deletion(const Deletion&) = delete;
    Deletion& operator=(const Deletion&) = delete;

   private:
    TopicTable& table_;
    const std::string topic_;
  };
  [[nodiscard]] bool is_being_deleted(std::string_view topic) const {
    const std::lock_guard lock(mutex_);
    return deletions_.contains(topic);
  }
  // Name servers are to be told all topics anew.
  void announce_all();
  // False: the topic is in the file, or unknown. True: `done` is called when it is, or cannot be.
  bool when_saved(std::string_view topic, Done done);
  [[nodiscard]] bool is_unsaved(std::string_view topic) const {
    const std::lock_guard lock(mutex_);
    return unsaved_.contains(topic);
  }
  // Whether there is any such topic. Costs a load.
  [[nodiscard]] bool has_unsaved() const noexcept {
    return has_unsaved_.load(std::memory_order_acquire);
  }
  void save_now() { saver_.save_now(); }
  // Every second: see BackgroundSaver.
  void retry_save() { saver_.retry(); }
  // Why the file cannot be written; empty: it can.
  [[nodiscard]] std::string problem() const { return file_.problem(); }
  // May be neither set nor deleted by requests.
  [[nodiscard]] bool is_reserved(std::string_view topic) const;
  // The version that it has was reached before the first topic was looked at.
  [[nodiscard]] routing::TopicConfigTable snapshot() const;
  // At most so many topics, by name, after that one.
  [[nodiscard]] std::vector<routing::TopicConfig> slice(std::string_view after,
                                                        std::size_t most) const;
  // What name servers are told: the topics as they are in the file, under a data version of their
  // own, which grows when there is news.
  [[nodiscard]] routing::TopicConfigTable announced() const;
  // Only the topics that were announced after that version had that counter. Nullopt when some were
  // removed or when it is not known: then only all topics say what has changed.
  [[nodiscard]] std::optional<routing::TopicConfigTable> changed_since(std::int64_t counter) const;
  [[nodiscard]] routing::DataVersion announced_version() const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t name_bytes() const;  // of all names together

 private:
  // What is not in the file yet.
  class Unsaved {
   public:
    std::int64_t counter = 0;                     // of the data version
    std::optional<routing::TopicConfig> in_file;  // as it was before; nullopt: it was not there
  };

  [[nodiscard]] Snapshot look_up(std::string_view topic) const;  // with the lock held
  [[nodiscard]] Snapshot look_up_or_create(std::string_view topic, std::string_view default_topic,
                                           std::int32_t queue_nums, std::int32_t sys_flag);
  [[nodiscard]] Snapshot look_up_or_create(std::string_view topic, std::int32_t queue_nums,
                                           std::int32_t perm, std::int32_t sys_flag);
  // All with the lock held. The first two note that a topic was added or set, or that one was
  // removed.
  void note_change(std::string_view topic, std::optional<routing::TopicConfig> before);
  void note_removal(std::string_view topic);
  void announce_anew();
  // What is in the file up to that counter; whether that is news.
  [[nodiscard]] bool announce(std::int64_t counter);
  void make_stored_again(const std::map<std::string, std::int32_t, std::less<>>& stored);
  bool save();
  // Without the lock.
  void tell_observer() const;
  // With the lock held: one is not created for want of room.
  void note_full(std::string_view topic);

  const BrokerConfig& config_;
  TimeSource& time_;
  StateFile file_;
  std::function<void()> observer_;
  Lookups<routing::TopicConfig> lookups_;
  mutable std::mutex mutex_;
  routing::TopicConfigTable table_;
  std::multiset<std::string, std::less<>> deletions_;
  std::size_t name_bytes_ = 0;
  Instant next_full_line_{};
  routing::DataVersion announced_;
  // Since the start or the last removal: at which of its counters a topic was announced last, and
  // the reverse.
  std::map<std::string, std::int64_t, std::less<>> changed_at_;
  std::map<std::int64_t, std::string> by_change_;
  std::int64_t unknown_before_ = 0;  // the counter at the start or at the last removal
  std::map<std::string, Unsaved, std::less<>> unsaved_;  // by topic
  std::int64_t removed_at_ = 0;  // counter of the last removal that is not in the file; 0: none
  std::atomic<bool> has_unsaved_{false};
  BackgroundSaver saver_;
};

}  // namespace comet::inline v0_1::broker
