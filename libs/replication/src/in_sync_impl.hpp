#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <set>

#include "comet/base/async.hpp"
#include "comet/base/timer.hpp"
#include "comet/replication/in_sync_set.hpp"
#include "rate_meter.hpp"

namespace comet::inline v0_1::replication {

// A replica that is connected, or a member that was.
struct InSyncPeer {
  InSyncSet::Replica info;
  std::uint64_t connection = 0;  // 0: gone
  PeerState state = PeerState::handshake;
  std::int64_t confirmed = -1;  // -1: nothing on this connection
  std::int64_t metadata = 0;
  std::int64_t sent = 0;
  Instant progress;   // it got further then, or had everything
  Instant caught_up;  // it had everything then
  Instant gone;
  Instant joining_since;
  Instant not_before;       // it failed to join: not tried again until then
  bool was_silent = false;  // it left for that, and has confirmed nothing since
  RateMeter rate;

  [[nodiscard]] bool is_live() const noexcept { return connection != 0; }
};

struct InSyncWait {
  InSyncWait(asio::any_io_executor executor, TimeSource& time) : timer(std::move(executor), time) {}
  void finish(Confirmation result_in) {
    result = result_in;
    timer.cancel();
  }
  Timer timer;
  Confirmation result = Confirmation::flush_slave_timeout;
};
// By what is waited for: a log position, a metadata version.
using InSyncWaits = std::multimap<std::int64_t, InSyncWait*>;

struct InSyncSet::Impl : std::enable_shared_from_this<InSyncSet::Impl> {
  Impl(asio::any_io_executor executor_in, TimeSource& time_in, InSyncConfig config_in,
       ReplicaLog& log_in, Coordinator& coordinator_in, History& history_in);

  // What is counted.
  [[nodiscard]] bool has_enough() const {
    return 1 + static_cast<int>(members.size()) >= config.in_sync_replicas;
  }
  [[nodiscard]] std::set<MemberId> counted() const;
  [[nodiscard]] std::int64_t reach() const;
  [[nodiscard]] std::int64_t metadata_reach() const;
  void advance();
  void advance_metadata();
  void limit_readers();
  void note_size();
  static void release(InSyncWaits& waits, std::int64_t up_to, Confirmation result);
  static void release_all(InSyncWaits& waits, Confirmation result);

  // Who is in the set.
  [[nodiscard]] bool may_count(const InSyncPeer& peer) const;
  [[nodiscard]] bool must_leave(MemberId id, const InSyncPeer& peer) const;
  [[nodiscard]] const char* leave_reason(const InSyncPeer& peer) const;
  [[nodiscard]] bool has_moved(MemberId id, const InSyncPeer& peer);
  void begin_joining(MemberId id, InSyncPeer& peer);
  void look_at(MemberId id, InSyncPeer& peer);
  void consider();  // asks the coordinator for another set if one is due
  [[nodiscard]] std::set<MemberId> wanted() const;
  static asio::awaitable<void> change(std::shared_ptr<Impl> impl, std::set<MemberId> to);
  void install(std::set<MemberId> now_counts);
  void sweep();

  static asio::awaitable<void> watch_own_end(std::shared_ptr<Impl> impl);
  static asio::awaitable<void> sweep_often(std::shared_ptr<Impl> impl);
  static asio::awaitable<Confirmation> wait(std::shared_ptr<Impl> impl, bool for_metadata,
                                            std::int64_t what, Instant deadline);
  [[nodiscard]] std::optional<Confirmation> answer_now(bool for_metadata, std::int64_t what) const;
  void count(Confirmation result);
  [[nodiscard]] InSyncPeer* peer_of(std::uint64_t connection);

  const asio::any_io_executor executor;
  TimeSource& time;
  const InSyncConfig config;
  ReplicaLog& log;
  Coordinator& coordinator;
  History& history;
  TaskGroup tasks;

  std::map<MemberId, InSyncPeer> peers;
  std::set<MemberId> members;               // what the coordinator holds, without the master
  std::optional<std::set<MemberId>> asked;  // counts besides it, from the moment it is asked for
  std::set<MemberId> joining;               // counted, so that they can come up
  // Who has left, and what it had then: it comes back when it has got further, or has everything. A
  // replica that can take nothing more would come and go otherwise, and be waited for each time.
  std::map<MemberId, std::int64_t> left_at;
  std::uint64_t last_connection = 0;
  MemberId last_unnamed = 0;
  bool is_over = false;  // stopped or deposed
  bool was_enough = false;
  bool is_started = false;
  std::int64_t readers_floor = 0;  // what readers may have seen already
  std::int64_t readers_limit = -1;
  InSyncWaits waits;
  InSyncWaits metadata_waits;
  ReplicationCounters counters;

  std::atomic<std::int64_t> confirmed{0};
  std::atomic<int> size{1};
};

}  // namespace comet::inline v0_1::replication
