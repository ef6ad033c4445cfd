#pragma once
// What failover decides and replication obeys: who is master in which epoch, and which replicas the
// in-sync set holds. Replication never changes a set on its own; it asks.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "comet/base/awaitable.hpp"
#include "comet/base/error.hpp"
#include "comet/replication/history.hpp"
#include "comet/replication/replica_log.hpp"

namespace comet::inline v0_1::replication {

// A member's id: brokerId for a CometMQ replica, 0 for the master, negative (one per connection)
// for a replica on Apache's wire, which has no name.
using MemberId = std::int64_t;
inline constexpr MemberId kMasterMember = 0;

enum class SetChange {
  granted,  // the new set counts
  refused,  // the old set counts
  unknown,  // no answer: either may count until settle() says which
};

// On replication's executor.
class Coordinator {
 public:
  virtual ~Coordinator() = default;

  // This mastership. Its start and id are in the History.
  [[nodiscard]] virtual EpochEntry mastership() const = 0;
  // False once a higher epoch is known: nothing is answered 0 any more.
  [[nodiscard]] virtual bool is_master() const = 0;
  // Somebody is in a higher epoch. Called at once when a peer says so.
  virtual void heard_epoch(std::int64_t epoch, const std::string& from) = 0;

  // The set when this mastership began, without the master, sorted: all of them must confirm, or
  // leave.
  [[nodiscard]] virtual std::vector<MemberId> members() const = 0;
  // Replicas without a name (Apache's wire) may be members.
  [[nodiscard]] virtual bool admits_unnamed() const = 0;
  // The set's members without the master, sorted. One request at a time.
  [[nodiscard]] virtual asio::awaitable<SetChange> change_set(std::vector<MemberId> from,
                                                              std::vector<MemberId> to) = 0;
  // After `unknown`: the set that counts (rule R3). Waits as long as it takes; cancellable.
  [[nodiscard]] virtual asio::awaitable<std::vector<MemberId>> settle() = 0;
};

// No election: the configuration says who is master, each start of a master is a mastership, and
// the set is what the master says. Promotion is the operator's.
class LocalCoordinator final : public Coordinator {
 public:
  // Begins a mastership at the log's end: epoch and entry are on disk when this returns, those of
  // a log that has never been shared when its first replica is served. `history` outlives it.
  // Throws Error.
  LocalCoordinator(History& history, const ReplicaLog& log);

  EpochEntry mastership() const override { return mastership_; }
  bool is_master() const override { return heard_ <= mastership_.epoch; }
  void heard_epoch(std::int64_t epoch, const std::string& from) override;
  std::vector<MemberId> members() const override { return {}; }
  bool admits_unnamed() const override { return true; }
  asio::awaitable<SetChange> change_set(std::vector<MemberId> from,
                                        std::vector<MemberId> to) override;
  asio::awaitable<std::vector<MemberId>> settle() override;

 private:
  History& history_;
  EpochEntry mastership_;
  std::int64_t heard_ = 0;
  std::vector<MemberId> set_;
};

}  // namespace comet::inline v0_1::replication
