#include "queue_table.hpp"

#include <optional>

#include "comet/base/parse_number.hpp"
#include "comet/message/validate.hpp"

namespace comet::inline v0_1::store {

namespace {

std::optional<std::int32_t> parse_queue_id(std::string_view name) noexcept {
  const auto id = parse_number<std::int32_t>(name);
  if (!id || *id < 0 || std::to_string(*id) != name) return std::nullopt;
  return id;
}

std::vector<DirectoryEntry> list_or_throw(FileSystem& files, const std::string& path) {
  Result<std::vector<DirectoryEntry>> entries = files.list(path);
  if (!entries) throw Error(entries.error(), "list " + path);
  return std::move(*entries);
}

}  // namespace

void QueueTable::load(std::int64_t log_min, const std::function<void()>& before_repair) {
  FileSystem& system = files_.file_system();
  for (const DirectoryEntry& topic : list_or_throw(system, files_.directory())) {
    if (!topic.is_directory || !is_safe_path_component(topic.name)) continue;
    std::string path = files_.directory() + "/" + topic.name;
    for (const DirectoryEntry& entry : list_or_throw(system, path)) {
      std::optional<std::int32_t> id = parse_queue_id(entry.name);
      if (!entry.is_directory || !id) continue;
      find_or_create(topic.name, *id)
          .load(list_or_throw(system, path + "/" + entry.name), log_min, before_repair);
    }
  }
}

ConsumeQueue* QueueTable::find(std::string_view topic, std::int32_t queue_id) const {
  std::shared_lock lock(mutex_);
  auto of_topic = topics_.find(topic);
  if (of_topic == topics_.end()) return nullptr;
  auto queue = of_topic->second.find(queue_id);
  return queue == of_topic->second.end() ? nullptr : queue->second.get();
}

ConsumeQueue& QueueTable::find_or_create(std::string_view topic, std::int32_t queue_id) {
  if (ConsumeQueue* queue = find(topic, queue_id)) return *queue;
  std::unique_lock lock(mutex_);
  std::unique_ptr<ConsumeQueue>& slot = topics_[std::string(topic)][queue_id];
  if (!slot) slot = std::make_unique<ConsumeQueue>(files_, std::string(topic), queue_id);
  return *slot;
}

void QueueTable::for_each(const std::function<void(ConsumeQueue&)>& visit) const {
  std::shared_lock lock(mutex_);
  for (const auto& [topic, of_topic] : topics_) {
    for (const auto& [id, queue] : of_topic) visit(*queue);
  }
}

std::int64_t QueueTable::count_used() {
  std::int64_t count = 0;
  for_each([&](ConsumeQueue& queue) { count += queue.max_offset() > 0 ? 1 : 0; });
  return count;
}

}  // namespace comet::inline v0_1::store
