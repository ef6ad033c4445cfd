#include <fmt/format.h>

#include <utility>

#include "comet/base/log.hpp"
#include "comet/base/timer.hpp"
#include "replication/replication_side.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;
using replication::PeerState;

namespace {

// A slave that copies nothing for so long has a problem; one whose own disk or log takes nothing,
// sooner.
constexpr Duration kAloneTooLong = 60s;
constexpr Duration kFailedTooLong = 10s;
constexpr Duration kLookPeriod = 250ms;

}  // namespace

SlaveSide::SlaveSide(asio::any_io_executor home_in, Network& network_in, TimeSource& time_in,
                     const BrokerConfig& config_in, const ReplicatedTables& tables)
    : ReplicationSide(std::move(home_in), network_in, time_in, config_in, tables),
      tables_(tables, config.store.root),
      sink_(tables_),
      poll_(home, network, time, config.replication, tables_),
      alone_since_(time.now()),
      progress_(time.now()) {}

std::uint16_t SlaveSide::start(const replication::PeerName& self, std::uint16_t port,
                               TaskGroup& tasks) {
  replication::HaClientConfig client = config.replication.client;
  client.self = self;
  const auto master_end = [this] { return poll_.master_end(); };
  client_.emplace(home, network, time, client,
                  replication::HaClientParts(log, history, &sink_, master_end));
  client_->start();
  if (config.replication.master) client_->set_master(config.replication.master);
  tasks.spawn("a slave's readers", watch());
  tasks.spawn("the master's tables", poll_.run([this] { return is_on_apaches_wire(); }));
  return config.replication.listen_at && config.replication.listen_at->port() != 0
             ? config.replication.listen_at->port()
             : static_cast<std::uint16_t>(port + 1);
}

asio::awaitable<void> SlaveSide::stop() {
  if (client_) co_await client_->stop();
  co_await poll_.stop();
}

asio::awaitable<void> SlaveSide::watch() {
  Timer timer(home, time);
  while (co_await timer.wait_for(kLookPeriod)) {
    look();
    co_await tables_.raise_again();
  }
}

// A handshake alone is none: it may be followed by the same failure again and again.
void SlaveSide::note_progress() {
  const replication::FollowerStatus status = client_->status();
  if (status.state == PeerState::failed) failure_ = status.problem;
  const std::int64_t end = log.end();
  const bool has_all = status.state == PeerState::transfer && end >= status.master_end;
  if (status.state != PeerState::cutting && !has_all && end == last_end_) return;
  last_end_ = end;
  progress_ = time.now();
  failure_.clear();
}

// The master says how far readers see. When it is gone, what it has confirmed last may never have
// been said; then they see all that is here.
void SlaveSide::look() {
  note_progress();
  const PeerState state = client_->status().state;
  if (state == PeerState::transfer || state == PeerState::cutting) {
    alone_since_ = time.now();
    shows_all_ = false;
  } else if (!shows_all_ && !config.replication.in_sync.read_confirmed_only &&
             time.now() - alone_since_ >= config.replication.slave_timeout) {
    shows_all_ = true;
    log.set_read_limit(replication::kNoLimit);
  }
}

bool SlaveSide::is_on_apaches_wire() const {
  const replication::FollowerStatus status = client_->status();
  return status.wire == replication::Wire::apache && status.state == PeerState::transfer;
}

void SlaveSide::master_is(const std::optional<Address>& address,
                          const std::optional<Address>& ha_address) {
  if (address != poll_.master()) {
    log::info("the master is at {}, its HA port at {}", address ? address->to_string() : "nowhere",
              ha_address ? ha_address->to_string() : "nowhere");
  }
  poll_.set_master(address);
  if (!config.replication.master) client_->set_master(ha_address);
}

bool SlaveSide::looks_for_master() const {
  return client_ && client_->status().state != PeerState::transfer;
}

void SlaveSide::add_stats(ReplicationStats& stats) const {
  if (!client_) return;
  stats.follower = client_->status();
  stats.counters = client_->counters();
  stats.log_end = log.end();
  if (stats.follower.wire == replication::Wire::apache) {
    const Instant last = poll_.last_success();
    stats.follower.metadata_age = last == Instant{} ? time.now() - alone_since_ : time.now() - last;
  }
  const PeerState state = stats.follower.state;
  if (needs_operator(state)) {
    stats.problem =
        fmt::format("replication: {}: {}", replication::to_string(state), stats.follower.problem);
  } else if (const Duration still = time.now() - progress_;
             still > (failure_.empty() ? kAloneTooLong : kFailedTooLong)) {
    const std::string& why = failure_.empty() ? stats.follower.problem : failure_;
    stats.problem =
        fmt::format("replication: nothing has been copied for {} s: {}{}", to_millis(still) / 1000,
                    replication::to_string(state), why.empty() ? "" : ", " + why);
  } else if (stats.follower.master_end - stats.log_end > config.replication.lag_limit) {
    stats.problem = fmt::format(
        "replication: this slave is {} bytes behind its master, more than haSlaveFallbehindMax",
        stats.follower.master_end - stats.log_end);
  }
}

}  // namespace comet::inline v0_1::broker
