#pragma once
// Accepts connections and serves them with a table of handlers.

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "comet/base/stream.hpp"
#include "comet/remoting/connection.hpp"

namespace comet::inline v0_1::remoting {

class ServerConfig {
 public:
  Address listen_at;  // port 0: a free one, see Server::local()
  ConnectionLimits connection;
  std::size_t max_connections = 60'000;  // further ones are accepted and closed at once
  // Where they are counted, for servers that have the limit together; null: alone.
  std::shared_ptr<std::atomic<std::size_t>> counted_together;
  // How long a stop leaves the connections open whose peers know GO_AWAY, so that they can be told
  // to go elsewhere; within the deadline of the stop. Zero: not at all.
  Duration go_away_time = Duration::zero();
};

// Every connection is connected and closed once; idle comes before closed when the idle limit is
// the reason.
enum class ConnectionEvent { connected, closed, idle };
// On the connection's executor.
using ConnectionObserver = std::function<void(const std::shared_ptr<Connection>&, ConnectionEvent)>;

// Connections are dealt out to the executors in turn and stay where they are. The server itself
// (start, stop) belongs to the first executor.
class Server {
 public:
  Server(std::vector<asio::any_io_executor> executors, Network& network, TimeSource& time,
         ServerConfig config, std::shared_ptr<const Dispatcher> handlers,
         ConnectionObserver observer = {});
  ~Server();  // stop() must have completed, or the executors' contexts must have ended

  // Listens and begins to accept. Throws Error naming the address (port in use, ...).
  void start();
  // Stops accepting, then closes connections: those with queued answers get until the deadline.
  // Returns when all have ended.
  [[nodiscard]] asio::awaitable<void> stop(Instant deadline);

  [[nodiscard]] IpEndpoint local() const;
  [[nodiscard]] std::size_t connections() const noexcept;  // thread-safe

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace comet::inline v0_1::remoting
