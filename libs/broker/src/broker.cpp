#include "comet/broker/broker.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "admin/stats.hpp"
#include "assignment/message_request_modes.hpp"
#include "comet/base/log.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/frame_memory.hpp"
#include "comet/remoting/server.hpp"
#include "comet/remoting/unsent_memory.hpp"
#include "delay/timer_service.hpp"
#include "handlers.hpp"
#include "records/timer_message.hpp"
#include "registration/registration.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;
using remoting::Connection;
using remoting::ConnectionEvent;

namespace {

constexpr std::uint16_t kVipDistance = 2;  // Apache: listenPort - 2
constexpr int kPortTries = 20;
constexpr Duration kSaveRetry = 1s;
constexpr std::size_t kMaxHeader = 1u << 20;  // of a request: 32 KB of properties and some fields

}  // namespace

// What the broker is made of, in the order in which it comes to life.
struct Broker::Impl {
  Impl(std::vector<asio::any_io_executor> executors_in, Network& network_in, TimeSource& time_in,
       BrokerConfig config_in)
      : executors(std::move(executors_in)),
        network(network_in),
        time(time_in),
        config(std::move(config_in)),
        home(executors.front()),
        files(home, time),
        helper(home, time),
        topics(config, time, files),
        groups(config, time, files),
        request_modes(config, time, files),
        offsets(config.store.root, time),
        filters(config.store.root, time),
        clients(time, config.clients),
        notices(home, time, config, groups, clients),
        refusals(time),
        locks(time),
        delay_levels(config.store.delay_levels),
        sends(config.max_sends, config.max_send_bytes),
        dropped(time),
        runtime(time, traffic),
        tasks(home, time) {
    config.connection.frames =
        std::make_shared<remoting::FrameMemory>(config.max_unfinished_frame_bytes);
    config.connection.unsent = std::make_shared<remoting::UnsentMemory>(config.max_unsent_bytes);
  }
  ~Impl() {
    helper.abandon();
    files.abandon();
  }

  void open_store();
  void listen();
  // The VIP listener serves producers whose sends shall not queue up behind pulls: everything but
  // those.
  void start_servers();
  void start_vip_server(std::uint16_t port);
  std::unique_ptr<remoting::Server> make_server(const Address& at, bool with_pulls);
  std::shared_ptr<const remoting::Dispatcher> make_dispatcher(bool with_pulls);
  void begin_background_work();
  void on_connection(const std::shared_ptr<Connection>& connection, ConnectionEvent event);
  asio::awaitable<void> close_silent_clients();
  void add_bounds(BrokerStats& stats) const;
  asio::awaitable<void> save_offsets_in_background();
  asio::awaitable<void> save_delay_offsets_in_background();
  asio::awaitable<void> retry_failed_saves();
  [[nodiscard]] std::vector<std::string> problems() const;

  std::vector<asio::any_io_executor> executors;
  Network& network;
  TimeSource& time;
  BrokerConfig config;
  asio::any_io_executor home;
  HelperThread files;   // writes the tables' files
  HelperThread helper;  // makes large answers

  std::unique_ptr<store::MessageStore> store;
  TopicTable topics;
  GroupTable groups;
  MessageRequestModes request_modes;
  OffsetTable offsets;
  ConsumerFilters filters;
  ClientRegistry clients;
  GroupNotices notices;
  RefusalLog refusals;
  LockTable locks;
  TrafficTable traffic;
  store::DelayLevels delay_levels;
  SendsInFlight sends;
  DroppedMessages dropped;
  RuntimeStats runtime;
  std::unique_ptr<DelayService> delays;
  std::shared_ptr<TimerService> timers;  // null: timerWheelEnable=false
  std::unique_ptr<TransactionService> transactions;
  std::unique_ptr<PullHold> hold;
  std::unique_ptr<BrokerContext> context;
  std::shared_ptr<SettingsInUse> settings;
  // Of both servers.
  std::shared_ptr<std::atomic<std::size_t>> connections =
      std::make_shared<std::atomic<std::size_t>>(0);
  std::unique_ptr<remoting::Server> server;
  std::unique_ptr<remoting::Server> vip_server;
  std::vector<std::unique_ptr<remoting::Server>> abandoned;  // of failed tries to find free ports
  std::unique_ptr<Registration> registration;
  TaskGroup tasks;
};

void Broker::Impl::open_store() {
  store = std::make_unique<store::MessageStore>(config.store, home, time);
  topics.load(store->queue_counts());
  groups.load();
  request_modes.load();
  offsets.load();
  filters.load();
  delays = std::make_unique<DelayService>(home, time, *store, delay_levels, topics, traffic,
                                          dropped, config.store.root);
  delays->load();
  transactions = std::make_unique<TransactionService>(home, time, *store, config, topics, offsets,
                                                      clients, traffic);
  transactions->load();
  if (!config.timers) return;
  timers =
      std::make_shared<TimerService>(home, time, *store, topics, traffic, runtime, dropped, config);
  timers->load();
}

void Broker::Impl::listen() {
  hold = std::make_unique<PullHold>(
      home, time, config.max_held_pulls, config.max_held_pull_bytes,
      [this](PullHold::Pull pull) { resume_held_pull(*context, std::move(pull)); });
  context.reset(new BrokerContext{
      config,  time,    IpEndpoint(), *store,     topics,  groups,       offsets,
      clients, notices, refusals,     hold.get(), traffic, delay_levels, locks,
      *delays, sends,   runtime,      helper,     filters, timers.get(), transactions.get()});
  settings = make_settings_in_use(*context, config);
  store->observe_arrivals([this](const store::Arrival& arrival) {
    hold->on_arrival(arrival);
    if (arrival.topic == kScheduleTopic) delays->on_arrival(arrival.queue_id);
    if (timers && arrival.topic == kTimerTopic && arrival.queue_id == 0) {
      timers->on_arrival(arrival.queue_offset);
    }
  });

  start_servers();
  auto announced = IpEndpoint::parse_ip(config.broker_ip, server->local().port());
  if (!announced)
    throw Error(announced.error(),
                fmt::format("brokerIP1 '{}' is not an IP address", config.broker_ip));
  context->store_host = *announced;
}

std::shared_ptr<const remoting::Dispatcher> Broker::Impl::make_dispatcher(bool with_pulls) {
  auto dispatcher = std::make_shared<remoting::Dispatcher>();
  install_send_handlers(*dispatcher, *context);
  install_send_back_handler(*dispatcher, *context);
  install_recall_handler(*dispatcher, *context);
  install_transaction_handlers(*dispatcher, *context);
  install_reply_handlers(*dispatcher, *context);
  if (with_pulls) install_pull_handlers(*dispatcher, *context);
  install_offset_handlers(*dispatcher, *context);
  install_client_handlers(*dispatcher, *context);
  install_lock_handlers(*dispatcher, *context);
  install_topic_handlers(*dispatcher, *context);
  install_group_handlers(*dispatcher, *context);
  install_query_handlers(*dispatcher, *context);
  install_connection_handlers(*dispatcher, *context);
  install_consume_stats_handlers(*dispatcher, *context);
  install_stats_handlers(*dispatcher, *context);
  install_offset_change_handlers(*dispatcher, *context);
  install_consumer_call_handlers(*dispatcher, *context);
  install_maintenance_handlers(*dispatcher, *context);
  install_config_handlers(*dispatcher, *context, settings);
  install_assignment_handlers(*dispatcher, *context, request_modes);
  install_pop_refusals(*dispatcher);
  dispatcher->observe(config.observer);
  return dispatcher;
}

std::unique_ptr<remoting::Server> Broker::Impl::make_server(const Address& at, bool with_pulls) {
  remoting::ServerConfig server_config;
  server_config.listen_at = at;
  server_config.connection = config.connection;
  server_config.connection.max_header = kMaxHeader;
  if (!with_pulls) {
    // The VIP port: clients say that they live on the other one.
    server_config.connection.stays_though_idle = [this](const IpEndpoint& remote) {
      return clients.has_client_at(remote);
    };
  }
  server_config.max_connections = config.max_connections;
  server_config.counted_together = connections;
  return std::make_unique<remoting::Server>(
      executors, network, time, server_config, make_dispatcher(with_pulls),
      [this](const std::shared_ptr<Connection>& connection, ConnectionEvent event) {
        on_connection(connection, event);
      });
}

void Broker::Impl::start_servers() {
  const Address& at = config.listen_at;
  if (at.port() != 0) {
    server = make_server(at, true);
    server->start();
    start_vip_server(at.port());
    return;
  }
  // Free ports are needed in a pair. Other programs look for ports as well, so there is a next try.
  for (int tries = 1;; ++tries) {
    std::unique_ptr<Listener> probe = network.listen(home, at);
    const std::uint16_t port = probe->local().port();
    try {
      start_vip_server(port);
      probe->close();
      probe.reset();
      server = make_server(Address(at.host(), port), true);
      server->start();
      return;
    } catch (const Error&) {
      if (tries == kPortTries) throw;
    }
    server.reset();
    if (vip_server) {
      tasks.spawn("stop of a listener", vip_server->stop(time.now()));
      abandoned.push_back(std::move(vip_server));
    }
  }
}

void Broker::Impl::start_vip_server(std::uint16_t port) {
  if (port <= kVipDistance) {
    log::warn("no VIP listener: there is no port {} - {}", port, kVipDistance);
    return;
  }
  const Address at(config.listen_at.host(), static_cast<std::uint16_t>(port - kVipDistance));
  std::unique_ptr<remoting::Server> started = make_server(at, false);
  try {
    started->start();
  } catch (const Error& error) {
    throw Error(error.code(),
                fmt::format("VIP listener, on listenPort - {}: {}", kVipDistance, error.context()));
  }
  vip_server = std::move(started);
  log::info("VIP listener on {}", vip_server->local().to_string());
}

void Broker::Impl::begin_background_work() {
  const std::string address = context->store_host.to_string();
  const std::string ha_address = Address(context->store_host.ip_text(),
                                         static_cast<std::uint16_t>(context->store_host.port() + 1))
                                     .to_string();
  registration = std::make_unique<Registration>(home, network, time, config, topics, helper,
                                                address, ha_address);
  context->registration = registration.get();
  topics.on_change([this] { asio::post(home, [this] { registration->topics_changed(); }); });
  registration->start();
  tasks.spawn("pull hold", hold->run());
  tasks.spawn("notices to consumers", notices.run());
  tasks.spawn("statistics", runtime.run());
  tasks.spawn("client expiry", repeat_every(time, 10s, 10s, "client expiry",
                                            [this] { return close_silent_clients(); }));
  tasks.spawn("retention", store->run_retention());
  const Duration interval = config.flush_consumer_offset_interval;
  tasks.spawn("offset saving", repeat_every(time, interval, interval, "offset saving",
                                            [this] { return save_offsets_in_background(); }));
  tasks.spawn("failed saves", repeat_every(time, kSaveRetry, kSaveRetry, "failed saves",
                                           [this] { return retry_failed_saves(); }));
  delays->start(tasks, context->store_host);
  transactions->start(tasks, context->store_host);
  const Duration delay_interval = config.flush_delay_offset_interval;
  tasks.spawn("delay offset saving",
              repeat_every(time, delay_interval, delay_interval, "delay offset saving",
                           [this] { return save_delay_offsets_in_background(); }));
  if (!timers) return;
  timers->start(tasks, context->store_host,
                [this](std::function<void()> work) { files.post(std::move(work)); });
}

void Broker::Impl::on_connection(const std::shared_ptr<Connection>& connection,
                                 ConnectionEvent event) {
  if (event != ConnectionEvent::closed) return;
  hold->forget(connection->id());
  for (const auto& group : clients.connection_closed(connection->id())) {
    if (group.is_empty) {
      filters.unsubscribe(group.name);
    } else {
      notices.group_changed(group.name);
    }
  }
}

asio::awaitable<void> Broker::Impl::close_silent_clients() {
  while (locks.forget_expired()) co_await asio::post(home, asio::use_awaitable);
  for (std::uint64_t last = 0;;) {
    const auto silent = clients.next_silent(config.client_expiry, last);
    if (!silent) co_return;
    for (const auto& connection : *silent) {
      log::info("closing {}: no heartbeat for {} s", connection->remote().to_string(),
                to_millis(config.client_expiry) / 1000);
      connection->close();
    }
    co_await asio::post(home, asio::use_awaitable);  // other work has its turn
  }
}

asio::awaitable<void> Broker::Impl::save_offsets_in_background() {
  files.post([this] {
    offsets.save_if_changed();
    filters.save_if_changed();
  });
  co_return;
}

asio::awaitable<void> Broker::Impl::save_delay_offsets_in_background() {
  files.post([this] { delays->save_if_changed(); });
  co_return;
}

// A change that is not on the disk is lost with the broker, and whoever asked for it waits or has
// been refused.
asio::awaitable<void> Broker::Impl::retry_failed_saves() {
  topics.retry_save();
  groups.retry_save();
  request_modes.retry_save();
  const bool offsets_failed = !offsets.problem().empty() || !filters.problem().empty();
  const bool delays_failed = !delays->problem().empty();
  if (!offsets_failed && !delays_failed) co_return;
  files.post([this, offsets_failed, delays_failed] {
    if (offsets_failed) {
      offsets.save_if_changed();
      filters.save_if_changed();
    }
    if (delays_failed) delays->save_if_changed();
  });
}

std::vector<std::string> Broker::Impl::problems() const {
  std::vector<std::string> all;
  const auto add = [&all](std::string problem) {
    if (!problem.empty()) all.push_back(std::move(problem));
  };
  const std::string reason = store->read_only_reason();
  add(reason.empty() ? reason : "the store is read-only: " + reason);
  add(topics.problem());
  add(groups.problem());
  add(request_modes.problem());
  add(offsets.problem());
  add(filters.problem());
  add(delays->problem());
  if (timers) add(timers->problem());
  if (registration) add(registration->stats().problem_everywhere());
  return all;
}

// Names as in docs/limits.md.
void Broker::Impl::add_bounds(BrokerStats& stats) const {
  const auto add = [&stats](std::string name, std::size_t used, std::size_t limit) {
    BoundedStats& bound = stats.bounds.emplace_back();
    bound.name = std::move(name);
    bound.used = used;
    bound.limit = limit;
  };
  const ClientRegistry::Size known = clients.size();
  const LockTable::Size held = locks.size();
  const ConsumerFilters::Size kept = filters.size();
  add("connections", stats.connections, config.max_connections);
  add("unfinished_frame_bytes", config.connection.frames->bytes(),
      config.max_unfinished_frame_bytes);
  add("unsent_bytes", config.connection.unsent->bytes(), config.max_unsent_bytes);
  add("client_table_bytes", known.bytes, config.clients.max_bytes);
  add("topics", topics.size(), kMostTopics);
  add("topic_name_bytes", topics.name_bytes(), config.max_topic_name_bytes);
  add("groups", groups.size(), kMostGroups);
  add("request_modes", request_modes.size(), kMostRequestModes);
  add("offsets", offsets.size(), kMostOffsets);
  add("held_pulls", hold->size(), config.max_held_pulls);
  add("held_pull_bytes", hold->bytes(), config.max_held_pull_bytes);
  add("queue_locks", held.locks, kMostLocks);
  add("queue_lock_bytes", held.bytes, kMostLockBytes);
  add("filters", kept.filters, kMostFilters);
  add("filter_bytes", kept.bytes, kMostFilterBytes);
}

Broker::Broker(std::vector<asio::any_io_executor> executors, Network& network, TimeSource& time,
               BrokerConfig config)
    : impl_(std::make_shared<Impl>(std::move(executors), network, time, std::move(config))) {}

Broker::~Broker() = default;

void Broker::start() {
  impl_->open_store();
  impl_->listen();
  impl_->begin_background_work();
}

asio::awaitable<void> Broker::stop(Instant deadline) {
  std::shared_ptr<Impl> impl = impl_;
  if (impl->registration) co_await impl->registration->stop(deadline);
  impl->tasks.cancel();
  co_await impl->tasks.join();
  if (impl->timers) co_await impl->timers->finish();
  if (impl->hold) impl->hold->release_all();
  if (impl->server) co_await impl->server->stop(deadline);
  if (impl->vip_server) co_await impl->vip_server->stop(deadline);
  co_await impl->helper.finish();
  co_await impl->files.finish();
  impl->topics.save_now();
  impl->groups.save_now();
  impl->request_modes.save_now();
  impl->offsets.save_if_changed();
  impl->filters.save_if_changed();
  if (impl->store) impl->store->close();
  if (impl->delays) impl->delays->save();  // what they say is delivered is on the disk, so below
  if (impl->timers) impl->timers->save();
}

IpEndpoint Broker::local() const { return impl_->server->local(); }

std::string Broker::announced_address() const { return impl_->context->store_host.to_string(); }

const store::MessageStore& Broker::store() const { return *impl_->store; }

BrokerStats Broker::stats() const {
  BrokerStats stats = collect_stats(*impl_->context);
  if (impl_->timers) stats.timers = impl_->timers->stats();
  stats.delayed_dropped = impl_->dropped.count();
  stats.problems = impl_->problems();
  stats.connections = impl_->server->connections();
  if (impl_->vip_server) stats.connections += impl_->vip_server->connections();
  if (impl_->registration) stats.registration = impl_->registration->stats();
  stats.refusals = impl_->refusals.refusals();
  stats.frames_given_up = impl_->config.connection.frames->given_up();
  stats.answers_given_up = impl_->config.connection.unsent->given_up();
  impl_->add_bounds(stats);
  return stats;
}

std::vector<std::string> Broker::problems() const { return impl_->problems(); }

}  // namespace comet::inline v0_1::broker
