#pragma once
// Remembers queues that were removed while the log still has their messages, so that recovery does
// not bring them back. Apache's broker forgets this; it ignores our file.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "comet/base/error.hpp"
#include "file.hpp"

namespace comet::inline v0_1::store {

// Not thread-safe.
class RemovedQueues {
 public:
  RemovedQueues(FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  // A file that cannot be read is reported and taken for empty.
  void load();
  // Messages of the queue before `log_offset` are gone. On disk when save() returns without error.
  void add(std::string_view topic, std::int32_t queue_id, std::int64_t log_offset);
  // Nothing lies behind the log's end. Returns whether that is news.
  bool clamp(std::int64_t log_end);
  // Forgets those whose messages the log no longer has.
  void drop_before(std::int64_t log_min);
  [[nodiscard]] error_code save();
  [[nodiscard]] bool contains(std::string_view topic, std::int32_t queue_id,
                              std::int64_t log_offset) const;
  // False: a file was there and could not be used.
  [[nodiscard]] bool is_complete() const noexcept { return complete_; }
  [[nodiscard]] bool empty() const noexcept { return floors_.empty(); }

 private:
  using Floors = std::map<std::string, std::map<std::int32_t, std::int64_t>, std::less<>>;
  [[nodiscard]] error_code parse(std::string_view text);

  FileSystem& files_;
  std::string path_;
  bool complete_ = true;
  Floors floors_;  // by topic and queue id: the log offset before which nothing counts
};

}  // namespace comet::inline v0_1::store
