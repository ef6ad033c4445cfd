#include "comet/broker/broker.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <filesystem>

#include "broker_parts.hpp"
#include "comet/base/log.hpp"
#include "comet/broker/role_orders.hpp"
#include "comet/message/validate.hpp"
#include "replication/replication_files.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;

namespace {

constexpr Duration kSaveRetry = 1s;

}  // namespace

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
  if (!is_slave()) transactions->load();
  if (config.timers && !is_slave()) {
    timers = std::make_shared<TimerService>(home, time, *store, topics, traffic, runtime, dropped,
                                            config);
    timers->load();
  }
  begin_replication();
}

// Nor has an ASYNC_MASTER a record that its slaves refuse, once it has had some.
bool Broker::Impl::has_replicated_log() const {
  if (config.replication.role != BrokerRole::async_master) return true;
  std::error_code error;
  return std::filesystem::exists(replication_history_path(config.store.root), error);
}

void Broker::Impl::begin_replication() {
  if (!config.replication.listen_at && !is_slave()) return;
  const ReplicatedTables tables(*store, topics, groups, request_modes, offsets, *delays,
                                timers.get(), files, helper);
  replication = std::make_unique<ReplicationFeature>(home, network, time, config, tables, copies);
  replication->begin();
  groups.on_change([this] { replication->groups_changed(); });
  request_modes.on_change([this] { replication->modes_changed(); });
}

void Broker::Impl::start_replication() {
  if (!replication) return;
  replication->start(store_host.to_string(), store_host.port());
  if (!is_slave()) return;
  registration.look_for_master(
      [this](const std::optional<Address>& address, const std::optional<Address>& ha_address) {
        replication->master_is(address, ha_address);
      },
      [this] { return replication->looks_for_master(); });
}

void Broker::Impl::listen() {
  hold = std::make_unique<PullHold>(
      home, time, config.max_held_pulls, config.max_held_pull_bytes,
      [this](PullHold::Pull pull) { features->pull.resume_held_pull(std::move(pull)); });
  features = std::make_unique<Features>(*this);
  if (replication && replication->has_old_offsets()) {
    features->offset.hold_queries([this] { return replication->offsets_are_new(); }, home);
  }
  store->observe_arrivals(arrival_observer());
  listeners.start([this](bool with_pulls) { return make_dispatcher(with_pulls); },
                  [this](const std::shared_ptr<Connection>& connection, ConnectionEvent event) {
                    on_connection(connection, event);
                  },
                  [this](const IpEndpoint& remote) { return clients.has_client_at(remote); });
  auto announced = IpEndpoint::parse_ip(config.broker_ip, listeners.local().port());
  if (!announced)
    throw Error(announced.error(),
                fmt::format("brokerIP1 '{}' is not an IP address", config.broker_ip));
  store_host = *announced;
  start_replication();
}

// While no pull is held, appends wake nobody.
store::ArrivalObserver Broker::Impl::arrival_observer() {
  store::ArrivalObserver observer([this](const store::Arrival& arrival) {
    hold->on_arrival(arrival);
    if (is_slave()) return;  // its master delivers
    if (arrival.topic == kScheduleTopic) delays->on_arrival(arrival.queue_id);
    if (timers && arrival.topic == kTimerTopic && arrival.queue_id == 0) {
      timers->on_arrival(arrival.queue_offset);
    }
  });
  observer.wants_all = [this] { return hold->has_pulls(); };
  observer.topics = {std::string(kScheduleTopic), std::string(kTimerTopic)};
  return observer;
}

std::shared_ptr<const remoting::Dispatcher> Broker::Impl::make_dispatcher(bool with_pulls) {
  auto dispatcher = std::make_shared<remoting::Dispatcher>();
  features->install(*dispatcher, with_pulls);
  if (replication) replication->install(*dispatcher);
  if (access) access->install(*dispatcher);
  dispatcher->observe(config.observer);
  return dispatcher;
}

void Broker::Impl::begin_background_work() {
  topics.on_change([this] {
    if (replication) replication->topics_changed();
    asio::post(home, [this] { registration.topics_changed(); });
  });
  const auto next_port = static_cast<std::uint16_t>(store_host.port() + 1);
  registration.start(store_host.to_string(),
                     replication ? replication->ha_address()
                                 : Address(store_host.ip_text(), next_port).to_string());
  if (access) access->start(tasks);
  tasks.spawn("pull hold", hold->run());
  tasks.spawn("notices to consumers", notices.run());
  tasks.spawn("counters", runtime.run());
  tasks.spawn("client expiry", repeat_every(time, 10s, 10s, "client expiry",
                                            [this] { return close_silent_clients(); }));
  tasks.spawn("retention", store->run_retention());
  const Duration interval = config.flush_consumer_offset_interval;
  tasks.spawn("offset saving", repeat_every(time, interval, interval, "offset saving",
                                            [this] { return save_offsets_in_background(); }));
  tasks.spawn("failed saves", repeat_every(time, kSaveRetry, kSaveRetry, "failed saves",
                                           [this] { return retry_failed_saves(); }));
  if (!is_slave()) begin_delivering();
}

void Broker::Impl::begin_delivering() {
  delays->start(tasks, store_host);
  transactions->start(tasks, store_host);
  const Duration delay_interval = config.flush_delay_offset_interval;
  tasks.spawn("delay offset saving",
              repeat_every(time, delay_interval, delay_interval, "delay offset saving",
                           [this] { return save_delay_offsets_in_background(); }));
  if (!timers) return;
  timers->start(tasks, store_host,
                [this](std::function<void()> work) { files.post(std::move(work)); });
}

void Broker::Impl::on_connection(const std::shared_ptr<Connection>& connection,
                                 ConnectionEvent event) {
  if (event != ConnectionEvent::closed) return;
  hold->forget(connection->id());
  features->membership.connection_closed(connection->id());
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
  add(registration.stats().problem_everywhere());
  if (replication) add(replication->stats().problem);
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
  add("client_calls", calls.count(), config.max_client_calls);
  add("client_call_bytes", calls.bytes(), config.max_client_call_bytes);
  add("queue_locks", held.locks, kMostLocks);
  add("queue_lock_bytes", held.bytes, kMostLockBytes);
  add("filters", kept.filters, kMostFilters);
  add("filter_bytes", kept.bytes, kMostFilterBytes);
}

Broker::Broker(std::vector<asio::any_io_executor> executors, Network& network, TimeSource& time,
               BrokerConfig config)
    : impl_(std::make_shared<Impl>(executors, network, time, std::move(config))) {}

Broker::~Broker() = default;

void Broker::start() {
  obey_resync(impl_->config);
  impl_->config.store.replica = impl_->is_slave();
  impl_->config.store.replicated = impl_->has_replicated_log();
  if (impl_->is_slave()) impl_->config.store_replies = false;
  impl_->open_store();
  impl_->listen();
  impl_->begin_background_work();
}

asio::awaitable<void> Broker::stop(Instant deadline) {
  std::shared_ptr<Impl> impl = impl_;
  co_await impl->registration.stop(deadline);
  impl->tasks.cancel();
  co_await impl->tasks.join();
  if (impl->timers) co_await impl->timers->finish();
  if (impl->hold) impl->hold->release_all();
  co_await impl->listeners.stop(deadline);
  if (impl->replication) co_await impl->replication->stop();
  if (impl->access) co_await impl->access->finish();
  co_await impl->reads.finish();
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

IpEndpoint Broker::local() const { return impl_->listeners.local(); }

std::string Broker::announced_address() const { return impl_->store_host.to_string(); }

const store::MessageStore& Broker::store() const { return *impl_->store; }

BrokerStats Broker::stats() const {
  BrokerStats stats = impl_->features->stats.collect();
  if (impl_->timers) stats.timers = impl_->timers->stats();
  stats.delayed_dropped = impl_->dropped.count();
  stats.problems = impl_->problems();
  stats.connections = impl_->listeners.connections();
  stats.registration = impl_->registration.stats();
  if (impl_->replication) stats.replication = impl_->replication->stats();
  stats.refusals = impl_->refusals.refusals();
  if (impl_->config.access) stats.access = impl_->config.access->stats();
  stats.frames_given_up = impl_->config.connection.frames->given_up();
  stats.answers_given_up = impl_->config.connection.unsent->given_up();
  impl_->add_bounds(stats);
  return stats;
}

std::vector<std::string> Broker::problems() const { return impl_->problems(); }

void Broker::reload_access() {
  if (impl_->access) impl_->access->reload();
}

}  // namespace comet::inline v0_1::broker
