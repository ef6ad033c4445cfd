#pragma once
// Topics, groups, configuration: tables of the broker that travel with the log. Replication sees
// bytes with a number.

#include <cstdint>
#include <string>
#include <vector>

#include "comet/base/awaitable.hpp"
#include "comet/base/error.hpp"

namespace comet::inline v0_1::replication {

// A change of a table, or a whole one.
class MetadataItem {
 public:
  MetadataItem() = default;
  MetadataItem(std::int32_t kind_in, std::int64_t version_in, std::int64_t log_end_in,
               std::string bytes_in)
      : kind(kind_in), version(version_in), log_end(log_end_in), bytes(std::move(bytes_in)) {}
  std::int32_t kind = 0;     // the broker's: which table
  std::int64_t version = 0;  // rises by any step, over all kinds; 0 is in front of the first
  std::int64_t log_end = 0;  // the log's end when it was made: it is sent in front of what follows
  std::string bytes;         // at most kMaxMetadataBytes
};
inline constexpr std::size_t kMaxMetadataBytes = 16u << 20;

// The master's side. On replication's executor.
class MetadataSource {
 public:
  virtual ~MetadataSource() = default;
  [[nodiscard]] virtual std::int64_t version() const = 0;  // of the newest item
  // What a replica that has `version` lacks, by rising version: changes, or whole tables where the
  // changes are not kept; up to version() as it is at the call. A replica that has more than
  // version() gets all tables. Cancellable.
  [[nodiscard]] virtual asio::awaitable<std::vector<MetadataItem>> since(std::int64_t version) = 0;
  // Resumes when version() > `version` (at once if it is), or at shutdown (false). Cancellable.
  [[nodiscard]] virtual asio::awaitable<bool> wait_for_version_beyond(std::int64_t version) = 0;
};

// The replica's side. On replication's executor.
class MetadataSink {
 public:
  virtual ~MetadataSink() = default;
  [[nodiscard]] virtual std::int64_t version() const = 0;  // what has been applied durably
  // Durable and visible when it returns without an error; whole or not at all. Not cancelled.
  [[nodiscard]] virtual asio::awaitable<error_code> apply(MetadataItem item) = 0;
};

}  // namespace comet::inline v0_1::replication
