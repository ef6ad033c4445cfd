#include "lock_table.hpp"

#include "table_limits.hpp"

namespace comet::broker {

using namespace std::chrono_literals;

namespace {

constexpr Duration kLockTime = 60s;  // Apache: REBALANCE_LOCK_MAX_LIVE_TIME

}  // namespace

std::vector<MessageQueue> LockTable::lock(std::string_view group, std::string_view client_id,
                                          std::vector<MessageQueue> queues) {
  std::lock_guard guard(mutex_);
  if (queues.empty()) return {};
  const Instant now = time_.now();
  auto found = groups_.find(group);
  if (found == groups_.end()) found = groups_.try_emplace(std::string(group)).first;
  std::size_t count = 0;
  for (const auto& [name, locks] : groups_) count += locks.size();
  std::erase_if(queues, [&](const MessageQueue& queue) {
    auto entry = found->second.find(queue);
    if (entry == found->second.end()) {
      if (count == kMostLocks) return true;
      ++count;
      entry = found->second.try_emplace(queue).first;
    }
    Lock& lock = entry->second;
    const bool is_taken = lock.client_id != client_id && lock.expires > now;
    if (!is_taken) {
      lock.client_id = client_id;
      lock.expires = now + kLockTime;
    }
    return is_taken;
  });
  return queues;
}

void LockTable::unlock(std::string_view group, std::string_view client_id,
                       const std::vector<MessageQueue>& queues) {
  std::lock_guard guard(mutex_);
  auto found = groups_.find(group);
  if (found == groups_.end()) return;
  for (const MessageQueue& queue : queues) {
    auto lock = found->second.find(queue);
    if (lock != found->second.end() && lock->second.client_id == client_id) {
      found->second.erase(lock);
    }
  }
  if (found->second.empty()) groups_.erase(found);
}

void LockTable::forget_expired() {
  std::lock_guard guard(mutex_);
  const Instant now = time_.now();
  for (auto& [group, locks] : groups_) {
    std::erase_if(locks, [now](const auto& entry) { return entry.second.expires <= now; });
  }
  std::erase_if(groups_, [](const auto& entry) { return entry.second.empty(); });
}

std::size_t LockTable::size() const {
  std::lock_guard guard(mutex_);
  std::size_t count = 0;
  for (const auto& [group, locks] : groups_) count += locks.size();
  return count;
}

}  // namespace comet::broker
