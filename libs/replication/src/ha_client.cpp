#include "comet/replication/ha_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <random>

#include "comet/base/log.hpp"
#include "comet/base/timer.hpp"
#include "follower.hpp"
#include "same_lines.hpp"

namespace comet::inline v0_1::replication {
namespace {

constexpr std::size_t kFrameChunk = 256u << 10;
// A master that was silent to our handshake is spoken to on Apache's wire for so long without
// asking again.
constexpr Duration kApacheMemory = std::chrono::minutes(1);

}  // namespace

struct HaClient::Impl {
  Impl(asio::any_io_executor executor, Network& network, TimeSource& time, HaClientConfig config,
       HaClientParts parts)
      : follower(std::make_shared<Follower>(std::move(executor), network, time, std::move(config),
                                            std::move(parts))),
        changed(follower->executor, time),
        tasks(follower->executor, time),
        watches(follower->executor, time),
        random(follower->config.random_seed != 0 ? follower->config.random_seed : random_id()) {}

  static asio::awaitable<void> run(std::shared_ptr<Impl> impl);
  static asio::awaitable<void> attempt(std::shared_ptr<Impl> impl, Address to);
  asio::awaitable<std::unique_ptr<Stream>> connect(const Address& to);
  asio::awaitable<void> follow(std::shared_ptr<PeerConnection> over, const Address& to);
  void fall_back(const Address& to);
  void note_end(const Address& to);
  void choose_pause(Duration lived);
  asio::awaitable<void> rest();
  static asio::awaitable<void> watch_log(std::shared_ptr<Follower> follower);

  const std::shared_ptr<Follower> follower;
  Event changed;
  TaskGroup tasks;  // the attempts
  TaskGroup watches;
  std::mt19937_64 random;
  std::optional<Address> master;
  std::shared_ptr<PeerConnection> connection;
  Ending ending;                 // of the last attempt
  std::optional<Ending> reason;  // more than its connection says
  bool has_connected = false;    // in it
  bool has_received = false;
  Duration pause{};  // before the next one, without jitter
  Instant apache_until = Instant::min();
  bool is_other_wire_next = false;
  bool is_connecting = false;
  bool is_stopping = false;
  SameLines lines;
};

asio::awaitable<void> HaClient::Impl::watch_log(std::shared_ptr<Follower> follower) {
  co_await follower->durable.run();
}

asio::awaitable<void> HaClient::Impl::run(std::shared_ptr<Impl> impl) {
  Follower& follower = *impl->follower;
  while (!impl->is_stopping) {
    if (!impl->master) {
      follower.status.state = PeerState::no_master;
      (void)co_await impl->changed.wait();
      continue;
    }
    const Address to = *impl->master;
    follower.status.master_address = to.to_string();
    const Instant begin = follower.time.now();
    co_await attempt(impl, to);
    if (impl->is_stopping) break;
    impl->note_end(to);
    impl->choose_pause(impl->has_connected ? follower.time.now() - begin : Duration::zero());
    co_await impl->rest();
  }
}

asio::awaitable<void> HaClient::Impl::attempt(std::shared_ptr<Impl> impl, Address to) {
  Follower& follower = *impl->follower;
  impl->ending = Ending();
  impl->reason.reset();
  impl->has_connected = impl->has_received = false;
  follower.status.wire = Wire::undecided;
  if (!needs_operator(follower.status.state)) follower.status.state = PeerState::connecting;
  std::unique_ptr<Stream> stream = co_await impl->connect(to);
  if (stream == nullptr) co_return;
  impl->has_connected = true;
  auto over = std::make_shared<PeerConnection>(std::move(stream), follower.time, kFrameChunk);
  impl->connection = over;
  if (impl->is_stopping) over->end(PeerState::connecting, "this broker shuts down");
  TaskGroup clock(follower.executor, follower.time);
  clock.spawn("HA clock", PeerConnection::run_clock(over));
  try {
    co_await impl->follow(over, to);
  } catch (const std::exception& problem) {
    over->end(PeerState::failed, problem.what());
  }
  over->end(PeerState::connecting, "it is at its end");
  impl->ending = impl->reason.value_or(over->ending());
  impl->has_received = over->has_received();
  impl->connection = nullptr;
  clock.cancel();
  co_await clock.join();
}

// Null: there is no connection; `ending` says why.
asio::awaitable<std::unique_ptr<Stream>> HaClient::Impl::connect(const Address& to) {
  is_connecting = true;
  std::unique_ptr<Stream> stream;
  try {
    const Instant deadline = follower->time.now() + follower->config.connect_timeout;
    stream = co_await follower->network.connect(to, deadline);
  } catch (const boost::system::system_error& error) {
    ending = Ending(PeerState::connecting, error.what());
  }
  is_connecting = false;
  co_return stream;
}

asio::awaitable<void> HaClient::Impl::follow(std::shared_ptr<PeerConnection> over,
                                             const Address& to) {
  const WirePolicy policy = follower->config.wire;
  const bool on_apache = policy == WirePolicy::apache ||
                         (policy == WirePolicy::automatic && follower->time.now() < apache_until);
  if (on_apache) {
    co_await follow_apache(follower, over);
    co_return;
  }
  const bool is_comet = co_await follow_comet(follower, over);
  if (!is_comet && policy == WirePolicy::automatic) fall_back(to);
}

// On the next connection: this one's first bytes were a report to a Java master.
void HaClient::Impl::fall_back(const Address& to) {
  if (!follower->config.secret.empty() || !follower->parts.history.epochs().empty()) {
    reason =
        Ending(PeerState::bad_bytes,
               "it does not answer our handshake, and Apache's wire, which compares no logs, is "
               "not for a log that a CometMQ master has written, nor with a haSecret: "
               "haHandshake=apache says that it is meant");
    return;
  }
  log::warn(
      "HA: the master at {} does not answer our handshake: Apache's wire from now on, which "
      "compares no logs",
      to.to_string());
  apache_until = follower->time.now() + kApacheMemory;
  is_other_wire_next = true;
}

// One line for each reason, not one for each attempt.
void HaClient::Impl::note_end(const Address& to) {
  const bool is_loss = ending.state == PeerState::connecting;
  const std::string word = !is_loss        ? std::string(to_string(ending.state))
                           : has_connected ? "lost"
                                           : "unreachable";
  ++follower->counters.reconnects[word];
  follower->status.state = ending.state;
  follower->status.problem = ending.text;
  const std::string line = fmt::format("HA: master {}: {}", to.to_string(), ending.text);
  if (!lines.is_new(to.to_string(), ending.text, follower->time.now())) return;
  if (is_loss) {
    log::warn("{}", line);
  } else {
    log::error("{} ({})", line, to_string(ending.state));
  }
}

// 0.2 s doubling to 5 s. Twice so for a peer that accepts and says nothing; the longest at once for
// what only an operator can mend.
void HaClient::Impl::choose_pause(Duration lived) {
  const HaClientConfig& config = follower->config;
  if (std::exchange(is_other_wire_next, false)) {
    pause = Duration::zero();
    return;
  }
  if (needs_operator(ending.state)) {
    pause = config.longest_pause;
  } else if (lived >= config.longest_pause || pause == Duration::zero()) {
    pause = config.first_pause;
  } else {
    pause *= has_connected && !has_received ? 4 : 2;
  }
  pause = std::min(pause, config.longest_pause);
}

asio::awaitable<void> HaClient::Impl::rest() {
  const std::optional<Address> before = master;
  std::uniform_real_distribution<double> jitter(0.8, 1.2);
  const double length = static_cast<double>(pause.count()) * jitter(random);
  const Instant until = follower->time.now() + Duration(static_cast<Duration::rep>(length));
  while (!is_stopping && master == before && follower->time.now() < until) {
    (void)co_await changed.wait(until);
  }
}

HaClient::HaClient(asio::any_io_executor executor, Network& network, TimeSource& time,
                   HaClientConfig config, HaClientParts parts)
    : impl_(std::make_shared<Impl>(std::move(executor), network, time, std::move(config),
                                   std::move(parts))) {}

HaClient::~HaClient() = default;

void HaClient::start() {
  impl_->watches.spawn("HA durable watch", Impl::watch_log(impl_->follower));
  impl_->tasks.spawn("HA client", Impl::run(impl_));
}

// What the master's bytes do to the log is not cut short: its connection is closed, and the
// coroutine ends by itself.
asio::awaitable<void> HaClient::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  impl->is_stopping = true;
  if (impl->connection != nullptr) {
    impl->connection->end(PeerState::connecting, "this broker shuts down");
  }
  impl->changed.notify_all();
  impl->follower->durable.notify();
  if (impl->is_connecting) impl->tasks.cancel();
  co_await impl->tasks.join();
  impl->watches.cancel();
  co_await impl->watches.join();
}

void HaClient::set_master(std::optional<Address> ha_address) {
  Impl& impl = *impl_;
  if (!ha_address || impl.master == ha_address) return;
  impl.master = std::move(ha_address);
  impl.pause = Duration::zero();
  impl.apache_until = Instant::min();
  if (impl.connection != nullptr) {
    impl.connection->end(PeerState::connecting,
                         "the master is at " + impl.master->to_string() + " now");
  }
  impl.changed.notify_all();
}

FollowerStatus HaClient::status() const {
  Follower& follower = *impl_->follower;
  FollowerStatus status = follower.status;
  status.log_end = follower.parts.log.end();
  status.bytes_per_second = follower.rate.per_second(follower.time.now());
  if (follower.parts.metadata != nullptr) {
    status.metadata_version = follower.parts.metadata->version();
    status.metadata_age = follower.time.now() - follower.metadata_known;
  }
  return status;
}

const ReplicationCounters& HaClient::counters() const { return impl_->follower->counters; }

}  // namespace comet::inline v0_1::replication
