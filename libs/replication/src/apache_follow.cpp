// A replica at an Apache master (Apache: DefaultHAClient), with what that one leaves out: reports
// of what is durable, a look at the master's end before the first, a read clock.

#include <fmt/format.h>

#include <algorithm>

#include "apache_wire.hpp"
#include "comet/base/log.hpp"
#include "follower.hpp"

namespace comet::inline v0_1::replication {
namespace {

class ApacheFollow {
 public:
  ApacheFollow(std::shared_ptr<Follower> follower, std::shared_ptr<PeerConnection> connection)
      : follower_(std::move(follower)),
        connection_(std::move(connection)),
        helpers_(follower_->executor, follower_->time) {}

  static asio::awaitable<void> run(std::shared_ptr<ApacheFollow> self);

 private:
  asio::awaitable<bool> may_report();
  asio::awaitable<bool> take(FrameReader::Part part);
  bool take_head(const FrameReader::Part& head);
  bool complain(PeerState state, std::string text);
  static asio::awaitable<void> report(std::shared_ptr<ApacheFollow> self);
  asio::awaitable<bool> send_report(std::int64_t end);

  const std::shared_ptr<Follower> follower_;
  const std::shared_ptr<PeerConnection> connection_;
  std::int64_t next_ = 0;  // the next byte that is expected
  std::int64_t reported_ = -1;
  Instant last_report_{};
  TaskGroup helpers_;
};

bool ApacheFollow::complain(PeerState state, std::string text) {
  connection_->end(state, std::move(text));
  return false;
}

// A Java master takes a first report above its own end for an acknowledgement of all that it will
// ever store: such a report is never sent.
asio::awaitable<bool> ApacheFollow::may_report() {
  const ReplicaLog& log = follower_->parts.log;
  if (!follower_->parts.master_end) {
    co_return complain(
        PeerState::failed,
        "the master speaks Apache's wire only, and nobody can ask it for its log's end");
  }
  if (!co_await follower_->wait_until_durable(*connection_)) {
    co_return complain(PeerState::failed, "the end of the log does not get to the disk");
  }
  if (log.end() == 0) co_return true;
  std::int64_t master_end = 0;
  std::string problem;
  try {
    master_end = co_await follower_->parts.master_end();
  } catch (const boost::system::system_error& error) {
    problem = error.what();
  }
  if (!problem.empty()) {
    co_return complain(PeerState::connecting,
                       "the master does not say where its log ends: " + problem);
  }
  follower_->status.master_end = master_end;
  if (log.end() > master_end) {
    co_return complain(PeerState::ahead,
                       fmt::format("this log ends at {}, behind the master's end {}: nothing is "
                                   "reported, nothing copied",
                                   log.end(), master_end));
  }
  co_return true;
}

asio::awaitable<void> ApacheFollow::run(std::shared_ptr<ApacheFollow> self) {
  Follower& follower = *self->follower_;
  follower.status.wire = Wire::apache;
  follower.status.epoch = 0;
  if (!co_await self->may_report()) co_return;
  self->next_ = follower.parts.log.end();
  follower.parts.log.set_read_limit(kNoLimit);
  follower.status.state = PeerState::transfer;
  follower.status.problem.clear();
  self->connection_->set_patience(follower.config.housekeeping);
  log::info("HA: follows {} on Apache's wire from {} on", self->connection_->remote(), self->next_);
  self->helpers_.spawn("HA reports", report(self));
  FrameReader frames;
  bool is_alive = true;
  while (is_alive && co_await self->connection_->fill()) {
    std::string_view input = self->connection_->received();
    for (;;) {
      const FrameReader::Part part = frames.next(input);
      if (part.kind == FrameReader::Kind::more) break;
      is_alive = co_await self->take(part);
      if (!is_alive) break;
    }
    self->connection_->consume(self->connection_->received().size());
    follower.status.last_read_ms = self->connection_->last_read_ms();
  }
  self->helpers_.cancel();
  co_await self->helpers_.join();
}

asio::awaitable<bool> ApacheFollow::take(FrameReader::Part part) {
  if (part.kind == FrameReader::Kind::bad) {
    co_return complain(PeerState::bad_bytes,
                       fmt::format("the master sends what is no frame (offset {}, size {})",
                                   part.offset, part.size));
  }
  if (part.kind == FrameReader::Kind::head) co_return take_head(part);
  next_ = part.offset + part.size;
  co_return co_await follower_->append(*connection_, part.offset, part.bytes);
}

// Heartbeats say the next byte, too. An empty log begins wherever the master begins.
bool ApacheFollow::take_head(const FrameReader::Part& head) {
  const ReplicaLog& log = follower_->parts.log;
  const std::int64_t file_size = log.file_size();
  const bool is_empty = log.begin() == log.end() && next_ == log.end();
  follower_->status.master_end = std::max(follower_->status.master_end, head.offset + head.size);
  if (is_empty && head.size == 0) return true;
  if (!is_empty && head.offset != next_) {
    return complain(
        PeerState::diverged,
        fmt::format("the master goes on at {}, this log ends at {}", head.offset, next_));
  }
  if (is_empty && head.offset % file_size != 0) {
    return complain(PeerState::other_file_size,
                    fmt::format("the master begins at {}, which is no multiple of this broker's "
                                "mappedFileSizeCommitLog {}",
                                head.offset, file_size));
  }
  const bool crosses =
      head.size > 0 && head.offset / file_size != (head.offset + head.size - 1) / file_size;
  if (crosses) {
    return complain(
        PeerState::other_file_size,
        fmt::format("the master's frame from {} to {} crosses the end of a file of this "
                    "broker's mappedFileSizeCommitLog {}: the master's is another",
                    head.offset, head.offset + head.size, file_size));
  }
  return true;
}

asio::awaitable<bool> ApacheFollow::send_report(std::int64_t end) {
  reported_ = end;
  last_report_ = follower_->time.now();
  follower_->status.confirmed = end;
  const auto bytes = encode_report(end);
  const bool is_alive = co_await connection_->send(std::string(bytes.data(), bytes.size()));
  follower_->status.last_write_ms = connection_->last_write_ms();
  co_return is_alive;
}

// At once, whenever more is durable, and when it has said nothing for a while.
asio::awaitable<void> ApacheFollow::report(std::shared_ptr<ApacheFollow> self) {
  Follower& follower = *self->follower_;
  ReplicaLog& log = follower.parts.log;
  bool is_alive = co_await self->send_report(self->next_);
  while (is_alive) {
    const Instant due = self->last_report_ + follower.config.heartbeat;
    const std::int64_t durable = log.durable_end();
    if (durable > self->reported_ || follower.time.now() >= due) {
      is_alive = co_await self->send_report(std::max(durable, self->reported_));
    } else if (follower.durable.is_over()) {
      self->connection_->end(PeerState::failed, "the store has closed");
      is_alive = false;
    } else {
      (void)co_await follower.durable.wait(due);
    }
  }
}

}  // namespace

asio::awaitable<void> follow_apache(std::shared_ptr<Follower> follower,
                                    std::shared_ptr<PeerConnection> connection) {
  auto follow = std::make_shared<ApacheFollow>(std::move(follower), std::move(connection));
  co_await ApacheFollow::run(std::move(follow));
}

}  // namespace comet::inline v0_1::replication
