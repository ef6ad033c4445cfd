// A replica on Apache's wire, at its master (Apache: DefaultHAConnection).

#include <fmt/format.h>

#include "apache_wire.hpp"
#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "service_core.hpp"

namespace comet::inline v0_1::replication {
namespace {

class ApacheSession final : public ReplicaSession {
 public:
  ApacheSession(std::shared_ptr<ServiceCore> core, std::shared_ptr<PeerConnection> connection,
                std::int64_t first)
      : core_(std::move(core)),
        connection_(std::move(connection)),
        first_(first),
        next_(first),
        helpers_(core_->executor, core_->time) {}

  static asio::awaitable<void> run(std::shared_ptr<ApacheSession> self);

  std::int64_t member() const override { return 0; }
  std::int64_t next_byte() const override { return state_ == PeerState::transfer ? next_ : -1; }
  PeerConnection& connection() override { return *connection_; }

 private:
  bool judge_first();
  void refuse(PeerState state, const std::string& why);
  void take_report(std::int64_t end);
  static asio::awaitable<void> send_frames(std::shared_ptr<ApacheSession> self);
  asio::awaitable<bool> send_heartbeat();
  asio::awaitable<bool> send_piece();

  const std::shared_ptr<ServiceCore> core_;
  const std::shared_ptr<PeerConnection> connection_;
  const std::int64_t first_;
  std::int64_t next_;  // the next byte to send
  PeerState state_ = PeerState::transfer;
  std::uint64_t token_ = 0;
  bool has_complained_ = false;
  Instant last_sent_{};
  TaskGroup helpers_;
};

// Whether this replica's log can be ours, as far as a number says.
bool ApacheSession::judge_first() {
  const ReplicaLog& log = core_->parts.log;
  if (const error_code error = core_->parts.history.note_replica(0, "")) {
    refuse(PeerState::failed, "this master cannot write who its replicas are: " + error.message());
    return false;
  }
  const std::string host = connection_->remote_host();
  if (first_ == 0) {
    core_->strangers.erase(host);
    next_ = core_->config.sync_from_last_file ? log.newest_file_begin() : log.begin();
    return true;
  }
  const auto stranger = core_->strangers.find(host);
  if (first_ > log.end()) {
    core_->strangers.try_emplace(host, log.end());
    refuse(PeerState::ahead,
           fmt::format("its log ends at {}, behind this master's end {}", first_, log.end()));
  } else if (stranger != core_->strangers.end() && first_ > stranger->second) {
    refuse(
        PeerState::ahead,
        fmt::format("its log ends at {}; when it was here before, this master's ended at {}: what "
                    "it has behind that is not from here",
                    first_, stranger->second));
  } else if (first_ < log.begin()) {
    refuse(PeerState::below_begin,
           fmt::format("its log ends at {}, this master's first byte is {}: the files between are "
                       "deleted, it needs a full copy",
                       first_, log.begin()));
  }
  return state_ == PeerState::transfer;
}

// Nothing is copied and nothing counts. The connection stays, with heartbeats that change nothing:
// a Java replica whose connection is closed comes back at once, for ever.
void ApacheSession::refuse(PeerState state, const std::string& why) {
  state_ = state;
  core_->count_refusal(state);
  log::error("HA: the replica at {} gets nothing and counts for nothing: {}", connection_->remote(),
             why);
}

void ApacheSession::take_report(std::int64_t end) {
  if (state_ != PeerState::transfer) return;
  // It cannot have what it was not sent.
  if (end >= 0 && end <= next_ && core_->parts.set.confirmed_by(token_, end, 0)) return;
  if (has_complained_) return;
  has_complained_ = true;
  log::error("HA: the replica at {} reports {}, it was sent up to {}: such reports have no effect",
             connection_->remote(), end, next_);
}

asio::awaitable<void> ApacheSession::run(std::shared_ptr<ApacheSession> self) {
  ServiceCore& core = *self->core_;
  InSyncSet& set = core.parts.set;
  const SessionEntry entry(core, self.get());
  InSyncSet::Replica replica;
  replica.address = self->connection_->remote();
  replica.wire = Wire::apache;
  self->token_ = set.connected(0, std::move(replica));
  const bool is_good = self->judge_first();
  set.set_state(self->token_, self->state_);
  if (is_good) {
    log::warn(
        "HA: the replica at {} speaks Apache's wire and continues at {}: it reports what it has "
        "copied, not what it has flushed{}",
        self->connection_->remote(), self->next_,
        core.parts.coordinator.admits_unnamed() ? "" : "; it is no member of the in-sync set");
    set.set_sent(self->token_, self->next_);
    self->take_report(self->first_);
  }
  self->helpers_.spawn("HA frames", send_frames(self));
  ReportReader reports;
  while (co_await self->connection_->fill()) {
    const std::optional<std::int64_t> report = reports.take(self->connection_->received());
    self->connection_->consume(self->connection_->received().size());
    if (report) self->take_report(*report);
  }
  self->helpers_.cancel();
  set.disconnected(self->token_);
  co_await self->helpers_.join();
}

asio::awaitable<bool> ApacheSession::send_heartbeat() {
  const auto head = encode_frame_head(next_, 0);
  last_sent_ = core_->time.now();
  co_return co_await connection_->send(std::string(head.data(), head.size()));
}

asio::awaitable<bool> ApacheSession::send_piece() {
  const ReplicaLog& log = core_->parts.log;
  if (next_ < log.begin()) {
    connection_->end(
        PeerState::below_begin,
        fmt::format("it is at {}, and the files up to {} are deleted", next_, log.begin()));
    co_return false;
  }
  const Result<Body> body = log.read(next_, core_->config.transfer_batch);
  if (!body || body->empty()) {
    connection_->end(PeerState::failed, fmt::format("the log cannot be read at {}: {}", next_,
                                                    body ? "no bytes" : body.error().message()));
    co_return false;
  }
  const auto size = static_cast<std::int32_t>(body->size());
  const auto head = encode_frame_head(next_, size);
  last_sent_ = core_->time.now();
  next_ += size;  // in front of the wait: the report may be quicker
  core_->parts.set.set_sent(token_, next_);
  co_return co_await connection_->send(std::string_view(head.data(), head.size()), *body);
}

asio::awaitable<void> ApacheSession::send_frames(std::shared_ptr<ApacheSession> self) {
  ServiceCore& core = *self->core_;
  self->last_sent_ = core.time.now();
  bool is_alive = true;
  while (is_alive) {
    const Instant due = self->last_sent_ + core.config.heartbeat;
    if (self->state_ == PeerState::transfer && self->next_ < core.parts.log.end()) {
      is_alive = co_await self->send_piece();
    } else if (core.time.now() >= due) {
      is_alive = co_await self->send_heartbeat();
    } else if (core.growth.is_over()) {
      self->connection_->end(PeerState::connecting, "the store has closed");
      is_alive = false;
    } else {
      (void)co_await core.growth.wait(due);
    }
  }
}

}  // namespace

asio::awaitable<void> serve_apache(std::shared_ptr<ServiceCore> core,
                                   std::shared_ptr<PeerConnection> connection,
                                   std::int64_t first_report) {
  if (first_report < 0 || first_report > kMaxSaneReport) {
    const auto bytes = encode_report(first_report);
    core->count_refusal(PeerState::bad_bytes);
    connection->end(PeerState::bad_bytes,
                    "no replica speaks like that: \"" +
                        printable(std::string_view(bytes.data(), bytes.size())) + "\"");
    co_return;
  }
  if (!core->config.secret.empty()) {
    core->count_refusal(PeerState::wrong_secret);
    connection->end(PeerState::wrong_secret,
                    "it speaks Apache's wire, which knows no secret, and haSecret is set");
    co_return;
  }
  auto session =
      std::make_shared<ApacheSession>(std::move(core), std::move(connection), first_report);
  co_await ApacheSession::run(std::move(session));
}

}  // namespace comet::inline v0_1::replication
