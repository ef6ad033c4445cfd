#pragma once
// Consumer groups' offsets (Apache: ConsumerOffsetManager; file consumerOffset.json).

#include <atomic>
#include <boost/json/fwd.hpp>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"
#include "comet/base/time.hpp"
#include "comet/routing/topic_config.hpp"
#include "comet/routing/topic_route.hpp"
#include "tables/state_file.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {

// Thread-safe; its lock is never held for long, however many offsets there are. It holds nothing
// negative, wherever that comes from: a negative offset says that the group has none, so what was
// committed before stays, and what a file has of them is left out.
class OffsetTable {
 public:
  using Queues = std::map<std::int32_t, std::int64_t>;  // offsets by queue

  OffsetTable(const std::string& store_root, TimeSource& time, OffsetLimits limits = {})
      : file_(store_root + "/config/consumerOffset.json"), time_(time), limits_(limits) {}

  void load();
  // Writes the file when anything has changed since the last time. Blocking.
  void save_if_changed();
  // Why the file cannot be written; empty: it can.
  [[nodiscard]] std::string problem() const { return file_.problem(); }

  // The next offset to consume; nullopt when the group has none for that queue.
  [[nodiscard]] std::optional<std::int64_t> find(std::string_view group, std::string_view topic,
                                                 std::int32_t queue_id) const;
  // Without effect while the consumer is to be told of a reset. False: there is no room for the
  // offset of one more queue (docs/limits.md).
  bool commit(std::string_view group, std::string_view topic, std::int32_t queue_id,
              std::int64_t offset);

  // Also removes what such a group or topic has in the file, at the next saving.
  void forget_group(std::string_view group);
  void forget_topic(std::string_view topic);

  // What a group has committed in a topic.
  class Group {
   public:
    std::string topic;
    std::string name;
    Queues queues;
  };
  [[nodiscard]] std::vector<Group> groups(std::size_t most) const;
  // All groups of all topics, some at a time. `last` says how far it got, first empty; no group:
  // that was all.
  [[nodiscard]] std::vector<Group> next_groups(std::string& last) const;
  [[nodiscard]] std::vector<Group> groups_of_topic(std::string_view topic) const;
  // Empty when the group has none there.
  [[nodiscard]] Queues queues(std::string_view group, std::string_view topic) const;
  // What the group has in the topic becomes that. False: there is no room for it.
  bool replace(std::string_view group, std::string_view topic, Queues queues);

  // An administrator moves a group: what it commits counts for nothing until it has been told the
  // new offset (5.x, useServerSideResetOffset). False: there is no room for it.
  bool reset(std::string_view group, std::string_view topic, const Queues& queues);
  [[nodiscard]] bool is_reset(std::string_view group, std::string_view topic,
                              std::int32_t queue_id) const;
  // The new offset, to be told the consumer; from now on its commits count again.
  [[nodiscard]] std::optional<std::int64_t> take_reset(std::string_view group,
                                                       std::string_view topic,
                                                       std::int32_t queue_id);

  // What has changed, for a replica.
  class Changes {
   public:
    std::map<std::string, Queues, std::less<>> committed;  // by "topic@group"
    std::map<std::string, Queues, std::less<>> reset;      // by an administrator; may be lower
    std::set<std::string, std::less<>> removed;            // "topic@group", before the others
    [[nodiscard]] bool empty() const noexcept {
      return committed.empty() && reset.empty() && removed.empty();
    }
  };
  // Changes since the last call; they are noted from the first one on.
  [[nodiscard]] Changes take_changes();
  // A replica's: the changes of its master happen here. What is committed never lowers an offset.
  void apply(const Changes& changes);
  // Likewise of all offsets of a master, a file or an answer to GET_ALL_CONSUMER_OFFSET: higher
  // ones are taken, others stay. So does a master that returns with those of its slaves. An error,
  // and none.
  [[nodiscard]] error_code merge(std::string_view json);

  // {"dataVersion":{...},"offsetTable":{"topic@group":{0:6}}}: the answer to
  // GET_ALL_CONSUMER_OFFSET, and, with quoted keys, the file's content. The version, without which
  // slaves of 5.x cannot read it, counts savings with changes.
  [[nodiscard]] std::string to_json(routing::IntegerKeys keys) const;
  [[nodiscard]] std::size_t size() const;  // offsets of queues

 private:
  using Table = std::map<std::string, Queues, std::less<>>;  // by "topic@group"

  [[nodiscard]] Result<Table> table_of(const boost::json::object& root) const;
  error_code parse(std::string_view json);
  // With the lock held.
  [[nodiscard]] bool waits_for_reset(std::string_view key, std::int32_t queue_id) const;
  void take_higher(const std::string& key, const Queues& queues);
  void note_committed(const std::string& key, std::int32_t queue_id, std::int64_t offset);
  void note_removed(const std::string& key);
  Queues* find_or_add(const std::string& key, std::size_t more_offsets);

  StateFile file_;
  TimeSource& time_;
  const OffsetLimits limits_;
  mutable std::mutex mutex_;
  Table table_;
  std::size_t resets_size_ = 0;  // queues in resets_
  std::size_t size_ = 0;         // offsets of queues in table_
  bool changed_ = false;
  routing::DataVersion version_;
  Table resets_;                         // that have not been told yet
  std::atomic<bool> has_resets_{false};  // so that others need not look
  std::optional<Changes> changes_;       // nullopt: nobody wants them
};

}  // namespace comet::inline v0_1::broker
