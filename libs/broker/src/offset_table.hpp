#pragma once
// Consumer groups' offsets (Apache: ConsumerOffsetManager; file consumerOffset.json).

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"

namespace comet::broker {

// Thread-safe.
class OffsetTable {
 public:
  explicit OffsetTable(const std::string& store_root)
      : path_(store_root + "/config/consumerOffset.json") {}

  void load();
  // Writes the file when anything has changed since the last time. Blocking.
  void save_if_changed();

  // The next offset to consume; nullopt when the group has none for that queue.
  [[nodiscard]] std::optional<std::int64_t> find(std::string_view group, std::string_view topic,
                                                 std::int32_t queue_id) const;
  void commit(std::string_view group, std::string_view topic, std::int32_t queue_id,
              std::int64_t offset);

  // Also removes what such a group or topic has in the file, at the next saving.
  void forget_group(std::string_view group);
  void forget_topic(std::string_view topic);

  // What a group has committed in a topic.
  class Group {
   public:
    std::string topic;
    std::string name;
    std::map<std::int32_t, std::int64_t> queues;
  };
  [[nodiscard]] std::vector<Group> groups(std::size_t most) const;

  // {"offsetTable":{"topic@group":{"0":6}}}; also the answer to GET_ALL_CONSUMER_OFFSET.
  [[nodiscard]] std::string to_json() const;

 private:
  error_code parse(std::string_view json);

  const std::string path_;
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::int32_t, std::int64_t>, std::less<>> table_;  // "topic@group"
  bool changed_ = false;
};

}  // namespace comet::broker
