// A CometMQ replica at its master: the handshake, then frames and confirmations.

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "comet_messages.hpp"
#include "service_core.hpp"

namespace comet::inline v0_1::replication {
namespace {

constexpr Duration kHelloPatience = std::chrono::seconds(10);
constexpr Duration kCutPatience = std::chrono::minutes(10);  // a replica that cuts says nothing
constexpr Duration kCometHeartbeat = std::chrono::seconds(1);
// What was sent is confirmed soon: then the replica is told so, if no data tells it before.
constexpr Duration kConfirmedNews = std::chrono::milliseconds(50);
constexpr std::int64_t kCometBatch = 256 << 10;

class CometSession final : public ReplicaSession {
 public:
  CometSession(std::shared_ptr<ServiceCore> core, std::shared_ptr<PeerConnection> connection)
      : core_(std::move(core)),
        connection_(std::move(connection)),
        epoch_(core_->parts.coordinator.mastership().epoch),
        helpers_(core_->executor, core_->time) {}

  static asio::awaitable<void> run(std::shared_ptr<CometSession> self);

  std::int64_t member() const override { return hello_.id; }
  std::int64_t next_byte() const override { return next_; }
  PeerConnection& connection() override { return *connection_; }

 private:
  asio::awaitable<bool> shake_hands();
  asio::awaitable<bool> judge(const Challenge& challenge);
  Ending judge_name(const Challenge& challenge) const;
  Ending judge_log(const Splice& splice) const;
  Ending note_it();
  Welcome make_welcome(const Splice& splice, const Challenge& challenge) const;
  asio::awaitable<bool> refuse(Ending why);
  asio::awaitable<bool> take_start(std::int64_t expected);
  bool take_message(const MessageView& message);
  bool take_confirm(const Confirm& confirm);

  static asio::awaitable<void> send_all(std::shared_ptr<CometSession> self);
  asio::awaitable<bool> send_piece(std::int64_t limit);
  asio::awaitable<bool> send_item();
  asio::awaitable<bool> send_heartbeat();
  [[nodiscard]] bool has_new_metadata() const;
  asio::awaitable<void> fetch_metadata();
  [[nodiscard]] std::int64_t sendable() const;
  [[nodiscard]] Instant next_heartbeat() const;
  [[nodiscard]] Data data_at(std::int64_t offset) const;

  const std::shared_ptr<ServiceCore> core_;
  const std::shared_ptr<PeerConnection> connection_;
  const std::int64_t epoch_;
  Hello hello_;
  std::string name_;
  std::int64_t next_ = -1;  // the next byte to send; -1: not yet
  std::uint64_t token_ = 0;
  std::int64_t told_confirmed_ = 0;
  std::int64_t metadata_fetched_ = 0;
  std::deque<MetadataItem> items_;  // to be sent, each in front of the log behind its log_end
  Instant last_sent_{};
  TaskGroup helpers_;
};

asio::awaitable<void> CometSession::run(std::shared_ptr<CometSession> self) {
  ServiceCore& core = *self->core_;
  const SessionEntry entry(core, self.get());
  if (!co_await self->shake_hands()) co_return;
  core.replace(self->hello_.id, self.get());
  InSyncSet& set = core.parts.set;
  InSyncSet::Replica replica;
  replica.address = self->connection_->remote();
  replica.name = self->name_;
  replica.wire = Wire::comet;
  replica.flushed = true;
  self->token_ = set.connected(self->hello_.id, std::move(replica));
  set.set_state(self->token_, PeerState::transfer);
  set.set_sent(self->token_, self->next_);
  set.confirmed_by(self->token_, self->hello_.durable_end, self->hello_.metadata_version);
  log::info("HA: replica {} at {} continues at {} in epoch {}", self->name_,
            self->connection_->remote(), self->next_, self->epoch_);
  self->connection_->set_patience(core.config.housekeeping);
  self->helpers_.spawn("HA frames", send_all(self));
  for (;;) {
    const std::optional<MessageView> message =
        co_await next_message(*self->connection_, kMaxHandshake);
    if (!message || !self->take_message(*message)) break;
    self->connection_->consume(message->size);
  }
  self->helpers_.cancel();
  set.disconnected(self->token_);
  co_await self->helpers_.join();
}

// --- Handshake ---

asio::awaitable<bool> CometSession::shake_hands() {
  connection_->set_patience(kHelloPatience);
  Challenge challenge;
  challenge.needs_secret = !core_->config.secret.empty();
  challenge.nonce = random_nonce();
  std::string greeting(kMasterMagic);
  greeting += encode(challenge);
  if (!co_await connection_->send(std::move(greeting))) co_return false;
  const std::optional<MessageView> message = co_await next_message(*connection_, kMaxHandshake);
  if (!message) co_return false;
  Result<Hello> hello = decode_hello(message->body);
  if (message->type != MessageType::hello || !hello) {
    connection_->end(PeerState::bad_bytes, "its hello cannot be read");
    co_return false;
  }
  connection_->consume(message->size);
  hello_ = *std::move(hello);
  name_ = fmt::format("{}#{}", printable(hello_.broker_name), hello_.id);
  co_return co_await judge(challenge);
}

asio::awaitable<bool> CometSession::judge(const Challenge& challenge) {
  HaServiceParts& parts = core_->parts;
  Ending problem = judge_name(challenge);
  const bool is_of_this_log = hello_.log_id == parts.history.log_id();
  if (problem.text.empty() && is_of_this_log && hello_.promised > epoch_) {
    core_->heard_epoch(hello_.promised, name_);
  }
  if (problem.text.empty() && (hello_.promised > epoch_ || !parts.coordinator.is_master())) {
    problem = Ending(
        PeerState::deposed,
        fmt::format("it has promised epoch {}, this master is in epoch {}{}", hello_.promised,
                    epoch_, parts.coordinator.is_master() ? "" : " and no longer the master"));
  }
  const LogEnds replica(hello_.epochs, hello_.begin, hello_.end);
  const LogEnds master(parts.history.epochs(), parts.log.begin(), parts.log.end());
  const Splice splice = find_splice(replica, master);
  if (problem.text.empty()) problem = judge_log(splice);
  if (problem.text.empty()) problem = note_it();
  if (!problem.text.empty()) {
    co_return co_await refuse(std::move(problem));
  }
  const Welcome welcome = make_welcome(splice, challenge);
  if (!co_await connection_->send(encode(welcome))) co_return false;
  connection_->set_patience(kCutPatience);
  co_return co_await take_start(welcome.start);
}

Ending CometSession::judge_name(const Challenge& challenge) const {
  const HaServiceConfig& config = core_->config;
  if (hello_.version != kCometVersion) {
    return {PeerState::bad_bytes,
            fmt::format("it speaks version {} of the handshake, this master {}", hello_.version,
                        kCometVersion)};
  }
  if (!same_proof(prove(hello_, challenge, config.secret),
                  config.secret.empty() ? "" : hello_.proof)) {
    return {PeerState::wrong_secret, "its haSecret is not this master's"};
  }
  if (hello_.cluster != config.self.cluster || hello_.broker_name != config.self.broker_name) {
    return {
        PeerState::wrong_name,
        fmt::format("it belongs to {}/{}, this master to {}/{}", printable(hello_.cluster),
                    printable(hello_.broker_name), config.self.cluster, config.self.broker_name)};
  }
  if (hello_.id < 1 || hello_.id == config.self.id) {
    return {PeerState::wrong_name, fmt::format("its brokerId {} is not a replica's", hello_.id)};
  }
  return {};
}

Ending CometSession::judge_log(const Splice& splice) const {
  const HaServiceParts& parts = core_->parts;
  if (hello_.file_size != parts.log.file_size()) {
    return {PeerState::other_file_size,
            fmt::format("its mappedFileSizeCommitLog is {}, this master's {}", hello_.file_size,
                        parts.log.file_size())};
  }
  const bool is_empty = hello_.begin == hello_.end;
  if (!is_empty && !hello_.log_id.empty() && hello_.log_id != parts.history.log_id()) {
    return {PeerState::wrong_log,
            fmt::format("its log, up to {}, is {}, this master's, up to {}, {}", hello_.end,
                        printable(hello_.log_id), parts.log.end(), parts.history.log_id())};
  }
  if (splice.kind == Splice::Kind::below) {
    return {PeerState::below_begin,
            fmt::format("its log ends at {}, this master's first byte is {}: the files between are "
                        "deleted, it needs a full copy",
                        hello_.end, parts.log.begin())};
  }
  if (splice.kind == Splice::Kind::diverged) {
    const bool is_ahead = hello_.end > parts.log.end();
    return {
        is_ahead ? PeerState::ahead : PeerState::diverged,
        fmt::format("its log ends at {}, this master's at {}, and no common mastership wrote what "
                    "lies behind {}",
                    hello_.end, parts.log.end(), splice.offset)};
  }
  return {};
}

// Before it hears of this mastership.
Ending CometSession::note_it() {
  const error_code error = core_->parts.history.note_replica(hello_.id, hello_.address);
  if (!error) return {};
  return {PeerState::failed, "this master cannot write who its replicas are: " + error.message()};
}

Welcome CometSession::make_welcome(const Splice& splice, const Challenge& challenge) const {
  const HaServiceParts& parts = core_->parts;
  Welcome welcome;
  welcome.epoch = epoch_;
  welcome.log_id = parts.history.log_id();
  welcome.epochs = parts.history.epochs();
  welcome.file_size = parts.log.file_size();
  welcome.begin = parts.log.begin();
  welcome.end = parts.log.end();
  welcome.confirmed = parts.set.confirmed();
  welcome.splice = splice.offset;
  welcome.record = parts.log.record_before(splice.offset);
  welcome.start = splice.offset;
  if (hello_.begin == hello_.end) {  // empty
    welcome.start =
        core_->config.sync_from_last_file ? parts.log.newest_file_begin() : parts.log.begin();
  }
  welcome.proof = prove(welcome, hello_, challenge, core_->config.secret);
  return welcome;
}

asio::awaitable<bool> CometSession::refuse(Ending why) {
  core_->count_refusal(why.state);
  RefusalMessage message;
  message.reason = why.state;
  message.epoch = core_->parts.history.promised();
  message.text = "the master says of this replica: " + why.text;
  (void)co_await connection_->send(encode(message));
  connection_->end(why.state, fmt::format("replica {} is refused: {}", name_, why.text));
  co_return false;
}

// The replica has compared, cut if it had to, and promised; or it refuses.
asio::awaitable<bool> CometSession::take_start(std::int64_t expected) {
  const std::optional<MessageView> message = co_await next_message(*connection_, kMaxHandshake);
  if (!message) co_return false;
  if (message->type == MessageType::refusal) co_return take_message(*message);
  const Result<Start> start = decode_start(message->body);
  const bool is_good = message->type == MessageType::start && start && start->epoch == epoch_ &&
                       start->offset == expected && start->durable_end <= start->offset;
  if (!is_good) {
    connection_->end(PeerState::bad_bytes,
                     fmt::format("replica {} does not start at {} as agreed", name_, expected));
    co_return false;
  }
  connection_->consume(message->size);
  next_ = start->offset;
  hello_.durable_end = start->durable_end;
  hello_.metadata_version = start->metadata_version;
  metadata_fetched_ = start->metadata_version;
  co_return true;
}

// --- What the replica says ---

bool CometSession::take_message(const MessageView& message) {
  if (message.type == MessageType::confirm) {
    const Result<Confirm> confirm = decode_confirm(message.body);
    if (confirm) return take_confirm(*confirm);
  }
  if (message.type == MessageType::refusal) {
    const Result<RefusalMessage> refusal = decode_refusal(message.body);
    if (refusal) {
      if (refusal->epoch > epoch_) core_->heard_epoch(refusal->epoch, name_);
      core_->count_refusal(refusal->reason);
      connection_->end(refusal->reason, fmt::format("replica {} does not follow: {}", name_,
                                                    printable(refusal->text, 1024)));
      return false;
    }
  }
  connection_->end(PeerState::bad_bytes, fmt::format("replica {} sent what cannot be read", name_));
  return false;
}

bool CometSession::take_confirm(const Confirm& confirm) {
  if (confirm.epoch != epoch_) {
    if (confirm.epoch > epoch_) core_->heard_epoch(confirm.epoch, name_);
    connection_->end(PeerState::deposed,
                     fmt::format("replica {} confirms epoch {}, this master is in {}", name_,
                                 confirm.epoch, epoch_));
    return false;
  }
  const bool counts =
      confirm.durable_end <= next_ &&
      core_->parts.set.confirmed_by(token_, confirm.durable_end, confirm.metadata_version);
  if (!counts) {
    connection_->end(PeerState::ahead, fmt::format("replica {} confirms {}, it was sent up to {}",
                                                   name_, confirm.durable_end, next_));
  }
  return counts;
}

// --- What it is sent ---

bool CometSession::has_new_metadata() const {
  const MetadataSource* source = core_->parts.metadata;
  return source != nullptr && source->version() != metadata_fetched_;
}

asio::awaitable<void> CometSession::fetch_metadata() {
  const std::int64_t version = core_->parts.metadata->version();
  std::vector<MetadataItem> items = co_await core_->parts.metadata->since(metadata_fetched_);
  for (MetadataItem& item : items) items_.push_back(std::move(item));
  metadata_fetched_ = version;
}

// The log may go so far before the next item has to.
std::int64_t CometSession::sendable() const {
  const std::int64_t end = core_->parts.log.end();
  return items_.empty() ? end : std::min(end, items_.front().log_end);
}

Data CometSession::data_at(std::int64_t offset) const {
  Data data;
  data.epoch = epoch_;
  data.offset = offset;
  data.confirmed = core_->parts.set.confirmed();
  data.readable = core_->parts.set.readable();
  data.master_end = core_->parts.log.end();
  return data;
}

asio::awaitable<bool> CometSession::send_piece(std::int64_t limit) {
  const ReplicaLog& log = core_->parts.log;
  if (next_ < log.begin()) {
    connection_->end(PeerState::below_begin,
                     fmt::format("replica {} is at {}, and the files up to {} are deleted", name_,
                                 next_, log.begin()));
    co_return false;
  }
  const Result<Body> body = log.read(next_, std::min(kCometBatch, limit - next_));
  if (!body || body->empty()) {
    connection_->end(PeerState::failed, fmt::format("the log cannot be read at {}: {}", next_,
                                                    body ? "no bytes" : body.error().message()));
    co_return false;
  }
  // The checksum reads the bytes, which must not be done to a file's pages.
  const bool is_one_piece = body->pages() == nullptr && body->pieces() == 1;
  const std::string copy = is_one_piece ? std::string() : body->to_string();
  Data data = data_at(next_);
  data.bytes = is_one_piece ? body->view() : std::string_view(copy);
  const std::string head = encode_data_head(data);
  const asio::const_buffer buffers[] = {asio::const_buffer(head.data(), head.size()),
                                        asio::const_buffer(data.bytes.data(), data.bytes.size())};
  next_ += static_cast<std::int64_t>(data.bytes.size());  // the confirmation may be quicker
  core_->parts.set.set_sent(token_, next_);
  told_confirmed_ = data.confirmed;
  last_sent_ = core_->time.now();
  co_return co_await connection_->send(std::span<const asio::const_buffer>(buffers));
}

asio::awaitable<bool> CometSession::send_item() {
  const std::string message = encode(epoch_, items_.front());
  items_.pop_front();
  last_sent_ = core_->time.now();
  co_return co_await connection_->send(message);
}

asio::awaitable<bool> CometSession::send_heartbeat() {
  const Data data = data_at(next_);
  told_confirmed_ = data.confirmed;
  last_sent_ = core_->time.now();
  co_return co_await connection_->send(encode_data_head(data));
}

Instant CometSession::next_heartbeat() const {
  return last_sent_ + (told_confirmed_ < next_ ? kConfirmedNews : kCometHeartbeat);
}

asio::awaitable<void> CometSession::send_all(std::shared_ptr<CometSession> self) {
  ServiceCore& core = *self->core_;
  self->last_sent_ = core.time.now();
  if (self->has_new_metadata()) co_await self->fetch_metadata();
  // What is new to the replica at the start comes first, whatever the log.
  bool is_alive = true;
  while (is_alive && !self->items_.empty()) is_alive = co_await self->send_item();
  while (is_alive) {
    if (self->has_new_metadata()) co_await self->fetch_metadata();
    const std::int64_t limit = self->sendable();
    const bool has_news = self->told_confirmed_ < core.parts.set.confirmed();
    const Instant now = core.time.now();
    if (self->next_ < limit) {
      is_alive = co_await self->send_piece(limit);
    } else if (!self->items_.empty() && self->items_.front().log_end <= self->next_) {
      is_alive = co_await self->send_item();
    } else if (now >= self->last_sent_ + kCometHeartbeat ||
               (has_news && now >= self->last_sent_ + kConfirmedNews)) {
      is_alive = co_await self->send_heartbeat();
    } else if (core.growth.is_over()) {
      self->connection_->end(PeerState::connecting, "the store has closed");
      is_alive = false;
    } else {
      Instant due = self->next_heartbeat();
      if (due <= now) due = std::min(now + kConfirmedNews, self->last_sent_ + kCometHeartbeat);
      (void)co_await core.growth.wait(due);
    }
  }
}

}  // namespace

asio::awaitable<void> serve_comet(std::shared_ptr<ServiceCore> core,
                                  std::shared_ptr<PeerConnection> connection) {
  auto session = std::make_shared<CometSession>(std::move(core), std::move(connection));
  co_await CometSession::run(std::move(session));
}

}  // namespace comet::inline v0_1::replication
