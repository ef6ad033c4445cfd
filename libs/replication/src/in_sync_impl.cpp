#include "in_sync_impl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "comet/base/log.hpp"

namespace comet::inline v0_1::replication {
namespace {

constexpr Duration kSweepPeriod = std::chrono::milliseconds(250);
constexpr Duration kJoinPatience = std::chrono::seconds(1);
constexpr Duration kJoinPause = std::chrono::seconds(5);
constexpr std::size_t kMostRemembered = 1000;

std::string member_text(MemberId id, const InSyncPeer& peer) {
  if (id < 0) return "the replica at " + peer.info.address;
  return fmt::format("replica {} at {}", peer.info.name, peer.info.address);
}

std::vector<MemberId> sorted(const std::set<MemberId>& ids) { return {ids.begin(), ids.end()}; }

}  // namespace

InSyncSet::Impl::Impl(asio::any_io_executor executor_in, TimeSource& time_in,
                      InSyncConfig config_in, ReplicaLog& log_in, Coordinator& coordinator_in,
                      History& history_in)
    : executor(std::move(executor_in)),
      time(time_in),
      config(config_in),
      log(log_in),
      coordinator(coordinator_in),
      history(history_in),
      tasks(executor, time) {}

// --- What is confirmed ---

std::set<MemberId> InSyncSet::Impl::counted() const {
  std::set<MemberId> ids = members;
  if (asked) ids.insert(asked->begin(), asked->end());
  ids.insert(joining.begin(), joining.end());
  return ids;
}

// How far the master and all who count have the log.
std::int64_t InSyncSet::Impl::reach() const {
  std::int64_t end = log.durable_end();
  for (const MemberId id : counted()) {
    const auto peer = peers.find(id);
    end = std::min(end, peer == peers.end() ? -1 : peer->second.confirmed);
  }
  return end;
}

std::int64_t InSyncSet::Impl::metadata_reach() const {
  std::int64_t version = kNoLimit;
  for (const MemberId id : counted()) {
    const auto peer = peers.find(id);
    if (peer == peers.end()) return -1;
    if (peer->second.info.wire != Wire::comet) continue;  // asks for tables by itself
    version = std::min(version, peer->second.confirmed < 0 ? -1 : peer->second.metadata);
  }
  return version;
}

// Confirmed rises with a set that is large enough, and with nothing else: what is not answered 0
// need not be held against who joins.
void InSyncSet::Impl::advance() {
  if (is_over || !is_started) return;
  if (!coordinator.is_master()) {
    is_over = true;
    release_all(waits, Confirmation::flush_slave_timeout);
    release_all(metadata_waits, Confirmation::flush_slave_timeout);
    return;
  }
  if (has_enough()) {
    const std::int64_t end = reach();
    if (end > confirmed.load(std::memory_order_relaxed)) {
      confirmed.store(end, std::memory_order_release);
      if (config.limits_readers || !members.empty()) history.note_confirmed(end);
      release(waits, end, Confirmation::put_ok);
    }
  }
  limit_readers();
}

void InSyncSet::Impl::advance_metadata() {
  if (!is_over && has_enough()) release(metadata_waits, metadata_reach(), Confirmation::put_ok);
}

// Readers never go back: what they may have seen while the set was too small stays visible.
void InSyncSet::Impl::limit_readers() {
  std::int64_t limit = std::max(confirmed.load(std::memory_order_relaxed), readers_floor);
  if (!has_enough() && !config.read_confirmed_only) limit = kNoLimit;
  if (!config.limits_readers) limit = kNoLimit;
  if (limit == readers_limit) return;
  readers_limit = limit;
  log.set_read_limit(limit);
}

// The set has changed.
void InSyncSet::Impl::note_size() {
  const int now = 1 + static_cast<int>(members.size());
  size.store(now, std::memory_order_release);
  const bool is_enough = has_enough();
  if (is_enough == was_enough) return;
  was_enough = is_enough;
  if (is_enough) {
    if (!config.read_confirmed_only) readers_floor = log.durable_end();
    if (config.in_sync_replicas > 1) {
      log::info("HA: {} replicas of {} are in sync: sends are confirmed", now,
                config.in_sync_replicas);
    }
    return;
  }
  log::warn(
      "HA: {} replicas of {} are in sync: sends that wait for a slave answer SLAVE_NOT_AVAILABLE{}",
      now, config.in_sync_replicas,
      config.read_confirmed_only ? "" : ", and readers see what is not copied");
  release_all(waits, Confirmation::slave_not_available);
  release_all(metadata_waits, Confirmation::slave_not_available);
}

void InSyncSet::Impl::release(InSyncWaits& waits, std::int64_t up_to, Confirmation result) {
  while (!waits.empty() && waits.begin()->first <= up_to) {
    InSyncWait* wait = waits.begin()->second;
    waits.erase(waits.begin());
    wait->finish(result);
  }
}

void InSyncSet::Impl::release_all(InSyncWaits& waits, Confirmation result) {
  release(waits, kNoLimit, result);
}

// --- Who is in the set ---

bool InSyncSet::Impl::may_count(const InSyncPeer& peer) const {
  if (!peer.is_live() || peer.state != PeerState::transfer || peer.confirmed < 0) return false;
  return peer.info.flushed || config.count_unflushed_reports;
}

const char* InSyncSet::Impl::leave_reason(const InSyncPeer& peer) const {
  const Instant now = time.now();
  if (!peer.is_live())
    return now - peer.gone >= config.member_gone ? "its connection is gone" : nullptr;
  if (peer.state != PeerState::transfer && peer.state != PeerState::handshake)
    return "its log does not fit";
  if (peer.confirmed >= 0 && peer.confirmed < confirmed.load(std::memory_order_relaxed))
    return "it has lost what it had confirmed";
  if (now - peer.progress >= config.member_silence) return "it has confirmed nothing for too long";
  return nullptr;
}

bool InSyncSet::Impl::must_leave(MemberId id, const InSyncPeer& peer) const {
  if (id < 0 && !peer.is_live()) return true;  // nobody can come back under this id
  return leave_reason(peer) != nullptr;
}

// Since it has left.
bool InSyncSet::Impl::has_moved(MemberId id, const InSyncPeer& peer) {
  const auto left = left_at.find(id);
  if (left == left_at.end()) return true;
  if (peer.confirmed <= left->second && peer.confirmed < log.end()) return false;
  left_at.erase(left);
  return true;
}

// Near enough to be waited for. From now on it is counted, so that what is confirmed stands still
// and it can get there (R6a: all that is confirmed, and this mastership's start).
void InSyncSet::Impl::begin_joining(MemberId id, InSyncPeer& peer) {
  if (!may_count(peer) || peer.was_silent || time.now() < peer.not_before) return;
  if (id < 0 && !coordinator.admits_unnamed()) return;
  if (members.contains(id) || joining.contains(id) || (asked && asked->contains(id))) return;
  if (log.durable_end() - peer.confirmed > config.join_lag || !has_moved(id, peer)) return;
  peer.joining_since = time.now();
  joining.insert(id);
}

void InSyncSet::Impl::look_at(MemberId id, InSyncPeer& peer) {
  if (peer.confirmed >= log.end()) peer.progress = peer.caught_up = time.now();
  begin_joining(id, peer);
  if (!joining.contains(id)) return;
  const bool is_late = time.now() - peer.joining_since >= kJoinPatience;
  if (may_count(peer) && !is_late) return;
  joining.erase(id);
  if (is_late) peer.not_before = time.now() + kJoinPause;
}

std::set<MemberId> InSyncSet::Impl::wanted() const {
  std::set<MemberId> to;
  for (const MemberId id : members) {
    const auto peer = peers.find(id);
    if (peer != peers.end() && !must_leave(id, peer->second)) to.insert(id);
  }
  const std::int64_t enough =
      std::max(confirmed.load(std::memory_order_relaxed), coordinator.mastership().start);
  for (const MemberId id : joining) {
    const auto peer = peers.find(id);
    if (peer != peers.end() && peer->second.confirmed >= enough) to.insert(id);
  }
  return to;
}

void InSyncSet::Impl::consider() {
  if (asked || is_over || !is_started || !coordinator.is_master()) return;
  std::set<MemberId> to = wanted();
  if (to == members) return;
  for (const MemberId id : members) {
    const auto peer = peers.find(id);
    if (to.contains(id) || peer == peers.end()) continue;
    const char* reason = leave_reason(peer->second);
    log::warn("HA: {} leaves the in-sync set: {} (it has {}, confirmed is {})",
              member_text(id, peer->second), reason != nullptr ? reason : "its connection is gone",
              peer->second.confirmed, confirmed.load(std::memory_order_relaxed));
  }
  asked = to;
  tasks.spawn("in-sync set change", change(shared_from_this(), std::move(to)));
}

asio::awaitable<void> InSyncSet::Impl::change(std::shared_ptr<Impl> impl, std::set<MemberId> to) {
  const SetChange outcome =
      co_await impl->coordinator.change_set(sorted(impl->members), sorted(to));
  if (outcome == SetChange::granted) {
    impl->install(std::move(to));
  } else {
    // Refused: the coordinator's set is another than we think. Unknown: either may count until the
    // coordinator says which (R3).
    const std::vector<MemberId> counts = co_await impl->coordinator.settle();
    impl->install(std::set<MemberId>(counts.begin(), counts.end()));
  }
}

void InSyncSet::Impl::install(std::set<MemberId> now_counts) {
  for (const MemberId id : now_counts) {
    if (members.contains(id)) continue;
    ++counters.set_joins;
    const auto peer = peers.find(id);
    if (peer == peers.end()) continue;
    peer->second.progress = time.now();
    log::info("HA: {} joins the in-sync set at {}", member_text(id, peer->second),
              peer->second.confirmed);
  }
  for (const MemberId id : members) {
    const auto peer = peers.find(id);
    if (peer == peers.end() || now_counts.contains(id)) continue;
    peer->second.was_silent = true;
    if (id < 0 || left_at.size() >= kMostRemembered) continue;
    std::int64_t& left = left_at.try_emplace(id, peer->second.confirmed).first->second;
    left = std::max(left, peer->second.confirmed);
  }
  for (const MemberId id : members) counters.set_leaves += now_counts.contains(id) ? 0u : 1u;
  members = std::move(now_counts);
  asked.reset();
  for (const MemberId id : members) joining.erase(id);
  std::erase_if(peers, [this](const auto& entry) {
    return !entry.second.is_live() && !members.contains(entry.first);
  });
  note_size();
  advance();
  advance_metadata();
  consider();
}

void InSyncSet::Impl::sweep() {
  for (auto& [id, peer] : peers) look_at(id, peer);
  consider();
  advance();
}

// --- Background ---

asio::awaitable<void> InSyncSet::Impl::watch_own_end(std::shared_ptr<Impl> impl) {
  std::int64_t seen = -1;
  while (co_await impl->log.wait_for_durable_beyond(seen)) {
    seen = impl->log.durable_end();
    impl->advance();
  }
}

asio::awaitable<void> InSyncSet::Impl::sweep_often(std::shared_ptr<Impl> impl) {
  Timer timer(impl->executor, impl->time);
  while (co_await timer.wait_for(kSweepPeriod)) impl->sweep();
}

InSyncPeer* InSyncSet::Impl::peer_of(std::uint64_t connection) {
  for (auto& [id, peer] : peers) {
    if (connection != 0 && peer.connection == connection) return &peer;
  }
  return nullptr;
}

}  // namespace comet::inline v0_1::replication
