#pragma once
// Small settings that administrators leave with the name servers, by namespace and key (Apache:
// KVConfigManager), kept in kvConfig.json.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "comet/base/error.hpp"

namespace comet::inline v0_1::namesrv {

inline constexpr std::string_view kOrderTopicConfig = "ORDER_TOPIC_CONFIG";

// Not thread-safe. Changes write the file before they return: they are rare, and small files.
class KvConfig {
 public:
  using Table = std::map<std::string, std::string, std::less<>>;
  // Of the file. One value may take all of it: as much as a frame brings.
  static constexpr std::size_t kMaxBytes = 16u << 20;

  // Empty path: nothing is kept.
  explicit KvConfig(std::string path) : path_(std::move(path)) {}

  // A missing file is an empty configuration. A damaged one is set aside as <path>.damaged and its
  // backup is taken. Throws Error when a file is there and cannot be read.
  void load();

  // Empty: done. Otherwise nothing has changed, and this is why.
  [[nodiscard]] std::string put(std::string_view name_space, std::string_view key,
                                std::string_view value);
  [[nodiscard]] std::string remove(std::string_view name_space, std::string_view key);

  // nullptr: none.
  [[nodiscard]] const std::string* find(std::string_view name_space, std::string_view key) const;
  [[nodiscard]] const Table* find_namespace(std::string_view name_space) const;

 private:
  using Tables = std::map<std::string, Table, std::less<>>;
  [[nodiscard]] static Result<Tables> parse(std::string_view json);
  [[nodiscard]] std::string to_json() const;
  // Why the present content cannot be kept; empty: it is on disk.
  [[nodiscard]] std::string save() const;

  std::string path_;
  Tables tables_;
};

}  // namespace comet::inline v0_1::namesrv
