#pragma once
// All consume queues by topic and queue id.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "consume_queue.hpp"
#include "queue_files.hpp"

namespace comet::inline v0_1::store {

// Thread-safe. Queues live as long as the table.
class QueueTable {
 public:
  QueueTable(FileSystem& files, std::string directory, std::int64_t file_size)
      : files_(files, std::move(directory), file_size) {}

  // Takes over the queues that lie in the directory; none is usable before cut(). `before_repair`
  // is called before files are given up. `log_min`: the log's first offset. Throws Error.
  void load(std::int64_t log_min, const std::function<void()>& before_repair);
  [[nodiscard]] ConsumeQueue* find(std::string_view topic, std::int32_t queue_id) const;
  // The topic must be a safe path component.
  [[nodiscard]] ConsumeQueue& find_or_create(std::string_view topic, std::int32_t queue_id);
  void for_each(const std::function<void(ConsumeQueue&)>& visit) const;
  [[nodiscard]] QueueFiles& files() noexcept { return files_; }
  // Queues that hold or held messages.
  [[nodiscard]] std::int64_t count_used();

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  using OfTopic = std::map<std::int32_t, std::unique_ptr<ConsumeQueue>>;

  QueueFiles files_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, OfTopic, Hash, std::equal_to<>> topics_;
};

}  // namespace comet::inline v0_1::store
