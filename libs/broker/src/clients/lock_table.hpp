#pragma once
// Which consumer of a group may consume a queue in order (Apache: RebalanceLockManager).

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/time.hpp"
#include "comet/message/message.hpp"

namespace comet::inline v0_1::broker {

// Thread-safe. A lock ends 60 s after its holder last asked for it. Nothing of this is on disk:
// after a restart whoever asks first gets the queue, as with Apache's broker.
class LockTable {
 public:
  explicit LockTable(TimeSource& time) : time_(time) {}

  // The queues that the client holds afterwards: those that were free, expired or its own.
  [[nodiscard]] std::vector<MessageQueue> lock(std::string_view group, std::string_view client_id,
                                               std::vector<MessageQueue> queues);
  // Queues of others stay locked.
  void unlock(std::string_view group, std::string_view client_id,
              const std::vector<MessageQueue>& queues);
  // Looks at some locks after those of the last call and forgets the expired; false: those were the
  // last ones.
  bool forget_expired();

  class Size {
   public:
    std::size_t locks = 0;
    std::size_t bytes = 0;  // estimated
  };
  [[nodiscard]] Size size() const;

 private:
  struct Lock {
    std::string client_id;
    Instant expires;
  };
  using Locks = std::map<MessageQueue, Lock>;
  using Groups = std::map<std::string, Locks, std::less<>>;

  // With the lock held.
  Lock* find_or_add(Locks& locks, const MessageQueue& queue, std::string_view client_id);
  Locks::iterator erase(Locks& locks, Locks::iterator lock);

  TimeSource& time_;
  mutable std::mutex mutex_;
  Groups groups_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  // How far forget_expired() has got.
  std::string last_group_;
  MessageQueue last_queue_;
};

}  // namespace comet::inline v0_1::broker
