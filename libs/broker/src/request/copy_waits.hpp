#pragma once
// How a SYNC_MASTER's answers wait for the copies of what they acknowledge.

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "comet/base/async.hpp"
#include "comet/base/awaitable.hpp"
#include "comet/base/nudge.hpp"
#include "comet/base/time.hpp"
#include "comet/remoting/handling.hpp"
#include "comet/replication/in_sync_set.hpp"
#include "comet/replication/metadata.hpp"

namespace comet::inline v0_1::broker {

using replication::Confirmation;

// What an answer says of its copies; success: there are enough.
[[nodiscard]] remoting::ResponseCode code_of(Confirmation confirmation) noexcept;
// Apache's name of it (PutMessageStatus).
[[nodiscard]] std::string_view name_of(Confirmation confirmation) noexcept;
// When nothing is stored since there are fewer copies than minInSyncReplicas asks for. The words
// are Apache's.
[[nodiscard]] remoting::Refusal too_few_copies();
// When a change of a table holds, but not everywhere where it has to.
[[nodiscard]] remoting::Refusal tables_not_copied(Confirmation confirmation);

// Requests whose records are stored, until every member of the in-sync set has them. They wait here
// by the log's ends, and one coroutine awaits the smallest, so that a replica's report costs one
// wake-up for all that it confirms, and one post for each executor. Without a set, in any other
// role, nobody waits. Thread-safe but for follow() and run().
class CopyWaits {
 public:
  using Done = remoting::Resume<Confirmation>;

  // A request that waits; stays where it is until `done` was called or dropped.
  class Waiting {
   public:
    std::int64_t end = 0;
    Instant deadline;
    asio::any_io_executor executor;  // of its connection
    Confirmation outcome = Confirmation::flush_slave_timeout;
    std::optional<Done> done;
  };

  // `patience`: slaveTimeout.
  CopyWaits(asio::any_io_executor home, TimeSource& time, Duration patience);
  ~CopyWaits();  // who waits still is dropped
  CopyWaits(const CopyWaits&) = delete;
  CopyWaits& operator=(const CopyWaits&) = delete;

  // A SYNC_MASTER's set, which outlives the waits, and its tables. Before the first request.
  void follow(replication::InSyncSet& set, const replication::MetadataSource& tables) noexcept {
    set_ = &set;
    tables_ = &tables;
  }
  [[nodiscard]] bool is_on() const noexcept { return set_ != nullptr; }
  // False: minInSyncReplicas asks for more copies than there can be now.
  [[nodiscard]] bool may_store() const noexcept { return set_ == nullptr || set_->may_store(); }
  [[nodiscard]] bool has_copies(std::int64_t end) const noexcept {
    return set_ == nullptr || set_->confirmed() >= end;
  }
  [[nodiscard]] const asio::any_io_executor& home() const noexcept { return home_; }

  // `done` is called on waiting.executor, not before this call has returned.
  void wait(Waiting& waiting);
  // Waits until the tables, as their files are now, are with all members of the set. On the home
  // executor.
  [[nodiscard]] asio::awaitable<Confirmation> tables_copied();
  // Serves those that wait, on the home executor, until it is cancelled.
  [[nodiscard]] asio::awaitable<void> run();

  class Counts {
   public:
    std::uint64_t put_ok = 0;
    std::uint64_t slave_not_available = 0;
    std::uint64_t flush_slave_timeout = 0;
  };
  // What answers have waited came to. 0-answers that had their copies at once are not among them.
  [[nodiscard]] Counts counts() const noexcept;
  [[nodiscard]] std::size_t size() const;

 private:
  // The first by its end.
  class First {
   public:
    std::int64_t end;
    Instant deadline;
  };
  [[nodiscard]] std::optional<First> first() const;
  [[nodiscard]] std::vector<Waiting*> take(Confirmation outcome, const First& asked);
  void release(std::vector<Waiting*> waiting);
  void count(Confirmation outcome) noexcept;

  const asio::any_io_executor home_;
  TimeSource& time_;
  const Duration patience_;
  replication::InSyncSet* set_ = nullptr;
  const replication::MetadataSource* tables_ = nullptr;
  Event arrived_;
  Nudge tell_;  // that somebody waits
  mutable std::mutex mutex_;
  std::vector<Waiting*> waiting_;  // a heap, the smallest end in front
  std::atomic<std::uint64_t> put_ok_{0}, slave_not_available_{0}, flush_slave_timeout_{0};
};

// Awaits the copies of a stored record up to `end` of the log. In any other role than SYNC_MASTER
// it is ready at once.
class AwaitCopies {
 public:
  AwaitCopies(CopyWaits& copies, const remoting::Request& request, std::int64_t end) noexcept
      : copies_(copies), request_(request), end_(end) {}

  [[nodiscard]] bool await_ready() const noexcept { return copies_.has_copies(end_); }
  void await_suspend(remoting::Handling::Handle waiting) {
    const remoting::Handling::Wait wait(waiting);
    is_waiting_ = true;
    waiting_.end = end_;
    waiting_.executor = request_.connection->executor();
    waiting_.done.emplace(waiting, outcome_);
    copies_.wait(waiting_);
  }
  [[nodiscard]] Confirmation await_resume() const noexcept {
    return is_waiting_ ? outcome_ : Confirmation::put_ok;
  }

 private:
  CopyWaits& copies_;
  const remoting::Request& request_;
  const std::int64_t end_;
  bool is_waiting_ = false;
  CopyWaits::Waiting waiting_;
  Confirmation outcome_ = Confirmation::put_ok;
};

}  // namespace comet::inline v0_1::broker
