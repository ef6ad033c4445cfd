#pragma once
// The HTTP endpoint: GET /health and GET /metrics, nothing else.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "comet/base/stream.hpp"

namespace comet::inline v0_1::monitor {

class MonitorConfig {
 public:
  Address listen_at{"127.0.0.1", 0};  // port 0: a free one
  std::size_t max_connections = 64;   // further ones are closed at once
  std::size_t max_header = 8192;      // bytes of a request; more is answered with 431
  // From the end of one answer (or the begin of the connection) until the next answer is written:
  // for idle, slow and stalled peers alike.
  Duration patience = std::chrono::seconds(15);
};

class Health {
 public:
  explicit Health(bool ok_in, std::string detail_in = {})
      : ok(ok_in), detail(std::move(detail_in)) {}
  bool ok;
  std::string detail;  // why not; shown to whoever asks
};

// Belongs to its executor.
class MonitorServer {
 public:
  using HealthCheck = std::function<asio::awaitable<Health>()>;  // may take a moment
  using MetricsText = std::function<std::string()>;

  // The network and the time source must outlive the executor's context.
  MonitorServer(asio::any_io_executor executor, Network& network, TimeSource& time,
                MonitorConfig config, HealthCheck health, MetricsText metrics);
  ~MonitorServer();  // stop() must have completed, or the executor's context must have ended

  // Throws Error naming the address.
  void start();
  // Closes everything.
  [[nodiscard]] asio::awaitable<void> stop();
  [[nodiscard]] IpEndpoint local() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace comet::inline v0_1::monitor
