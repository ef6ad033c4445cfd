#include "listeners.hpp"

#include <fmt/format.h>

#include "comet/base/log.hpp"

namespace comet::inline v0_1::broker {
namespace {

constexpr std::uint16_t kVipDistance = 2;  // Apache: listenPort - 2
constexpr int kPortTries = 20;
constexpr std::size_t kMaxHeader = 1u << 20;  // of a request: 32 KB of properties and some fields

}  // namespace

Listeners::Listeners(std::vector<asio::any_io_executor> executors, Network& network,
                     TimeSource& time, const BrokerConfig& config, TaskGroup& tasks)
    : executors_(std::move(executors)),
      network_(network),
      time_(time),
      config_(config),
      tasks_(tasks) {}

std::unique_ptr<remoting::Server> Listeners::make_server(const Address& at, bool with_pulls) {
  remoting::ServerConfig server_config;
  server_config.listen_at = at;
  server_config.connection = config_.connection;
  server_config.connection.max_header = kMaxHeader;
  if (!with_pulls) server_config.connection.stays_though_idle = has_client_at_;
  server_config.max_connections = config_.max_connections;
  server_config.counted_together = connections_;
  return std::make_unique<remoting::Server>(executors_, network_, time_, server_config,
                                            make_dispatcher_(with_pulls), on_connection_);
}

void Listeners::start(const MakeDispatcher& make_dispatcher,
                      remoting::ConnectionObserver on_connection,
                      std::function<bool(const IpEndpoint&)> has_client_at) {
  make_dispatcher_ = make_dispatcher;
  on_connection_ = std::move(on_connection);
  has_client_at_ = std::move(has_client_at);
  const Address& at = config_.listen_at;
  if (at.port() != 0) {
    server_ = make_server(at, true);
    server_->start();
    start_vip_server(at.port());
    return;
  }
  // Free ports are needed in a pair. Other programs look for ports as well, so there is a next try.
  for (int tries = 1;; ++tries) {
    std::unique_ptr<Listener> probe = network_.listen(executors_.front(), at);
    const std::uint16_t port = probe->local().port();
    try {
      start_vip_server(port);
      probe->close();
      probe.reset();
      server_ = make_server(Address(at.host(), port), true);
      server_->start();
      return;
    } catch (const Error&) {
      if (tries == kPortTries) throw;
    }
    server_.reset();
    if (vip_server_) {
      tasks_.spawn("stop of a listener", vip_server_->stop(time_.now()));
      abandoned_.push_back(std::move(vip_server_));
    }
  }
}

void Listeners::start_vip_server(std::uint16_t port) {
  if (port <= kVipDistance) {
    log::warn("no VIP listener: there is no port {} - {}", port, kVipDistance);
    return;
  }
  const Address at(config_.listen_at.host(), static_cast<std::uint16_t>(port - kVipDistance));
  std::unique_ptr<remoting::Server> started = make_server(at, false);
  try {
    started->start();
  } catch (const Error& error) {
    throw Error(error.code(),
                fmt::format("VIP listener, on listenPort - {}: {}", kVipDistance, error.context()));
  }
  vip_server_ = std::move(started);
  log::info("VIP listener on {}", vip_server_->local().to_string());
}

asio::awaitable<void> Listeners::stop(Instant deadline) {
  if (server_) co_await server_->stop(deadline);
  if (vip_server_) co_await vip_server_->stop(deadline);
}

std::size_t Listeners::connections() const {
  return (server_ ? server_->connections() : 0) + (vip_server_ ? vip_server_->connections() : 0);
}

}  // namespace comet::inline v0_1::broker
