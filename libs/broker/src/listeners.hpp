#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "comet/base/async.hpp"
#include "comet/base/stream.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/remoting/server.hpp"

namespace comet::inline v0_1::broker {

// The broker's two ports: the one that it announces, and the VIP port below it, which serves
// producers whose sends shall not queue up behind pulls.
class Listeners {
 public:
  using MakeDispatcher =
      std::function<std::shared_ptr<const remoting::Dispatcher>(bool with_pulls)>;

  Listeners(std::vector<asio::any_io_executor> executors, Network& network, TimeSource& time,
            const BrokerConfig& config, TaskGroup& tasks);

  // Listens on both, on a free pair for port 0. Connections on the VIP port stay while
  // `has_client_at` their address: clients say that they live on the other one. Throws Error.
  void start(const MakeDispatcher& make_dispatcher, remoting::ConnectionObserver on_connection,
             std::function<bool(const IpEndpoint&)> has_client_at);
  [[nodiscard]] asio::awaitable<void> stop(Instant deadline);

  [[nodiscard]] IpEndpoint local() const { return server_->local(); }
  [[nodiscard]] std::size_t connections() const;  // thread-safe

 private:
  [[nodiscard]] std::unique_ptr<remoting::Server> make_server(const Address& at, bool with_pulls);
  void start_vip_server(std::uint16_t port);

  std::vector<asio::any_io_executor> executors_;
  Network& network_;
  TimeSource& time_;
  const BrokerConfig& config_;
  TaskGroup& tasks_;
  MakeDispatcher make_dispatcher_;
  remoting::ConnectionObserver on_connection_;
  std::function<bool(const IpEndpoint&)> has_client_at_;
  // Of both servers.
  std::shared_ptr<std::atomic<std::size_t>> connections_ =
      std::make_shared<std::atomic<std::size_t>>(0);
  std::unique_ptr<remoting::Server> server_;
  std::unique_ptr<remoting::Server> vip_server_;
  std::vector<std::unique_ptr<remoting::Server>> abandoned_;  // of failed tries to find free ports
};

}  // namespace comet::inline v0_1::broker
