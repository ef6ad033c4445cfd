#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/awaitable.hpp"
#include "comet/base/error.hpp"
#include "comet/replication/metadata.hpp"
#include "comet/routing/topic_config.hpp"
#include "comet/store/raw_log.hpp"
#include "replication/replicated_tables.hpp"
#include "replication/table_items.hpp"
#include "tables/state_file.hpp"

namespace comet::inline v0_1::broker {

// What a slave does with its master's tables, whoever brings them: replaced whole or not at all, in
// the file when the call returns. Offsets are in memory then, and in the file with the next saving,
// as a master's; none is lowered but by a reset. Belongs to one executor; one call at a time.
class SlaveTables {
 public:
  using Topics = std::map<std::string, routing::TopicConfig, std::less<>>;

  SlaveTables(ReplicatedTables tables, const std::string& store_root);

  // `with_queues`: those of topics that the master has not go with them.
  [[nodiscard]] asio::awaitable<error_code> replace_topics(Topics topics, bool with_queues);
  [[nodiscard]] asio::awaitable<error_code> change_topics(Topics topics);
  // Texts: the files' contents, or the answers to GET_ALL_...
  [[nodiscard]] asio::awaitable<error_code> replace_groups(std::string json);
  [[nodiscard]] asio::awaitable<error_code> replace_modes(std::string json);
  [[nodiscard]] error_code merge_offsets(std::string_view json);
  [[nodiscard]] error_code change_offsets(std::string_view json);  // to_json(Changes)
  [[nodiscard]] asio::awaitable<error_code> take_delays(std::string json);
  [[nodiscard]] asio::awaitable<error_code> take_timers(std::string json);
  // Offsets that the master has given are not given again here, although the log has none of their
  // messages (store::RawLog::raise_silent_queues). In the queues' files when it returns.
  [[nodiscard]] asio::awaitable<error_code> raise_queues(std::vector<store::QueueEnd> ends);
  // Once more what was raised while the log was empty: a log that begins somewhere else with its
  // first bytes forgets its queues.
  [[nodiscard]] asio::awaitable<void> raise_again();
  [[nodiscard]] std::string read_only_reason() const { return tables_.store.read_only_reason(); }

 private:
  const ReplicatedTables tables_;
  StateFile timer_file_;
  std::string timers_;  // as they were taken last
  std::vector<store::QueueEnd> raised_in_empty_log_;
};

// Tables of a CometMQ master. Nothing of it is kept over a restart: then all come again.
class TableSink final : public replication::MetadataSink {
 public:
  explicit TableSink(SlaveTables& tables) : tables_(tables) {}

  [[nodiscard]] std::int64_t version() const override { return version_; }
  [[nodiscard]] asio::awaitable<error_code> apply(replication::MetadataItem item) override;

 private:
  [[nodiscard]] asio::awaitable<error_code> take(TableKind kind, bool is_change, std::string text);

  SlaveTables& tables_;
  std::int64_t version_ = 0;
  // A table that comes in parts.
  std::int32_t partial_kind_ = 0;
  std::string partial_;
};

}  // namespace comet::inline v0_1::broker
