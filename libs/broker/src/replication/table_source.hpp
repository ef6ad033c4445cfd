#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "comet/base/async.hpp"
#include "comet/base/nudge.hpp"
#include "comet/base/time.hpp"
#include "comet/replication/metadata.hpp"
#include "replication/replicated_tables.hpp"
#include "replication/table_items.hpp"

namespace comet::inline v0_1::broker {

// A master's tables for CometMQ slaves. What a slave lacks is made when it is asked for: topics and
// offsets as changes while these are known, everything else whole, on a helper thread. Offsets are
// looked at every 100 ms, progress of delays and timers every second, queues without a message when
// files of the log or topics have gone, or come. Belongs to the executor, but for what is said to
// be thread-safe.
class TableSource final : public replication::MetadataSource {
 public:
  TableSource(asio::any_io_executor executor, TimeSource& time, ReplicatedTables tables);

  // Thread-safe, these: what is in the table's file has changed.
  void topics_changed() { topics_changed_(); }
  void groups_changed() { groups_changed_(); }
  void modes_changed() { modes_changed_(); }

  // Until it is cancelled.
  [[nodiscard]] asio::awaitable<void> run();
  // Nobody waits any more.
  void stop();

  [[nodiscard]] std::int64_t version() const override { return version_; }
  [[nodiscard]] asio::awaitable<std::vector<replication::MetadataItem>> since(
      std::int64_t version) override;
  [[nodiscard]] asio::awaitable<bool> wait_for_version_beyond(std::int64_t version) override;

 private:
  class Change {
   public:
    std::int64_t version = 0;
    std::int64_t log_end = 0;
  };
  class OffsetChange : public Change {
   public:
    std::string json;
  };
  // Where the announced topics stood at a version.
  class TopicMark {
   public:
    std::int64_t version = 0;
    std::int64_t counter = 0;
  };
  using Items = std::vector<replication::MetadataItem>;

  Change next_version(TableKind kind);
  void note_topics();
  void look_at_offsets();
  void look_at_progress();
  [[nodiscard]] asio::awaitable<void> look_at_silent_queues();
  // Whole tables that are to be made, on the helper thread.
  using Wholes = std::vector<std::pair<TableKind, Change>>;
  // False: changes are not known, it has to be sent whole.
  [[nodiscard]] bool add_topic_changes(std::int64_t version, Items& items) const;
  [[nodiscard]] bool add_offset_changes(std::int64_t version, Items& items) const;
  [[nodiscard]] std::string whole(TableKind kind) const;
  static void add_whole(TableKind kind, const Change& change, std::string_view text, Items& items);

  asio::any_io_executor executor_;
  TimeSource& time_;
  const ReplicatedTables tables_;
  std::int64_t version_;
  std::map<TableKind, Change> newest_;  // of each table
  std::deque<TopicMark> topic_marks_;
  std::deque<OffsetChange> offset_changes_;
  std::size_t offset_bytes_ = 0;     // of those
  std::int64_t offsets_known_from_;  // changes of this version and older ones are not kept
  std::string delays_, timers_;      // as they were looked at last
  std::string silent_queues_;        // likewise, when the log began at silent_from_
  std::int64_t silent_from_ = -1;
  bool have_queues_changed_ = false;
  bool is_followed_ = false;  // somebody has asked: they are looked at
  bool is_stopped_ = false;
  Event changed_;
  Nudge topics_changed_, groups_changed_, modes_changed_;
};

}  // namespace comet::inline v0_1::broker
