#include "clients/lock_table.hpp"

#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;

namespace {

constexpr Duration kLockTime = 60s;  // Apache: REBALANCE_LOCK_MAX_LIVE_TIME
constexpr int kLockSlice = 4096;     // locks that are looked at with the mutex held

std::size_t bytes_of(const MessageQueue& queue, std::string_view client_id) {
  constexpr std::size_t kNode = 200;
  return kNode + queue.topic.size() + queue.broker_name.size() + client_id.size();
}

}  // namespace

// Null: there is no room.
LockTable::Lock* LockTable::find_or_add(Locks& locks, const MessageQueue& queue,
                                        std::string_view client_id) {
  const auto known = locks.find(queue);
  if (known != locks.end()) return &known->second;
  const std::size_t bytes = bytes_of(queue, client_id);
  if (count_ >= kMostLocks || bytes_ + bytes > kMostLockBytes) return nullptr;
  Lock& added = locks.try_emplace(queue).first->second;
  added.client_id = client_id;
  ++count_;
  bytes_ += bytes;
  return &added;
}

LockTable::Locks::iterator LockTable::erase(Locks& locks, Locks::iterator lock) {
  --count_;
  bytes_ -= bytes_of(lock->first, lock->second.client_id);
  return locks.erase(lock);
}

std::vector<MessageQueue> LockTable::lock(std::string_view group, std::string_view client_id,
                                          std::vector<MessageQueue> queues) {
  std::lock_guard guard(mutex_);
  if (queues.empty()) return {};
  const Instant now = time_.now();
  auto found = groups_.find(group);
  if (found == groups_.end()) found = groups_.try_emplace(std::string(group)).first;
  Locks& locks = found->second;
  std::erase_if(queues, [&](const MessageQueue& queue) {
    Lock* lock = find_or_add(locks, queue, client_id);
    if (lock == nullptr) return true;
    const bool is_taken = lock->client_id != client_id && lock->expires > now;
    if (!is_taken) {
      bytes_ += client_id.size();
      bytes_ -= lock->client_id.size();
      lock->client_id = client_id;
      lock->expires = now + kLockTime;
    }
    return is_taken;
  });
  if (locks.empty()) groups_.erase(found);
  return queues;
}

void LockTable::unlock(std::string_view group, std::string_view client_id,
                       const std::vector<MessageQueue>& queues) {
  std::lock_guard guard(mutex_);
  auto found = groups_.find(group);
  if (found == groups_.end()) return;
  Locks& locks = found->second;
  for (const MessageQueue& queue : queues) {
    const auto lock = locks.find(queue);
    if (lock != locks.end() && lock->second.client_id == client_id) erase(locks, lock);
  }
  if (locks.empty()) groups_.erase(found);
}

bool LockTable::forget_expired() {
  std::lock_guard guard(mutex_);
  const Instant now = time_.now();
  int looked_at = 0;
  auto group = groups_.lower_bound(last_group_);
  while (group != groups_.end()) {
    Locks& locks = group->second;
    auto lock = group->first == last_group_ ? locks.upper_bound(last_queue_) : locks.begin();
    for (; lock != locks.end(); ++looked_at) {
      if (looked_at == kLockSlice) {
        last_group_ = group->first;
        last_queue_ = lock == locks.begin() ? MessageQueue() : std::prev(lock)->first;
        return true;
      }
      lock = lock->second.expires <= now ? erase(locks, lock) : std::next(lock);
    }
    group = locks.empty() ? groups_.erase(group) : std::next(group);
  }
  last_group_.clear();
  last_queue_ = MessageQueue();
  return false;
}

LockTable::Size LockTable::size() const {
  std::lock_guard guard(mutex_);
  Size size;
  size.locks = count_;
  size.bytes = bytes_;
  return size;
}

}  // namespace comet::inline v0_1::broker
