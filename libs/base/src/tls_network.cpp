#include "comet/base/tls_network.hpp"

#include <fmt/format.h>

#include <mutex>
#include <utility>

#include "tls_stream.hpp"

namespace comet::inline v0_1 {

struct TlsNetwork::State {
  State(Network& below_in, TlsConfig config_in, TimeSource& time_in)
      : below(below_in), config(std::move(config_in)), time(time_in) {}

  Network& below;
  const TlsConfig config;
  TimeSource& time;

  [[nodiscard]] tls::ContextPtr server_context() const {
    const std::lock_guard lock(mutex_);
    return server_;
  }
  [[nodiscard]] tls::ContextPtr client_context() const {
    const std::lock_guard lock(mutex_);
    return client_;
  }
  void load();

 private:
  mutable std::mutex mutex_;
  tls::ContextPtr server_, client_;
};

void TlsNetwork::State::load() {
  tls::ContextPtr new_server = config.server ? tls::make_server_context(*config.server) : nullptr;
  tls::ContextPtr new_client = config.client ? tls::make_client_context(*config.client) : nullptr;
  const std::lock_guard lock(mutex_);
  server_.swap(new_server);
  client_.swap(new_client);
}

namespace {

using tls::TlsStream;

class TlsListener final : public Listener {
 public:
  TlsListener(std::unique_ptr<Listener> below, std::shared_ptr<TlsNetwork::State> state)
      : below_(std::move(below)), state_(std::move(state)) {}

  asio::awaitable<std::unique_ptr<Stream>> accept(asio::any_io_executor executor) override {
    std::unique_ptr<Stream> stream = co_await below_->accept(std::move(executor));
    TlsStream::Rules rules;
    rules.context = state_->server_context();
    rules.role = tls::Session::Role::server;
    rules.mode = state_->config.server->mode;
    rules.deadline = state_->time.now() + state_->config.server->handshake_timeout;
    co_return std::make_unique<TlsStream>(std::move(stream), std::move(rules), state_->time);
  }
  void close() noexcept override { below_->close(); }
  IpEndpoint local() const noexcept override { return below_->local(); }

 private:
  std::unique_ptr<Listener> below_;
  std::shared_ptr<TlsNetwork::State> state_;
};

asio::awaitable<std::unique_ptr<Stream>> connect_with_tls(std::shared_ptr<TlsNetwork::State> state,
                                                          Address to, Instant deadline) {
  std::unique_ptr<Stream> below = co_await state->below.connect(to, deadline);
  TlsStream::Rules rules;
  rules.context = state->client_context();
  rules.role = tls::Session::Role::client;
  const std::string& name = state->config.client->server_name;
  rules.host = name.empty() ? to.host() : name;
  rules.deadline = deadline;
  auto stream = std::make_unique<TlsStream>(std::move(below), std::move(rules), state->time);
  error_code problem = co_await stream->establish();
  if (problem) {
    throw Error(problem,
                fmt::format("connect to {} with TLS ({})", to.to_string(), stream->reason()));
  }
  co_return stream;
}

}  // namespace

TlsNetwork::TlsNetwork(Network& below, TlsConfig config, TimeSource& time)
    : state_(std::make_shared<State>(below, std::move(config), time)) {
  state_->load();
}

TlsNetwork::~TlsNetwork() = default;

asio::awaitable<std::unique_ptr<Stream>> TlsNetwork::connect(const Address& to, Instant deadline) {
  if (!state_->config.client) return state_->below.connect(to, deadline);
  return connect_with_tls(state_, to, deadline);
}

std::unique_ptr<Listener> TlsNetwork::listen(asio::any_io_executor executor, const Address& at) {
  std::unique_ptr<Listener> below = state_->below.listen(std::move(executor), at);
  if (!state_->config.server) return below;
  return std::make_unique<TlsListener>(std::move(below), state_);
}

void TlsNetwork::reload() { state_->load(); }

TlsExpiry TlsNetwork::expiry() const {
  TlsExpiry expiry;
  if (const tls::ContextPtr server = state_->server_context()) expiry.server = tls::expiry(*server);
  if (const tls::ContextPtr client = state_->client_context()) expiry.client = tls::expiry(*client);
  return expiry;
}

std::vector<std::string> TlsNetwork::files() const {
  std::vector<std::string> paths;
  const auto add = [&paths](const std::string& path) {
    if (!path.empty()) paths.push_back(path);
  };
  if (const auto& server = state_->config.server; server && server->mode != TlsMode::disabled) {
    add(server->cert_path);
    add(server->key_path);
    add(server->trust_cert_path);
  }
  if (const auto& client = state_->config.client) {
    add(client->cert_path);
    add(client->key_path);
    add(client->trust_cert_path);
  }
  return paths;
}

std::string TlsNetwork::describe_certificate() const {
  const tls::ContextPtr context = state_->server_context();
  return context == nullptr ? "no certificate" : tls::describe_certificate(*context);
}

}  // namespace comet::inline v0_1
