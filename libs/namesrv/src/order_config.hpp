#pragma once
// ORDER_TOPIC_CONFIG as route queries on all threads see it.

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "kv_config.hpp"

namespace comet::inline v0_1::namesrv {

// Thread-safe. Its lock is held for the time that it takes to copy a pointer: writing the file of
// the KV configuration keeps nobody waiting here.
class OrderConfig {
 public:
  // nullptr: nothing is configured.
  void replace(const KvConfig::Table* table) {
    auto copy = table == nullptr ? nullptr : std::make_shared<const KvConfig::Table>(*table);
    const std::scoped_lock lock(mutex_);
    table_ = std::move(copy);
  }
  [[nodiscard]] std::optional<std::string> find(std::string_view topic) const {
    std::shared_ptr<const KvConfig::Table> table;
    {
      const std::scoped_lock lock(mutex_);
      table = table_;
    }
    if (!table) return std::nullopt;
    const auto found = table->find(topic);
    if (found == table->end()) return std::nullopt;
    return found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const KvConfig::Table> table_;
};

}  // namespace comet::inline v0_1::namesrv
