#include "comet/replication/ha_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/error.hpp>

#include "apache_wire.hpp"
#include "comet/base/bytes.hpp"
#include "comet/base/log.hpp"
#include "comet/base/timer.hpp"
#include "comet_wire.hpp"
#include "same_lines.hpp"
#include "service_core.hpp"

namespace comet::inline v0_1::replication {
namespace {

constexpr std::size_t kReportChunk = 4096;
constexpr Duration kKeepPeriod = std::chrono::seconds(1);

}  // namespace

ServiceCore::ServiceCore(asio::any_io_executor executor_in, Network& network_in,
                         TimeSource& time_in, HaServiceConfig config_in, HaServiceParts parts_in)
    : executor(std::move(executor_in)),
      network(network_in),
      time(time_in),
      config(std::move(config_in)),
      parts(parts_in),
      growth(
          executor, time, [&log = parts_in.log] { return log.end(); },
          [&log = parts_in.log](std::int64_t seen) { return log.wait_for_end_beyond(seen); }) {}

void ServiceCore::heard_epoch(std::int64_t epoch, const std::string& from) {
  parts.coordinator.heard_epoch(epoch, from);
  parts.set.deposed();
}

void ServiceCore::count_refusal(PeerState state) {
  ++parts.set.counters().refusals[std::string(to_string(state))];
}

void ServiceCore::replace(std::int64_t member, const ReplicaSession* by) {
  for (ReplicaSession* session : sessions) {
    if (session == by || session->member() != member || member == 0) continue;
    session->connection().end(
        PeerState::connecting,
        fmt::format("a newer connection of replica {} takes its place", member));
  }
}

std::int64_t ServiceCore::oldest_needed() const {
  std::int64_t oldest = kNoLimit;
  for (const ReplicaSession* session : sessions) {
    if (session->next_byte() >= 0) oldest = std::min(oldest, session->next_byte());
  }
  return oldest;
}

struct HaService::Impl {
  explicit Impl(std::shared_ptr<ServiceCore> core_in)
      : core(std::move(core_in)),
        accepting(core->executor, core->time),
        background(core->executor, core->time),
        sessions(core->executor, core->time) {}

  static asio::awaitable<void> accept_all(std::shared_ptr<Impl> impl);
  static asio::awaitable<void> serve(std::shared_ptr<Impl> impl,
                                     std::shared_ptr<PeerConnection> connection);
  asio::awaitable<void> serve_wire(std::shared_ptr<PeerConnection> connection) const;
  static asio::awaitable<void> watch_log(std::shared_ptr<ServiceCore> core);
  static asio::awaitable<void> watch_metadata(std::shared_ptr<ServiceCore> core);
  static asio::awaitable<void> keep_files(std::shared_ptr<ServiceCore> core);

  const std::shared_ptr<ServiceCore> core;
  std::unique_ptr<Listener> listener;
  std::list<std::shared_ptr<PeerConnection>> open;
  TaskGroup accepting;
  TaskGroup background;
  TaskGroup sessions;
  SameLines lines;
};

asio::awaitable<void> HaService::Impl::accept_all(std::shared_ptr<Impl> impl) {
  for (;;) {
    std::unique_ptr<Stream> stream = co_await impl->listener->accept(impl->core->executor);
    if (impl->open.size() >= impl->core->config.max_connections) {
      if (impl->core->parts.set.counters().connections_refused++ == 0) {
        log::warn("HA: {} is closed: there are {} connections already",
                  stream->remote().to_string(), impl->open.size());
      }
      stream->close();
      continue;
    }
    auto connection =
        std::make_shared<PeerConnection>(std::move(stream), impl->core->time, kReportChunk);
    impl->open.push_back(connection);
    impl->sessions.spawn("HA session", serve(impl, std::move(connection)));
  }
}

asio::awaitable<void> HaService::Impl::serve(std::shared_ptr<Impl> impl,
                                             std::shared_ptr<PeerConnection> connection) {
  TaskGroup clock(impl->core->executor, impl->core->time);
  connection->set_patience(impl->core->config.housekeeping);
  clock.spawn("HA clock", PeerConnection::run_clock(connection));
  const std::string remote = connection->remote();
  const std::string host = connection->remote_host();
  if (impl->lines.is_new(host, "has connected", impl->core->time.now())) {
    log::info("HA: {} has connected", remote);
  }
  try {
    co_await impl->serve_wire(connection);
  } catch (const std::exception& problem) {
    connection->end(PeerState::failed, problem.what());
  }
  connection->end(PeerState::connecting, "it is at its end");
  const Ending& why = connection->ending();
  const bool is_new = impl->lines.is_new(host, why.text, impl->core->time.now());
  if (!is_new) {
    log::debug("HA: the connection of {} is closed again: {}", remote, why.text);
  } else if (why.state == PeerState::connecting) {
    log::info("HA: the connection of {} is closed: {}", remote, why.text);
  } else {
    log::error("HA: the connection of {} is closed: {}", remote, why.text);
  }
  impl->open.remove(connection);
  clock.cancel();
  co_await clock.join();
}

// Says nothing until eight bytes have come: a report, or the magic of our own handshake.
asio::awaitable<void> HaService::Impl::serve_wire(
    std::shared_ptr<PeerConnection> connection) const {
  while (connection->received().size() < kReportSize) {
    if (!co_await connection->fill()) co_return;
  }
  const std::string_view first = connection->received().substr(0, kReportSize);
  const bool is_comet = first == kReplicaMagic;
  const auto report = load_be<std::int64_t>(first.data());
  connection->consume(kReportSize);
  if (is_comet) {
    co_await serve_comet(core, std::move(connection));
  } else {
    co_await serve_apache(core, std::move(connection), report);
  }
}

asio::awaitable<void> HaService::Impl::watch_log(std::shared_ptr<ServiceCore> core) {
  co_await core->growth.run();
}

asio::awaitable<void> HaService::Impl::watch_metadata(std::shared_ptr<ServiceCore> core) {
  MetadataSource& source = *core->parts.metadata;
  for (;;) {
    const std::int64_t seen = source.version();
    core->growth.notify();
    if (!co_await source.wait_for_version_beyond(seen)) co_return;
  }
}

// Retention spares what connected replicas need, within bounds.
asio::awaitable<void> HaService::Impl::keep_files(std::shared_ptr<ServiceCore> core) {
  Timer timer(core->executor, core->time);
  std::int64_t kept = kNoLimit;
  while (co_await timer.wait_for(kKeepPeriod)) {
    ReplicaLog& log = core->parts.log;
    std::int64_t keep = core->oldest_needed();
    if (keep != kNoLimit) {
      keep = std::max(keep, log.end() - core->config.keep_for_replica_bytes);
    }
    if (keep != kept) log.keep_from(keep);
    kept = keep;
  }
}

HaService::HaService(asio::any_io_executor executor, Network& network, TimeSource& time,
                     HaServiceConfig config, HaServiceParts parts)
    : impl_(std::make_shared<Impl>(std::make_shared<ServiceCore>(std::move(executor), network, time,
                                                                 std::move(config), parts))) {}

HaService::~HaService() = default;

void HaService::start() {
  const std::shared_ptr<ServiceCore>& core = impl_->core;
  impl_->listener = core->network.listen(core->executor, core->config.listen_at);
  log::info("HA: listening on {}", impl_->listener->local().to_string());
  impl_->background.spawn("HA log watch", Impl::watch_log(core));
  impl_->background.spawn("HA files kept", Impl::keep_files(core));
  if (core->parts.metadata != nullptr) {
    impl_->background.spawn("HA metadata watch", Impl::watch_metadata(core));
  }
  impl_->accepting.spawn("HA accept", Impl::accept_all(impl_));
}

asio::awaitable<void> HaService::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  if (impl->listener != nullptr) impl->listener->close();
  co_await impl->accepting.join();
  for (const auto& connection : impl->open) {
    connection->end(PeerState::connecting, "this broker shuts down");
  }
  co_await impl->sessions.join();
  impl->background.cancel();
  co_await impl->background.join();
  impl->core->parts.log.keep_from(kNoLimit);
}

IpEndpoint HaService::local() const { return impl_->listener->local(); }

std::size_t HaService::connections() const noexcept { return impl_->open.size(); }

}  // namespace comet::inline v0_1::replication
