#include "comet/remoting/client.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <map>
#include <optional>
#include <set>

#include "comet/base/async.hpp"
#include "comet/base/task_asio.hpp"
#include "comet/remoting/hook.hpp"
#include "describe.hpp"

namespace comet::inline v0_1::remoting {
namespace {

constexpr std::size_t kMostUnusedPeers = 1024;

// What is known of one address.
struct Peer {
  Peer(asio::any_io_executor executor, TimeSource& time) : changed(std::move(executor), time) {}

  std::shared_ptr<Connection> connection;
  bool connecting = false;
  Event changed;       // an attempt has ended
  error_code failure;  // of the last attempt
  Duration pause{};    // after that failure; zero: it succeeded
  Instant retry_at{};
};

}  // namespace

struct Client::Impl {
  Impl(asio::any_io_executor executor_in, Network& network_in, TimeSource& time_in,
       ClientConfig config_in, std::shared_ptr<const Dispatcher> handlers_in)
      : executor(executor_in),
        network(network_in),
        time(time_in),
        config(std::move(config_in)),
        handlers(std::move(handlers_in)),
        tasks(executor_in, time_in) {}

  void prepare(const Address& to, RemotingCommand& request) const;
  static asio::awaitable<RemotingCommand> invoke(std::shared_ptr<Impl> impl, Address to,
                                                 RemotingCommand request, Instant deadline);
  static asio::awaitable<void> invoke_oneway(std::shared_ptr<Impl> impl, Address to,
                                             RemotingCommand request, Instant deadline);
  static Task<> exchange(std::shared_ptr<Impl> impl, const Address& to, RemotingCommand& command,
                         Instant deadline);
  static Task<> send_oneway(std::shared_ptr<Impl> impl, const Address& to, RemotingCommand& command,
                            Instant deadline);
  static asio::awaitable<std::shared_ptr<Connection>> connect(std::shared_ptr<Impl> impl,
                                                              Address to, std::int32_t code,
                                                              Instant deadline);
  static asio::awaitable<void> serve_peer(std::shared_ptr<Impl> impl, Address address,
                                          std::shared_ptr<Peer> peer);
  static asio::awaitable<error_code> attempt(std::shared_ptr<Impl> impl, Address address,
                                             std::unique_ptr<Stream>& stream);
  void forget_unused_peers();
  void note_failure(Peer& peer, error_code problem) const;
  [[nodiscard]] std::shared_ptr<Connection> find(const Address& to) const;

  const asio::any_io_executor executor;
  Network& network;
  TimeSource& time;
  const ClientConfig config;
  const std::shared_ptr<const Dispatcher> handlers;
  std::map<Address, std::shared_ptr<Peer>> peers;
  std::set<std::shared_ptr<Connection>> running;  // also those that take no more requests
  TaskGroup tasks;                                // one for each connection or attempt
  bool stopped = false;
};

std::shared_ptr<Connection> Client::Impl::find(const Address& to) const {
  auto found = peers.find(to);
  if (found == peers.end()) return nullptr;
  const std::shared_ptr<Connection>& connection = found->second->connection;
  return connection != nullptr && connection->takes_requests() ? connection : nullptr;
}

void Client::Impl::prepare(const Address& to, RemotingCommand& request) const {
  if (config.serialize_type != SerializeType::json) request.serialize_type = config.serialize_type;
  for (const auto& hook : config.hooks) hook->before_request(to, request);
}

asio::awaitable<RemotingCommand> Client::Impl::invoke(std::shared_ptr<Impl> impl, Address to,
                                                      RemotingCommand request, Instant deadline) {
  co_await to_asio(impl->executor, exchange(impl, to, request, deadline));
  co_return std::move(request);
}

Task<> Client::Impl::exchange(std::shared_ptr<Impl> impl, const Address& to,
                              RemotingCommand& command, Instant deadline) {
  impl->prepare(to, command);
  const std::int32_t code = command.code;
  std::shared_ptr<Connection> connection = impl->find(to);
  if (connection == nullptr) {
    connection = co_await FromAsio(impl->executor, connect(impl, to, code, deadline));
  }
  const bool answered = co_await connection->exchange(command, deadline);
  if (!answered) {
    connection = co_await FromAsio(impl->executor, connect(impl, to, code, deadline));
    (void)co_await connection->exchange(command, deadline, false);
  }
  for (const auto& hook : impl->config.hooks) {
    hook->after_response(to, static_cast<RequestCode>(code), command);
  }
}

asio::awaitable<void> Client::Impl::invoke_oneway(std::shared_ptr<Impl> impl, Address to,
                                                  RemotingCommand request, Instant deadline) {
  co_await to_asio(impl->executor, send_oneway(impl, to, request, deadline));
}

Task<> Client::Impl::send_oneway(std::shared_ptr<Impl> impl, const Address& to,
                                 RemotingCommand& command, Instant deadline) {
  impl->prepare(to, command);
  std::shared_ptr<Connection> connection = impl->find(to);
  if (connection == nullptr) {
    connection = co_await FromAsio(impl->executor, connect(impl, to, command.code, deadline));
  }
  (void)co_await connection->send_oneway(command, deadline);
}

// Whom to ask comes from others, too (routes): addresses that are not in use are kept up to a
// number.
void Client::Impl::forget_unused_peers() {
  if (peers.size() < kMostUnusedPeers) return;
  std::erase_if(peers, [now = time.now()](const auto& entry) {
    const std::shared_ptr<Peer>& peer = entry.second;
    const bool is_connected = peer->connection != nullptr && peer->connection->is_open();
    return peer.use_count() == 1 && !is_connected && !peer->connecting && now >= peer->retry_at;
  });
}

// Joins the attempt in progress or begins one.
asio::awaitable<std::shared_ptr<Connection>> Client::Impl::connect(std::shared_ptr<Impl> impl,
                                                                   Address to, std::int32_t code,
                                                                   Instant deadline) {
  auto describe = [&](std::string_view when) {
    return fmt::format("{} ({})", describe_send(code, to.to_string()), when);
  };
  if (!impl->peers.contains(to)) impl->forget_unused_peers();
  std::shared_ptr<Peer>& entry = impl->peers[to];
  if (entry == nullptr) entry = std::make_shared<Peer>(impl->executor, impl->time);
  const std::shared_ptr<Peer> peer = entry;
  for (;;) {
    if (impl->stopped) throw Error(RemotingErrc::not_sent, describe("the client is stopped"));
    if (peer->connection != nullptr && peer->connection->takes_requests())
      co_return peer->connection;
    const Instant now = impl->time.now();
    if (now >= deadline) throw Error(asio::error::timed_out, describe("connecting"));
    if (!peer->connecting) {
      if (now < peer->retry_at) throw Error(peer->failure, describe("connecting"));
      peer->connecting = true;
      impl->tasks.spawn("peer", serve_peer(impl, to, peer));
    } else {
      co_await peer->changed.wait(deadline);
    }
  }
}

asio::awaitable<void> Client::Impl::serve_peer(std::shared_ptr<Impl> impl, Address address,
                                               std::shared_ptr<Peer> peer) {
  std::unique_ptr<Stream> stream;
  error_code problem = co_await attempt(impl, address, stream);
  peer->connecting = false;
  peer->changed.notify_all();
  if (problem || impl->stopped) {
    impl->note_failure(*peer, problem);
    co_return;
  }
  peer->pause = Duration::zero();
  auto connection = std::make_shared<Connection>(std::move(stream), impl->handlers, impl->time,
                                                 impl->config.connection);
  peer->connection = connection;
  impl->running.insert(connection);
  co_await connection->run();
  if (peer->connection == connection) peer->connection = nullptr;
  co_await connection->handlers_ended();
  impl->running.erase(connection);
}

asio::awaitable<error_code> Client::Impl::attempt(std::shared_ptr<Impl> impl, Address address,
                                                  std::unique_ptr<Stream>& stream) {
  try {
    stream =
        co_await impl->network.connect(address, impl->time.now() + impl->config.connect_timeout);
  } catch (const boost::system::system_error& problem) {
    co_return problem.code();
  }
  co_return error_code();
}

void Client::Impl::note_failure(Peer& peer, error_code problem) const {
  // At least a moment, in which those who waited for the attempt learn its outcome.
  const Duration least =
      std::max<Duration>(config.min_reconnect_pause, std::chrono::milliseconds(1));
  peer.pause =
      std::clamp<Duration>(2 * peer.pause, least, std::max(least, config.max_reconnect_pause));
  peer.retry_at = time.now() + peer.pause;
  peer.failure = problem;
}

Client::Client(asio::any_io_executor executor, Network& network, TimeSource& time,
               ClientConfig config, std::shared_ptr<const Dispatcher> handlers)
    : impl_(std::make_shared<Impl>(std::move(executor), network, time, std::move(config),
                                   std::move(handlers))) {}

Client::~Client() = default;

asio::awaitable<RemotingCommand> Client::invoke(const Address& to, RemotingCommand request,
                                                Instant deadline) {
  return Impl::invoke(impl_, to, std::move(request), deadline);
}

Task<> Client::exchange(const Address& to, RemotingCommand& command, Instant deadline) {
  return Impl::exchange(impl_, to, command, deadline);
}

Task<> Client::send_oneway(const Address& to, RemotingCommand& command, Instant deadline) {
  return Impl::send_oneway(impl_, to, command, deadline);
}

asio::awaitable<void> Client::invoke_oneway(const Address& to, RemotingCommand request,
                                            Instant deadline) {
  return Impl::invoke_oneway(impl_, to, std::move(request), deadline);
}

std::shared_ptr<Connection> Client::find(const Address& to) const { return impl_->find(to); }

std::size_t Client::known_addresses() const noexcept { return impl_->peers.size(); }

std::optional<Address> Client::address_of(const Connection& connection) const {
  for (const auto& [address, peer] : impl_->peers) {
    if (peer->connection.get() == &connection) return address;
  }
  return std::nullopt;
}

void Client::close(const Address& to) {
  if (std::shared_ptr<Connection> connection = impl_->find(to)) connection->close();
}

void Client::drop() noexcept {
  impl_->stopped = true;
  impl_->peers.clear();
  impl_->running.clear();
}

void Client::close_copies() noexcept {
  impl_->stopped = true;
  for (const auto& connection : impl_->running) connection->close_here();
}

asio::awaitable<void> Client::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  impl->stopped = true;
  for (const auto& connection : impl->running) {
    connection->close();
    connection->cancel_handlers();
  }
  impl->tasks.cancel();  // attempts in progress
  co_await impl->tasks.join();
}

}  // namespace comet::inline v0_1::remoting
