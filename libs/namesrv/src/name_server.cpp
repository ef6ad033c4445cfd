#include "comet/namesrv/name_server.hpp"

#include <utility>

#include "comet/base/async.hpp"
#include "comet/base/log.hpp"
#include "comet/remoting/frame_memory.hpp"
#include "comet/remoting/server.hpp"
#include "comet/remoting/unsent_memory.hpp"
#include "saved_routes.hpp"
#include "service.hpp"

namespace comet::inline v0_1::namesrv {
namespace {

using remoting::Connection;
using remoting::ConnectionEvent;

// A broker whose connection is gone is gone: its clients must not wait for the expiry.
void on_connection_closed(Service& service, std::uint64_t connection) {
  const std::scoped_lock lock(service.mutex);
  service.connections.erase(connection);
  if (service.stopping) return;
  const auto removed = service.table.connection_closed(connection);
  service.counters.connections_lost += removed.size();
  after_removal(service, removed, "its connection has closed");
}

// Silent brokers lose their connection too, so that they notice and register again.
void expire_brokers(Service& service) {
  std::vector<std::shared_ptr<Connection>> to_close;
  {
    const std::scoped_lock lock(service.mutex);
    for (const RemovedBroker& broker : service.table.expire(service.time.now())) {
      ++service.counters.expired;
      after_removal(service, {broker},
                    "silent for " + std::to_string(to_millis(broker.silent)) + " ms");
      const auto connection = service.connections.find(broker.connection);
      if (connection == service.connections.end()) continue;
      if (auto open = connection->second.lock()) to_close.push_back(std::move(open));
    }
  }
  for (const auto& connection : to_close) connection->close();
}

asio::awaitable<void> save_soon(std::shared_ptr<Service> service) {
  do_work(service, save_routes);
  co_return;
}

asio::awaitable<void> expire_soon(std::shared_ptr<Service> service) {
  do_work(service, expire_brokers);
  co_return;
}

std::shared_ptr<const remoting::Dispatcher> make_dispatcher(
    const std::shared_ptr<Service>& service) {
  auto dispatcher = std::make_shared<remoting::Dispatcher>();
  install_broker_handlers(*dispatcher, service);
  install_route_handlers(*dispatcher, service);
  install_list_handlers(*dispatcher, service);
  install_change_handlers(*dispatcher, service);
  install_kv_handlers(*dispatcher, service);
  install_config_handlers(*dispatcher, service);
  dispatcher->observe(service->config.observer);
  return dispatcher;
}

}  // namespace

struct NameServer::Impl {
  Impl(std::vector<asio::any_io_executor> executors_in, Network& network_in, TimeSource& time_in,
       NameServerConfig config, asio::any_io_executor worker)
      : executors(std::move(executors_in)),
        network(network_in),
        time(time_in),
        service(std::make_shared<Service>(std::move(config), time_in, executors.front(),
                                          std::move(worker))),
        tasks(executors.front(), time_in) {}

  std::vector<asio::any_io_executor> executors;
  Network& network;
  TimeSource& time;
  std::shared_ptr<Service> service;
  std::unique_ptr<remoting::Server> server;
  TaskGroup tasks;
  const std::shared_ptr<remoting::FrameMemory> frames =
      std::make_shared<remoting::FrameMemory>(service->config.max_unfinished_frame_bytes);
  const std::shared_ptr<remoting::UnsentMemory> unsent =
      std::make_shared<remoting::UnsentMemory>(service->config.max_unsent_bytes);
};

NameServer::NameServer(std::vector<asio::any_io_executor> executors, Network& network,
                       TimeSource& time, NameServerConfig config, asio::any_io_executor worker)
    : impl_(std::make_shared<Impl>(std::move(executors), network, time, std::move(config),
                                   std::move(worker))) {}

NameServer::~NameServer() = default;

void NameServer::start() {
  const std::shared_ptr<Service>& service = impl_->service;
  service->kv.load();
  restore_routes(*service);
  service->order_config.replace(service->kv.find_namespace(kOrderTopicConfig));
  service->notices =
      std::make_unique<BrokerNotices>(impl_->executors.front(), impl_->network, impl_->time);
  remoting::ServerConfig config;
  config.listen_at = service->config.listen_at;
  config.connection = service->config.connection;
  config.connection.frames = impl_->frames;
  config.connection.unsent = impl_->unsent;
  config.max_connections = service->config.max_connections;
  auto observe = [service](const std::shared_ptr<Connection>& connection, ConnectionEvent event) {
    if (event != ConnectionEvent::closed) return;
    service->notifier->connection_closed(connection->id());
    do_work(service, [id = connection->id()](Service& its) { on_connection_closed(its, id); });
  };
  impl_->server = std::make_unique<remoting::Server>(impl_->executors, impl_->network, impl_->time,
                                                     std::move(config), make_dispatcher(service),
                                                     std::move(observe));
  impl_->server->start();
  const Duration interval = service->config.scan_interval;
  auto expire = [service] { return expire_soon(service); };
  impl_->tasks.spawn("broker expiry", repeat_every(impl_->time, interval, interval, "broker expiry",
                                                   std::move(expire)));
  if (service->config.saved_routes_path.empty()) return;
  const Duration pause = service->config.saved_routes_interval;
  auto save = [service] { return save_soon(service); };
  impl_->tasks.spawn("saving of routes",
                     repeat_every(impl_->time, pause, pause, "saving of routes", std::move(save)));
}

asio::awaitable<void> NameServer::stop(Instant deadline) {
  const std::shared_ptr<Impl> impl = impl_;
  {
    const std::scoped_lock lock(impl->service->mutex);
    impl->service->stopping = true;
  }
  impl->tasks.cancel();
  co_await impl->tasks.join();
  if (impl->server) co_await impl->server->stop(deadline);
  save_routes(*impl->service);
  if (!impl->service->notices) co_return;
  co_await impl->service->notices->stop();
  impl->service->notices.reset();
}

IpEndpoint NameServer::local() const { return impl_->server->local(); }

NameServerStats NameServer::stats() const {
  Service& service = *impl_->service;
  NameServerStats stats;
  stats.connections = impl_->server->connections();
  stats.brokers = service.table.brokers();
  stats.topics = service.table.topic_count();
  stats.frames_given_up = impl_->frames->given_up();
  stats.unfinished_frame_bytes = impl_->frames->bytes();
  stats.answers_given_up = impl_->unsent->given_up();
  stats.unsent_bytes = impl_->unsent->bytes();
  stats.route_watches = service.notifier->watches();
  stats.route_notifications = service.notifier->notifications();
  const Counters& counters = service.counters;
  stats.registrations = counters.registrations.value();
  stats.registrations_refused = counters.registrations_refused.value();
  stats.expired = counters.expired.value();
  stats.connections_lost = counters.connections_lost.value();
  stats.unregistered = counters.unregistered.value();
  stats.route_not_found = counters.route_not_found.value();
  return stats;
}

std::vector<std::string> NameServer::problems() const {
  Service& service = *impl_->service;
  const std::scoped_lock lock(service.mutex);
  if (service.saved_routes_problem.empty()) return {};
  return {service.saved_routes_problem};
}

}  // namespace comet::inline v0_1::namesrv
