#include "comet/replication/in_sync_set.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "comet/base/log.hpp"
#include "comet/base/run_on.hpp"
#include "in_sync_impl.hpp"

namespace comet::inline v0_1::replication {

InSyncSet::InSyncSet(asio::any_io_executor executor, TimeSource& time, InSyncConfig config,
                     ReplicaLog& log, Coordinator& coordinator, History& history)
    : impl_(std::make_shared<Impl>(std::move(executor), time, config, log, coordinator, history)) {}

InSyncSet::~InSyncSet() = default;

void InSyncSet::start() {
  Impl& impl = *impl_;
  if (impl.config.in_sync_replicas <= 1) {
    log::warn(
        "HA: inSyncReplicas=1: with no slave in sync a send that waits for one is answered OK with "
        "this broker's copy alone");
  }
  impl.is_started = true;
  for (const MemberId id : impl.coordinator.members()) {
    impl.members.insert(id);
    impl.peers[id].gone = impl.time.now();  // to come, or to leave
  }
  impl.size.store(1 + static_cast<int>(impl.members.size()), std::memory_order_release);
  impl.was_enough = impl.has_enough();
  // Strict readers see what was confirmed when this broker last knew; others may have seen all.
  impl.readers_floor =
      impl.config.read_confirmed_only ? impl.history.confirmed() : impl.log.durable_end();
  impl.advance();
  impl.tasks.spawn("in-sync set: own end", Impl::watch_own_end(impl_));
  impl.tasks.spawn("in-sync set: sweep", Impl::sweep_often(impl_));
}

asio::awaitable<void> InSyncSet::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  impl->is_over = true;
  Impl::release_all(impl->waits, Confirmation::flush_slave_timeout);
  Impl::release_all(impl->metadata_waits, Confirmation::flush_slave_timeout);
  impl->tasks.cancel();
  co_await impl->tasks.join();
}

std::optional<Confirmation> InSyncSet::Impl::answer_now(bool for_metadata,
                                                        std::int64_t what) const {
  // What was confirmed stays confirmed, whatever the set is now.
  if (!for_metadata && what <= confirmed.load(std::memory_order_relaxed)) {
    return Confirmation::put_ok;
  }
  if (is_over) return Confirmation::flush_slave_timeout;
  if (!has_enough()) return Confirmation::slave_not_available;
  if (for_metadata && what <= metadata_reach()) return Confirmation::put_ok;
  return std::nullopt;
}

asio::awaitable<Confirmation> InSyncSet::Impl::wait(std::shared_ptr<Impl> impl, bool for_metadata,
                                                    std::int64_t what, Instant deadline) {
  impl->advance();  // another master may have been heard of since
  std::optional<Confirmation> result = impl->answer_now(for_metadata, what);
  if (!result) {
    struct Registration {
      Registration(InSyncWaits& waits_in, std::int64_t what_in, InSyncWait& wait)
          : waits(waits_in), what(what_in), self(wait) {
        waits.emplace(what, &wait);
      }
      ~Registration() {
        auto [at, end] = waits.equal_range(what);
        while (at != end && at->second != &self) ++at;
        if (at != end) waits.erase(at);
      }
      Registration(const Registration&) = delete;
      Registration& operator=(const Registration&) = delete;
      InSyncWaits& waits;
      std::int64_t what;
      InSyncWait& self;
    };
    InSyncWait wait(impl->executor, impl->time);
    const Registration registration(for_metadata ? impl->metadata_waits : impl->waits, what, wait);
    const bool is_late = co_await wait.timer.wait_until(deadline);
    result = is_late ? Confirmation::flush_slave_timeout : wait.result;
  }
  impl->count(*result);
  co_return *result;
}

void InSyncSet::Impl::count(Confirmation result) {
  switch (result) {
    case Confirmation::put_ok:
      ++counters.put_ok;
      break;
    case Confirmation::slave_not_available:
      ++counters.slave_not_available;
      break;
    case Confirmation::flush_slave_timeout:
      ++counters.flush_slave_timeout;
      break;
  }
}

asio::awaitable<Confirmation> InSyncSet::wait_confirmed(std::int64_t end, Instant deadline) {
  return run_on(impl_->executor, Impl::wait(impl_, false, end, deadline));
}

asio::awaitable<Confirmation> InSyncSet::wait_metadata_confirmed(std::int64_t version,
                                                                 Instant deadline) {
  return run_on(impl_->executor, Impl::wait(impl_, true, version, deadline));
}

bool InSyncSet::may_store() const noexcept {
  return impl_->config.min_in_sync_replicas <= 1 || size() >= impl_->config.min_in_sync_replicas;
}

std::int64_t InSyncSet::confirmed() const noexcept {
  return impl_->confirmed.load(std::memory_order_acquire);
}

std::int64_t InSyncSet::readable() const noexcept { return impl_->readers_limit; }

int InSyncSet::size() const noexcept { return impl_->size.load(std::memory_order_acquire); }

std::vector<MemberId> InSyncSet::members() const {
  return {impl_->members.begin(), impl_->members.end()};
}

void InSyncSet::deposed() { impl_->advance(); }

std::uint64_t InSyncSet::connected(MemberId id, Replica replica) {
  Impl& impl = *impl_;
  if (id == 0) id = --impl.last_unnamed;
  InSyncPeer& peer = impl.peers[id];
  peer.info = std::move(replica);
  peer.connection = ++impl.last_connection;
  peer.state = PeerState::handshake;
  peer.confirmed = -1;
  peer.was_silent = false;
  peer.progress = peer.caught_up = impl.time.now();
  return peer.connection;
}

bool InSyncSet::confirmed_by(std::uint64_t connection, std::int64_t end,
                             std::int64_t metadata_version) {
  Impl& impl = *impl_;
  InSyncPeer* peer = impl.peer_of(connection);
  if (peer == nullptr || end < 0 || end > impl.log.end()) return false;
  if (end > peer->confirmed || end >= impl.log.end()) {
    peer->progress = impl.time.now();
    peer->was_silent = false;
  }
  peer->confirmed = end;
  peer->metadata = metadata_version;
  for (auto& [id, other] : impl.peers) {
    if (&other == peer) impl.look_at(id, other);
  }
  impl.consider();
  impl.advance();
  if (!impl.metadata_waits.empty()) impl.advance_metadata();
  return true;
}

void InSyncSet::set_state(std::uint64_t connection, PeerState state) {
  if (InSyncPeer* peer = impl_->peer_of(connection)) peer->state = state;
}

void InSyncSet::set_sent(std::uint64_t connection, std::int64_t next) {
  InSyncPeer* peer = impl_->peer_of(connection);
  if (peer == nullptr) return;
  peer->rate.add(next - peer->sent, impl_->time.now());
  if (next > peer->sent)
    impl_->counters.bytes_sent += static_cast<std::uint64_t>(next - peer->sent);
  peer->sent = next;
}

void InSyncSet::disconnected(std::uint64_t connection) {
  Impl& impl = *impl_;
  for (auto entry = impl.peers.begin(); entry != impl.peers.end(); ++entry) {
    auto& [id, peer] = *entry;
    if (connection == 0 || peer.connection != connection) continue;
    peer.connection = 0;
    peer.gone = impl.time.now();
    impl.joining.erase(id);
    const bool is_asked = impl.asked && impl.asked->contains(id);
    if (!impl.members.contains(id) && !is_asked) impl.peers.erase(entry);
    break;
  }
  impl.consider();
  impl.advance();
}

MasterStatus InSyncSet::status() const {
  Impl& impl = *impl_;
  MasterStatus status;
  status.epoch = impl.coordinator.mastership().epoch;
  status.is_master = impl.coordinator.is_master();
  status.log_end = impl.log.end();
  status.confirmed = confirmed();
  status.in_sync = size();
  status.in_sync_wanted = impl.config.in_sync_replicas;
  for (auto& [id, peer] : impl.peers) {
    if (!peer.is_live()) continue;
    ReplicaStatus replica;
    replica.address = peer.info.address;
    replica.name = peer.info.name;
    replica.member = id;
    replica.wire = peer.info.wire;
    replica.state = peer.state;
    replica.in_sync = impl.members.contains(id);
    replica.flushed = peer.info.flushed;
    replica.confirmed = peer.confirmed;
    replica.sent = peer.sent;
    replica.lag_bytes =
        std::max<std::int64_t>(0, status.log_end - std::max<std::int64_t>(0, peer.confirmed));
    if (replica.lag_bytes > 0) replica.lag_time = impl.time.now() - peer.caught_up;
    replica.bytes_per_second = peer.rate.per_second(impl.time.now());
    replica.metadata_version = peer.metadata;
    status.replicas.push_back(std::move(replica));
  }
  return status;
}

const ReplicationCounters& InSyncSet::counters() const { return impl_->counters; }
ReplicationCounters& InSyncSet::counters() { return impl_->counters; }

}  // namespace comet::inline v0_1::replication
