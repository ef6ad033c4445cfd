#include "comet/base/memory_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <cstring>
#include <deque>
#include <limits>
#include <set>

#include "comet/base/async.hpp"
#include "comet/base/timer.hpp"

namespace comet::inline v0_1 {
namespace {

struct Link;

// One direction of a connection: bytes under way, each piece with its time of arrival.
struct Pipe {
  Pipe(asio::any_io_executor executor, TimeSource& time) : changed(std::move(executor), time) {}
  struct Piece {
    Instant arrival;
    std::string bytes;
    std::size_t taken = 0;  // bytes at the front that have been read
  };
  std::deque<Piece> pieces;
  bool closed = false;  // the writer has closed in order: eof after the pieces
  Instant close_arrival{};
  Event changed;  // wakes the reader; on the reader's executor
};

// What both ends of a connection share.
struct Link {
  std::string client_host, server_host;
  IpEndpoint client, server;
  std::unique_ptr<Pipe> to_server, to_client;
  bool reset = false;
};

class MemoryListener;

}  // namespace

struct MemoryNetwork::State {
  explicit State(TimeSource& time_in) : time(time_in) {}

  TimeSource& time;
  Duration latency{};
  std::size_t max_read = std::numeric_limits<std::size_t>::max();
  std::map<std::string, std::array<std::uint8_t, 4>> numbers;
  std::map<std::string, MemoryListener*> listeners;  // by "host:port"
  std::set<std::string> down, frozen;
  std::vector<std::weak_ptr<Link>> links;
  std::uint16_t next_port = 40'000;

  IpEndpoint endpoint(const std::string& host, std::uint16_t port) {
    if (auto numeric = IpEndpoint::parse(host + ":0")) {
      return numeric->is_v6() ? *numeric : IpEndpoint::v4(four_bytes(*numeric), port);
    }
    auto [entry, is_new] = numbers.try_emplace(host);
    if (is_new) {
      auto n = numbers.size();
      entry->second = {10, 0, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)};
    }
    return IpEndpoint::v4(entry->second, port);
  }

  // Addresses are found under the name and under the number, as with DNS.
  std::string key(const Address& address) {
    return endpoint(address.host(), address.port()).to_string();
  }

  bool is_frozen(const Link& link) const {
    return frozen.contains(link.client_host) || frozen.contains(link.server_host);
  }

  static std::array<std::uint8_t, 4> four_bytes(const IpEndpoint& endpoint) {
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), endpoint.ip_bytes().data(), bytes.size());
    return bytes;
  }

  template <class Condition>
  void reset_links(Condition condition);
  void wake_all();
};

namespace {

using State = MemoryNetwork::State;

class MemoryStream final : public Stream {
 public:
  MemoryStream(std::shared_ptr<State> state, std::shared_ptr<Link> link, bool is_server,
               asio::any_io_executor executor)
      : state_(std::move(state)),
        link_(std::move(link)),
        is_server_(is_server),
        executor_(std::move(executor)) {}
  ~MemoryStream() override { close(); }

  asio::awaitable<IoResult> read_some(asio::mutable_buffer into) override {
    std::shared_ptr<Link> link = link_;
    Pipe& pipe = is_server_ ? *link->to_server : *link->to_client;
    for (;;) {
      if (closed_) co_return IoResult(asio::error::operation_aborted, 0);
      if (link->reset) co_return IoResult(asio::error::connection_reset, 0);
      Instant wake = Instant::max();
      if (!state_->is_frozen(*link)) {
        Instant now = state_->time.now();
        if (!pipe.pieces.empty()) {
          if (pipe.pieces.front().arrival <= now)
            co_return IoResult(error_code(), take(pipe, into));
          wake = pipe.pieces.front().arrival;
        } else if (pipe.closed) {
          if (pipe.close_arrival <= now) co_return IoResult(asio::error::eof, 0);
          wake = pipe.close_arrival;
        }
      }
      co_await pipe.changed.wait(wake);
    }
  }

  asio::awaitable<IoResult> write(std::span<const asio::const_buffer> from) override {
    if (closed_) co_return IoResult(asio::error::operation_aborted, 0);
    if (link_->reset) co_return IoResult(asio::error::connection_reset, 0);
    std::string bytes;
    for (const asio::const_buffer& buffer : from) {
      bytes.append(static_cast<const char*>(buffer.data()), buffer.size());
    }
    std::size_t size = bytes.size();
    put(std::move(bytes));
    co_return IoResult(error_code(), size);
  }

  void close_after(asio::const_buffer last_bytes) noexcept override {
    if (!closed_ && !link_->reset) {
      put(std::string(static_cast<const char*>(last_bytes.data()), last_bytes.size()));
    }
    close();
  }

  void close() noexcept override {
    if (closed_) return;
    closed_ = true;
    Pipe& outgoing = is_server_ ? *link_->to_client : *link_->to_server;
    outgoing.closed = true;
    outgoing.close_arrival = state_->time.now() + state_->latency;
    outgoing.changed.notify_all();
    (is_server_ ? *link_->to_server : *link_->to_client).changed.notify_all();
  }

  IpEndpoint local() const noexcept override { return is_server_ ? link_->server : link_->client; }
  IpEndpoint remote() const noexcept override { return is_server_ ? link_->client : link_->server; }
  asio::any_io_executor executor() override { return executor_; }

 private:
  void put(std::string bytes) const {
    Pipe& pipe = is_server_ ? *link_->to_client : *link_->to_server;
    if (!bytes.empty())
      pipe.pieces.push_back({state_->time.now() + state_->latency, std::move(bytes), 0});
    pipe.changed.notify_all();
  }

  std::size_t take(Pipe& pipe, asio::mutable_buffer into) const {
    Pipe::Piece& front = pipe.pieces.front();
    std::size_t size = std::min({front.bytes.size() - front.taken, into.size(), state_->max_read});
    std::memcpy(into.data(), front.bytes.data() + front.taken, size);
    front.taken += size;
    if (front.taken == front.bytes.size()) pipe.pieces.pop_front();
    return size;
  }

  std::shared_ptr<State> state_;
  std::shared_ptr<Link> link_;
  bool is_server_;
  bool closed_ = false;
  asio::any_io_executor executor_;
};

class MemoryListener final : public Listener {
 public:
  MemoryListener(std::shared_ptr<State> state, std::string host, std::string key, IpEndpoint local,
                 asio::any_io_executor executor)
      : state_(std::move(state)),
        host_(std::move(host)),
        key_(std::move(key)),
        local_(local),
        changed_(std::move(executor), state_->time) {}
  ~MemoryListener() override { close(); }

  asio::awaitable<std::unique_ptr<Stream>> accept(asio::any_io_executor executor) override {
    while (!closed_ && (waiting_.empty() || state_->frozen.contains(host_)))
      co_await changed_.wait();
    if (closed_) throw Error(asio::error::operation_aborted, "listener " + local_.to_string());
    std::shared_ptr<Link> link = std::move(waiting_.front());
    waiting_.pop_front();
    link->to_server->changed.notify_all();
    co_return std::make_unique<MemoryStream>(state_, std::move(link), true, executor);
  }

  void close() noexcept override {
    if (closed_) return;
    closed_ = true;
    state_->listeners.erase(key_);
    for (auto& link : waiting_) link->reset = true;
    changed_.notify_all();
  }
  IpEndpoint local() const noexcept override { return local_; }

  void offer(std::shared_ptr<Link> link) {
    waiting_.push_back(std::move(link));
    changed_.notify_all();
  }
  const std::string& host() const noexcept { return host_; }
  void wake() { changed_.notify_all(); }

 private:
  std::shared_ptr<State> state_;
  std::string host_, key_;
  IpEndpoint local_;
  std::deque<std::shared_ptr<Link>> waiting_;
  bool closed_ = false;
  Event changed_;
};

}  // namespace

template <class Condition>
void MemoryNetwork::State::reset_links(Condition condition) {
  for (auto& weak : links) {
    auto link = weak.lock();
    if (!link || !condition(*link)) continue;
    link->reset = true;
    link->to_client->changed.notify_all();
    link->to_server->changed.notify_all();
  }
  std::erase_if(links, [](const auto& weak) { return weak.expired(); });
}

void MemoryNetwork::State::wake_all() {
  reset_links([](const Link& link) {
    link.to_client->changed.notify_all();
    link.to_server->changed.notify_all();
    return false;
  });
  for (auto& [key, listener] : listeners) listener->wake();
}

MemoryNetwork::MemoryNetwork(TimeSource& time) : state_(std::make_shared<State>(time)) {}
MemoryNetwork::~MemoryNetwork() = default;

namespace {

asio::awaitable<std::unique_ptr<Stream>> connect_from(std::shared_ptr<State> state,
                                                      std::string from, Address address,
                                                      Instant deadline) {
  auto executor = co_await asio::this_coro::executor;
  Timer timer(executor, state->time);
  const std::string what = fmt::format("connect to {}", address.to_string());
  Instant established = state->time.now() + 2 * state->latency;
  co_await timer.wait_until(std::min(established, deadline));
  if (established > deadline) throw Error(asio::error::timed_out, what);
  auto found = state->listeners.find(state->key(address));
  // A frozen host's kernel still completes handshakes; its program does not.
  if (found == state->listeners.end() || state->down.contains(found->second->host()) ||
      state->down.contains(from)) {
    throw Error(asio::error::connection_refused, what);
  }
  auto link = std::make_shared<Link>();
  link->client_host = from;
  link->server_host = found->second->host();
  link->client = state->endpoint(link->client_host, state->next_port++);
  link->server = found->second->local();
  link->to_server = std::make_unique<Pipe>(executor, state->time);
  link->to_client = std::make_unique<Pipe>(executor, state->time);
  state->links.push_back(link);
  found->second->offer(link);
  co_return std::make_unique<MemoryStream>(state, link, false, executor);
}

// The network as one host sees it: its connections carry its name.
class HostNetwork final : public Network {
 public:
  HostNetwork(MemoryNetwork& network, std::shared_ptr<State> state, std::string name)
      : network_(network), state_(std::move(state)), name_(std::move(name)) {}
  asio::awaitable<std::unique_ptr<Stream>> connect(const Address& to, Instant deadline) override {
    return connect_from(state_, name_, to, deadline);
  }
  std::unique_ptr<Listener> listen(asio::any_io_executor executor, const Address& at) override {
    return network_.listen(std::move(executor), at);
  }

 private:
  MemoryNetwork& network_;
  std::shared_ptr<State> state_;
  std::string name_;
};

bool touches(const Link& link, const std::string& host) {
  return link.server_host == host || link.client_host == host;
}

}  // namespace

std::unique_ptr<Network> MemoryNetwork::as_host(std::string name) {
  return std::make_unique<HostNetwork>(*this, state_, std::move(name));
}

asio::awaitable<std::unique_ptr<Stream>> MemoryNetwork::connect(const Address& to,
                                                                Instant deadline) {
  return connect_from(state_, "client", to, deadline);
}

std::unique_ptr<Listener> MemoryNetwork::listen(asio::any_io_executor executor, const Address& at) {
  std::uint16_t port = at.port() != 0 ? at.port() : state_->next_port++;
  IpEndpoint local = state_->endpoint(at.host(), port);
  std::string key = local.to_string();
  if (state_->listeners.contains(key)) {
    throw Error(
        asio::error::address_in_use,
        fmt::format("listen on {} (another process listens there: stop it or choose another port)",
                    at.to_string()));
  }
  auto listener = std::make_unique<MemoryListener>(state_, at.host(), key, local, executor);
  state_->listeners[key] = listener.get();
  return listener;
}

void MemoryNetwork::set_latency(Duration latency) noexcept { state_->latency = latency; }
void MemoryNetwork::set_max_read(std::size_t bytes) noexcept { state_->max_read = bytes; }

void MemoryNetwork::set_down(const std::string& host, bool down) {
  if (!down) {
    state_->down.erase(host);
    return;
  }
  state_->down.insert(host);
  cut_connections(host);
}

void MemoryNetwork::set_frozen(const std::string& host, bool frozen) {
  if (frozen) {
    state_->frozen.insert(host);
  } else {
    state_->frozen.erase(host);
    state_->wake_all();
  }
}

void MemoryNetwork::cut_connections(const std::string& host) {
  state_->reset_links([&host](const Link& link) { return touches(link, host); });
}

}  // namespace comet::inline v0_1
