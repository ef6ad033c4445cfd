// A replica at a CometMQ master: compares, cuts if it has to, promises; then takes and confirms.

#include <fmt/format.h>

#include <algorithm>

#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "comet_messages.hpp"
#include "follower.hpp"

namespace comet::inline v0_1::replication {
namespace {

constexpr Duration kConfirmPeriod = std::chrono::seconds(1);

class CometFollow {
 public:
  CometFollow(std::shared_ptr<Follower> follower, std::shared_ptr<PeerConnection> connection)
      : follower_(std::move(follower)),
        connection_(std::move(connection)),
        helpers_(follower_->executor, follower_->time) {}

  static asio::awaitable<bool> run(std::shared_ptr<CometFollow> self);

 private:
  // Handshake. False: the connection has ended, or is not a CometMQ master's.
  asio::awaitable<bool> greet();
  asio::awaitable<std::optional<MessageView>> expect(MessageType type);
  asio::awaitable<bool> shake_hands();
  Hello make_hello(const Challenge& challenge) const;
  asio::awaitable<bool> accept(const Welcome& welcome, const Hello& hello);
  Ending judge(const Welcome& welcome, const Hello& hello, const Splice& splice) const;
  asio::awaitable<bool> cut(std::int64_t offset);
  asio::awaitable<bool> refuse(Ending why);

  asio::awaitable<bool> take(const MessageView& message);
  asio::awaitable<bool> take_data(const Data& data);
  asio::awaitable<bool> take_metadata(EpochMetadata metadata);
  bool check_epoch(std::int64_t epoch);
  bool take_refusal(const MessageView& message);
  static asio::awaitable<void> confirm(std::shared_ptr<CometFollow> self);
  [[nodiscard]] std::int64_t metadata_version() const;

  const std::shared_ptr<Follower> follower_;
  const std::shared_ptr<PeerConnection> connection_;
  bool is_comet_ = false;
  Challenge challenge_;
  std::int64_t epoch_ = 0;
  std::int64_t next_ = 0;  // the next byte that is expected
  TaskGroup helpers_;
};

std::int64_t CometFollow::metadata_version() const {
  return follower_->parts.metadata == nullptr ? 0 : follower_->parts.metadata->version();
}

asio::awaitable<bool> CometFollow::run(std::shared_ptr<CometFollow> self) {
  Follower& follower = *self->follower_;
  follower.status.state = PeerState::handshake;
  if (!co_await self->greet()) co_return self->is_comet_;
  follower.status.wire = Wire::comet;
  if (!co_await self->shake_hands()) co_return true;
  follower.status.state = PeerState::transfer;
  follower.status.problem.clear();
  self->connection_->set_patience(follower.config.housekeeping);
  log::info("HA: follows {} in epoch {} from {} on", self->connection_->remote(), self->epoch_,
            self->next_);
  self->helpers_.spawn("HA confirmations", confirm(self));
  for (;;) {
    const std::optional<MessageView> message =
        co_await next_message(*self->connection_, kMaxMessage);
    if (!message) break;
    follower.status.last_read_ms = self->connection_->last_read_ms();
    const bool is_alive = co_await self->take(*message);
    self->connection_->consume(message->size);
    if (!is_alive) break;
  }
  self->helpers_.cancel();
  co_await self->helpers_.join();
  co_return true;
}

// --- Handshake ---

// A Java master is silent for five seconds, and then sends a heartbeat at the "offset" of our
// magic.
asio::awaitable<bool> CometFollow::greet() {
  connection_->set_patience(follower_->config.probe_silence);
  std::string magic(kReplicaMagic);
  const bool is_sent = co_await connection_->send(std::move(magic));
  if (!is_sent) {
    is_comet_ = true;  // lost, which says nothing of what it speaks
    co_return false;
  }
  while (connection_->received().size() < kMasterMagic.size()) {
    if (!co_await connection_->fill()) {
      // Closed at once by a foreign master, or by a CometMQ one that has too many: try again so.
      is_comet_ = !connection_->has_received() && !connection_->was_silent();
      co_return false;
    }
  }
  if (!connection_->received().starts_with(kMasterMagic)) {
    connection_->end(PeerState::bad_bytes, "the master does not answer our handshake");
    co_return false;
  }
  connection_->consume(kMasterMagic.size());
  is_comet_ = true;
  co_return true;
}

// The next message, which is to be of that type. Nullopt: the connection has ended.
asio::awaitable<std::optional<MessageView>> CometFollow::expect(MessageType type) {
  const std::optional<MessageView> message = co_await next_message(*connection_, kMaxHandshake);
  if (!message) co_return std::nullopt;
  if (message->type == MessageType::refusal) {
    take_refusal(*message);
    co_return std::nullopt;
  }
  if (message->type != type) {
    connection_->end(PeerState::bad_bytes, "the master's handshake is out of order");
    co_return std::nullopt;
  }
  co_return message;
}

bool CometFollow::take_refusal(const MessageView& message) {
  const Result<RefusalMessage> refusal = decode_refusal(message.body);
  if (refusal) {
    connection_->end(refusal->reason, printable(refusal->text, 1024));
  } else {
    connection_->end(PeerState::bad_bytes, "the master's refusal cannot be read");
  }
  return false;
}

Hello CometFollow::make_hello(const Challenge& challenge) const {
  const HaClientConfig& config = follower_->config;
  const ReplicaLog& log = follower_->parts.log;
  const History& history = follower_->parts.history;
  Hello hello;
  hello.cluster = config.self.cluster;
  hello.broker_name = config.self.broker_name;
  hello.id = config.self.id;
  hello.address = config.self.address;
  hello.log_id = history.log_id();
  hello.promised = history.promised();
  hello.epochs = history.epochs();
  hello.epochs.cut(log.end());
  hello.file_size = log.file_size();
  hello.begin = log.begin();
  hello.end = log.end();
  hello.durable_end = log.durable_end();
  hello.metadata_version = metadata_version();
  hello.nonce = random_nonce();
  hello.proof = prove(hello, challenge, config.secret);
  return hello;
}

asio::awaitable<bool> CometFollow::shake_hands() {
  connection_->set_patience(follower_->config.housekeeping);
  std::optional<MessageView> message = co_await expect(MessageType::challenge);
  if (!message) co_return false;
  const Result<Challenge> challenge = decode_challenge(message->body);
  connection_->consume(message->size);
  if (!challenge || challenge->version != kCometVersion) {
    connection_->end(PeerState::bad_bytes, "the master speaks another version of the handshake");
    co_return false;
  }
  challenge_ = *challenge;
  const Hello hello = make_hello(challenge_);
  if (!co_await connection_->send(encode(hello))) co_return false;
  message = co_await expect(MessageType::welcome);
  if (!message) co_return false;
  const Result<Welcome> welcome = decode_welcome(message->body);
  connection_->consume(message->size);
  if (!welcome) {
    connection_->end(PeerState::bad_bytes, "the master's welcome cannot be read");
    co_return false;
  }
  co_return co_await accept(*welcome, hello);
}

Ending CometFollow::judge(const Welcome& welcome, const Hello& hello, const Splice& splice) const {
  const ReplicaLog& log = follower_->parts.log;
  const History& history = follower_->parts.history;
  const std::string& secret = follower_->config.secret;
  if (!secret.empty() && !same_proof(prove(welcome, hello, challenge_, secret), welcome.proof)) {
    return {PeerState::wrong_secret, "the master does not know this replica's haSecret"};
  }
  if (welcome.epoch < history.promised()) {
    return {PeerState::deposed,
            fmt::format("the master is in epoch {}, this replica has promised {}", welcome.epoch,
                        history.promised())};
  }
  if (welcome.file_size != log.file_size()) {
    return {PeerState::other_file_size,
            fmt::format("mappedFileSizeCommitLog is {} here, {} at the master", log.file_size(),
                        welcome.file_size)};
  }
  const bool fits = splice.kind == Splice::Kind::follow || splice.kind == Splice::Kind::cut ||
                    splice.kind == Splice::Kind::unproven;
  if (!fits || splice.offset != welcome.splice) {
    return {PeerState::diverged,
            fmt::format("this log, up to {}, and the master's, up to {}, do not fit", log.end(),
                        welcome.end)};
  }
  if (log.begin() == log.end()) return {};
  if (splice.offset < log.begin()) {
    return {PeerState::diverged, fmt::format("the logs part at {}, and this one begins at {}",
                                             splice.offset, log.begin())};
  }
  // The same record in front of the common point, whatever the tables say.
  const std::optional<LastRecord> ours = log.record_before(splice.offset);
  const bool is_proven = splice.kind != Splice::Kind::unproven;
  const bool same = ours && welcome.record ? *ours == *welcome.record : is_proven;
  if (!same) {
    return {PeerState::diverged,
            fmt::format("the records in front of {} are not the same here and at the master: this "
                        "log ends at {}, the master's at {}",
                        splice.offset, log.end(), welcome.end)};
  }
  if (splice.kind == Splice::Kind::cut && splice.offset < history.confirmed()) {
    return {
        PeerState::ahead,
        fmt::format("this log ends at {}, is confirmed up to {} and would have to be cut at {}, as "
                    "the master's ends at {}: acknowledged messages would go",
                    log.end(), history.confirmed(), splice.offset, welcome.end)};
  }
  return {};
}

asio::awaitable<bool> CometFollow::refuse(Ending why) {
  RefusalMessage message;
  message.reason = why.state;
  message.epoch = follower_->parts.history.promised();
  message.text = why.text;
  (void)co_await connection_->send(encode(message));
  connection_->end(why.state, std::move(why.text));
  co_return false;
}

asio::awaitable<bool> CometFollow::accept(const Welcome& welcome, const Hello& hello) {
  ReplicaLog& log = follower_->parts.log;
  History& history = follower_->parts.history;
  const LogEnds replica(hello.epochs, hello.begin, hello.end);
  const LogEnds master(welcome.epochs, welcome.begin, welcome.end);
  const Splice splice = find_splice(replica, master);
  Ending problem = judge(welcome, hello, splice);
  if (problem.text.empty() && welcome.start % log.file_size() != 0 && log.begin() == log.end() &&
      welcome.start != log.end()) {
    problem = Ending(PeerState::other_file_size, "the master's first byte begins no file here");
  }
  if (!problem.text.empty()) {
    co_return co_await refuse(std::move(problem));
  }
  // The promise first (R4): whatever happens from here on, no lower epoch gets a confirmation.
  error_code error = history.promise(welcome.epoch);
  if (!error && splice.kind == Splice::Kind::cut && !co_await cut(splice.offset)) co_return false;
  if (!error) error = history.adopt(welcome.log_id, welcome.epochs, welcome.epoch, log.end());
  if (error) {
    connection_->end(PeerState::failed, "the promise cannot be written: " + error.message());
    co_return false;
  }
  epoch_ = welcome.epoch;
  next_ = welcome.start;
  follower_->status.epoch = epoch_;
  follower_->status.master_end = welcome.end;
  follower_->status.master_confirmed = welcome.confirmed;
  Start start;
  start.epoch = epoch_;
  start.offset = next_;
  start.durable_end = std::min(log.durable_end(), next_);
  start.metadata_version = metadata_version();
  follower_->status.confirmed = start.durable_end;
  co_return co_await connection_->send(encode(start));
}

// A deposed master's tail, or that of a replica whose master was: nobody was told 0 for it.
asio::awaitable<bool> CometFollow::cut(std::int64_t offset) {
  ReplicaLog& log = follower_->parts.log;
  const std::int64_t bytes = log.end() - offset;
  follower_->status.state = PeerState::cutting;
  const Result<std::int64_t> messages = co_await log.cut(offset);
  if (!messages) {
    connection_->end(PeerState::failed, fmt::format("the log cannot be cut at {}: {}", offset,
                                                    messages.error().message()));
    co_return false;
  }
  follower_->counters.truncated_bytes += static_cast<std::uint64_t>(bytes);
  follower_->counters.truncated_messages += static_cast<std::uint64_t>(*messages);
  log::warn(
      "HA: cut at {}, the last point in common with the master: {} bytes with {} messages that "
      "were never confirmed are kept beside the log",
      offset, bytes, *messages);
  co_return true;
}

// --- What the master sends ---

bool CometFollow::check_epoch(std::int64_t epoch) {
  if (epoch == epoch_) return true;
  connection_->end(
      PeerState::connecting,
      fmt::format("the master is in epoch {} now, the handshake was in {}", epoch, epoch_));
  return false;
}

asio::awaitable<bool> CometFollow::take(const MessageView& message) {
  if (message.type == MessageType::data) {
    const Result<Data> data = decode_data(message.body);
    if (data) co_return co_await take_data(*data);
  } else if (message.type == MessageType::metadata) {
    Result<EpochMetadata> metadata = decode_metadata(message.body);
    if (metadata) co_return co_await take_metadata(*std::move(metadata));
  } else if (message.type == MessageType::refusal) {
    co_return take_refusal(message);
  }
  connection_->end(PeerState::bad_bytes, "the master sends what cannot be read");
  co_return false;
}

asio::awaitable<bool> CometFollow::take_data(const Data& data) {
  ReplicaLog& log = follower_->parts.log;
  if (!check_epoch(data.epoch)) co_return false;
  if (data.offset != next_) {
    connection_->end(PeerState::diverged,
                     fmt::format("the master goes on at {}, this log at {}", data.offset, next_));
    co_return false;
  }
  next_ += static_cast<std::int64_t>(data.bytes.size());
  if (!data.bytes.empty() && !co_await follower_->append(*connection_, data.offset, data.bytes)) {
    co_return false;
  }
  follower_->status.master_end = data.master_end;
  follower_->status.master_confirmed = data.confirmed;
  follower_->parts.history.note_confirmed(std::min(data.confirmed, log.durable_end()));
  log.set_read_limit(data.readable);
  if (data.bytes.empty()) follower_->metadata_known = follower_->time.now();
  co_return true;
}

asio::awaitable<bool> CometFollow::take_metadata(EpochMetadata metadata) {
  if (!check_epoch(metadata.epoch)) co_return false;
  if (follower_->parts.metadata == nullptr) co_return true;
  const error_code error = co_await follower_->parts.metadata->apply(std::move(metadata.item));
  if (error) {
    connection_->end(PeerState::failed, "metadata of the master is not taken: " + error.message());
    co_return false;
  }
  follower_->metadata_known = follower_->time.now();
  follower_->durable.notify();
  co_return true;
}

// --- What it is told ---

asio::awaitable<void> CometFollow::confirm(std::shared_ptr<CometFollow> self) {
  Follower& follower = *self->follower_;
  ReplicaLog& log = follower.parts.log;
  Confirm said;
  said.epoch = self->epoch_;
  said.durable_end = follower.status.confirmed;
  said.metadata_version = self->metadata_version();
  Instant last = follower.time.now();
  bool is_alive = true;
  while (is_alive) {
    const std::int64_t durable = log.durable_end();
    const bool has_news =
        durable > said.durable_end || self->metadata_version() > said.metadata_version;
    const Instant due = last + kConfirmPeriod;
    if (has_news || follower.time.now() >= due) {
      said.durable_end = std::max(durable, said.durable_end);
      said.metadata_version = self->metadata_version();
      last = follower.time.now();
      follower.status.confirmed = said.durable_end;
      is_alive = co_await self->connection_->send(encode(said));
      follower.status.last_write_ms = self->connection_->last_write_ms();
    } else if (follower.durable.is_over()) {
      self->connection_->end(PeerState::failed, "the store has closed");
      is_alive = false;
    } else {
      (void)co_await follower.durable.wait(due);
    }
  }
}

}  // namespace

asio::awaitable<bool> follow_comet(std::shared_ptr<Follower> follower,
                                   std::shared_ptr<PeerConnection> connection) {
  auto follow = std::make_shared<CometFollow>(std::move(follower), std::move(connection));
  co_return co_await CometFollow::run(std::move(follow));
}

}  // namespace comet::inline v0_1::replication
