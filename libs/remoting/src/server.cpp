#include "comet/remoting/server.hpp"
#include "comet/base/timer.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <unordered_set>

#include "comet/base/async.hpp"
#include "comet/base/log.hpp"
#include "comet/base/spawn.hpp"

namespace comet::inline v0_1::remoting {
namespace {

// The connections of one executor; used only there.
struct Shard {
  Shard(asio::any_io_executor executor_in, TimeSource& time)
      : executor(executor_in), sessions(executor_in, time) {}

  asio::any_io_executor executor;
  std::unordered_set<std::shared_ptr<Connection>> connections;
  TaskGroup sessions;
};

}  // namespace

struct Server::Impl {
  Impl(const std::vector<asio::any_io_executor>& executors, Network& network_in,
       TimeSource& time_in, ServerConfig config_in, std::shared_ptr<const Dispatcher> handlers_in,
       ConnectionObserver observer_in)
      : network(network_in),
        time(time_in),
        config(std::move(config_in)),
        all_connections(config.counted_together ? config.counted_together
                                                : std::make_shared<std::atomic<std::size_t>>(0)),
        handlers(std::move(handlers_in)),
        observer(std::move(observer_in)),
        main_executor(executors.at(0)),
        accepting(main_executor, time_in),
        shard_drained(main_executor, time_in) {
    for (const auto& executor : executors) {
      shards.push_back(std::make_unique<Shard>(executor, time_in));
    }
  }

  static asio::awaitable<void> accept_all(std::shared_ptr<Impl> impl);
  static void hand_over(std::shared_ptr<Impl> impl, Shard& shard, std::unique_ptr<Stream> stream);
  static asio::awaitable<void> session(std::shared_ptr<Impl> impl, Shard& shard,
                                       std::unique_ptr<Stream> stream);
  static asio::awaitable<void> drain(std::shared_ptr<Impl> impl, Shard& shard, Instant deadline);
  void observe(const std::shared_ptr<Connection>& connection, ConnectionEvent event) const;

  Network& network;
  TimeSource& time;
  const ServerConfig config;
  const std::shared_ptr<std::atomic<std::size_t>> all_connections;
  const std::shared_ptr<const Dispatcher> handlers;
  const ConnectionObserver observer;
  const asio::any_io_executor main_executor;
  std::unique_ptr<Listener> listener;
  TaskGroup accepting;
  std::vector<std::unique_ptr<Shard>> shards;
  std::atomic<std::size_t> connections{0};
  std::size_t draining_shards = 0;
  Event shard_drained;
};

asio::awaitable<void> Server::Impl::accept_all(std::shared_ptr<Impl> impl) {
  for (std::size_t turn = 0;; ++turn) {
    Shard& shard = *impl->shards[turn % impl->shards.size()];
    std::unique_ptr<Stream> stream = co_await impl->listener->accept(shard.executor);
    hand_over(impl, shard, std::move(stream));
  }
}

// The accepting coroutines that count up together run on one executor, so the limit holds.
void Server::Impl::hand_over(std::shared_ptr<Impl> impl, Shard& shard,
                             std::unique_ptr<Stream> stream) {
  // Closed here, where nobody else has it yet: its own executor may be behind with those before it,
  // and descriptors run out.
  if (*impl->all_connections >= impl->config.max_connections) return stream->close();
  ++impl->connections;
  ++*impl->all_connections;
  auto begin = [impl, &shard, stream = std::move(stream)]() mutable {
    shard.sessions.spawn("session", session(impl, shard, std::move(stream)));
  };
  asio::dispatch(shard.executor, std::move(begin));
}

asio::awaitable<void> Server::Impl::session(std::shared_ptr<Impl> impl, Shard& shard,
                                            std::unique_ptr<Stream> stream) {
  auto connection = std::make_shared<Connection>(std::move(stream), impl->handlers, impl->time,
                                                 impl->config.connection);
  shard.connections.insert(connection);
  impl->observe(connection, ConnectionEvent::connected);
  const error_code reason = co_await connection->run();
  --impl->connections;
  --*impl->all_connections;
  if (reason == RemotingErrc::idle) impl->observe(connection, ConnectionEvent::idle);
  impl->observe(connection, ConnectionEvent::closed);
  co_await connection->handlers_ended();
  shard.connections.erase(connection);
}

void Server::Impl::observe(const std::shared_ptr<Connection>& connection,
                           ConnectionEvent event) const {
  if (!observer) return;
  try {
    observer(connection, event);
  } catch (const std::exception& problem) {
    log::error("observer of connection {}: {}", connection->remote().to_string(), problem.what());
  }
}

asio::awaitable<void> Server::Impl::drain(std::shared_ptr<Impl> impl, Shard& shard,
                                          Instant deadline) {
  bool anybody_knows_go_away = false;
  for (const auto& connection : shard.connections) {
    connection->refuse_requests();
    anybody_knows_go_away = anybody_knows_go_away || connection->peer_knows_go_away();
  }
  if (anybody_knows_go_away && impl->config.go_away_time > Duration::zero()) {
    Timer timer(shard.executor, impl->time);
    const Instant until = impl->time.now() + impl->config.go_away_time;
    co_await timer.wait_until(std::min(deadline, until));
  }
  for (const auto& connection : shard.connections) connection->close_when_done();
  try {
    co_await with_deadline(shard.sessions.join(), deadline, impl->time, "drain connections");
  } catch (const Error& problem) {
    if (problem.code() != asio::error::timed_out) throw;
  }
  for (const auto& connection : shard.connections) {
    connection->close();
    connection->cancel_handlers();
  }
  co_await shard.sessions.join();
}

Server::Server(std::vector<asio::any_io_executor> executors, Network& network, TimeSource& time,
               ServerConfig config, std::shared_ptr<const Dispatcher> handlers,
               ConnectionObserver observer)
    : impl_(std::make_shared<Impl>(executors, network, time, std::move(config), std::move(handlers),
                                   std::move(observer))) {}

Server::~Server() = default;

void Server::start() {
  impl_->listener = impl_->network.listen(impl_->main_executor, impl_->config.listen_at);
  impl_->accepting.spawn("accept", Impl::accept_all(impl_));
}

asio::awaitable<void> Server::stop(Instant deadline) {
  const std::shared_ptr<Impl> impl = impl_;
  if (impl->listener != nullptr) impl->listener->close();
  co_await impl->accepting.join();
  // Each shard drains on its own executor and reports here. Connections that are still being handed
  // over arrive there before the order to drain.
  for (const auto& shard : impl->shards) {
    ++impl->draining_shards;
    auto on_end = [impl](std::exception_ptr problem) {
      if (problem) log::error("draining connections failed");
      asio::post(impl->main_executor, [impl] {
        --impl->draining_shards;
        impl->shard_drained.notify_all();
      });
    };
    auto begin = [impl, shard = shard.get(), deadline, on_end] {
      spawn(shard->executor, Impl::drain(impl, *shard, deadline), on_end);
    };
    asio::post(shard->executor, begin);
  }
  while (impl->draining_shards != 0) co_await impl->shard_drained.wait();
}

IpEndpoint Server::local() const { return impl_->listener->local(); }

std::size_t Server::connections() const noexcept { return impl_->connections; }

}  // namespace comet::inline v0_1::remoting
