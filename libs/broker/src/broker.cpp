#include "comet/broker/broker.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "admin/absent_features.hpp"
#include "admin/config_feature.hpp"
#include "admin/connections.hpp"
#include "admin/consume_stats.hpp"
#include "admin/group_admin.hpp"
#include "admin/maintenance.hpp"
#include "admin/message_queries.hpp"
#include "admin/runtime_info.hpp"
#include "admin/stats_collector.hpp"
#include "admin/topic_admin.hpp"
#include "assignment/assignment_feature.hpp"
#include "assignment/message_request_modes.hpp"
#include "clients/consumer_calls.hpp"
#include "clients/membership.hpp"
#include "clients/queue_locks.hpp"
#include "comet/base/log.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/frame_memory.hpp"
#include "comet/remoting/unsent_memory.hpp"
#include "delay/timer_service.hpp"
#include "listeners.hpp"
#include "offsets/offset_feature.hpp"
#include "offsets/offset_reset.hpp"
#include "pull/pull_feature.hpp"
#include "records/timer_message.hpp"
#include "registration/registration.hpp"
#include "send/recall.hpp"
#include "send/reply_feature.hpp"
#include "send/send_back.hpp"
#include "send/send_feature.hpp"
#include "tables/table_limits.hpp"
#include "transaction/transaction_feature.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;
using remoting::Connection;
using remoting::ConnectionEvent;

namespace {

constexpr Duration kSaveRetry = 1s;
constexpr std::size_t kReaders = 2;  // threads that wait for the disk

}  // namespace

// What the broker is made of, in the order in which it comes to life.
struct Broker::Impl {
  Impl(const std::vector<asio::any_io_executor>& executors, Network& network, TimeSource& time_in,
       BrokerConfig config_in)
      : time(time_in),
        config(std::move(config_in)),
        loops(std::make_shared<const std::vector<asio::any_io_executor>>(executors)),
        home(executors.front()),
        files(home, time),
        helper(home, time),
        reads(home, time, kReaders),
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
        calls(config.max_client_calls, config.max_client_call_bytes),
        dropped(time),
        runtime(time, traffic),
        registration(home, network, time, config, topics, helper),
        tasks(home, time),
        listeners(executors, network, time, config, tasks) {
    config.connection.frames =
        std::make_shared<remoting::FrameMemory>(config.max_unfinished_frame_bytes);
    config.connection.unsent = std::make_shared<remoting::UnsentMemory>(config.max_unsent_bytes);
  }
  ~Impl() {
    reads.abandon();
    helper.abandon();
    files.abandon();
    if (store) store->forget_observers();
  }

  class Features;

  void open_store();
  void listen();
  [[nodiscard]] store::ArrivalObserver arrival_observer();
  // The VIP port serves everything but pulls.
  std::shared_ptr<const remoting::Dispatcher> make_dispatcher(bool with_pulls);
  void begin_background_work();
  void on_connection(const std::shared_ptr<Connection>& connection, ConnectionEvent event);
  asio::awaitable<void> close_silent_clients();
  void add_bounds(BrokerStats& stats) const;
  asio::awaitable<void> save_offsets_in_background();
  asio::awaitable<void> save_delay_offsets_in_background();
  asio::awaitable<void> retry_failed_saves();
  [[nodiscard]] std::vector<std::string> problems() const;

  TimeSource& time;
  BrokerConfig config;
  const Loops loops;
  asio::any_io_executor home;
  HelperThread files;   // writes the tables' files
  HelperThread helper;  // makes large answers
  HelperThread reads;   // reads what may have to come from the disk

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
  SendsInFlight calls;  // that wait for answers of clients
  DroppedMessages dropped;
  RuntimeCounters runtime;
  std::unique_ptr<DelayService> delays;
  std::shared_ptr<TimerService> timers;  // null: timerWheelEnable=false
  std::unique_ptr<TransactionService> transactions;
  std::unique_ptr<PullHold> hold;
  Registration registration;
  IpEndpoint store_host;  // broker_ip and the port listened on
  std::unique_ptr<Features> features;
  TaskGroup tasks;
  Listeners listeners;
};

// Every feature is given what it needs, and nothing else.
class Broker::Impl::Features {
 public:
  explicit Features(Impl& b)
      : send_checks(b.config, b.time, b.topics, b.groups, b.delay_levels, b.timers.get()),
        send(b.config, b.time, b.store_host, *b.store, b.topics, b.groups, *b.transactions, b.sends,
             b.runtime, b.traffic, send_checks),
        send_back(b.config, b.time, b.store_host, *b.store, b.topics, b.groups, b.delay_levels,
                  b.sends, b.traffic),
        recall(b.config, b.time, b.store_host, *b.store, b.topics, b.timers.get(), b.traffic),
        reply(b.config, b.time, b.store_host, *b.store, b.clients, b.traffic, b.calls, send_checks),
        transaction(b.config, b.time, b.store_host, *b.store, b.topics, *b.transactions, b.sends,
                    b.traffic),
        pull(b.config, b.time, *b.store, b.topics, b.groups, b.offsets, b.clients, *b.hold,
             b.runtime, b.traffic, b.reads),
        offset(*b.store, b.topics, b.groups, b.offsets, *b.delays, b.refusals, b.helper, b.reads),
        offset_reset(b.config, *b.store, b.topics, b.groups, b.offsets, b.clients, *b.hold,
                     b.helper),
        membership(b.config, b.topics, b.groups, b.clients, b.filters, b.notices, b.refusals,
                   b.helper,
                   [&hold = *b.hold](std::uint64_t connection_id, auto consumers) {
                     hold.renew(connection_id, consumers);
                   }),
        queue_locks(b.locks, b.helper),
        consumer_calls(b.config, b.time, *b.store, b.clients, b.calls),
        assignment(b.config, b.time, b.topics, b.groups, b.clients, b.request_modes, b.registration,
                   b.helper),
        topic_admin(*b.store, b.topics, b.offsets, b.request_modes, b.traffic, b.registration,
                    b.loops, b.helper),
        group_admin(b.groups, b.offsets, b.request_modes, b.traffic, b.helper),
        queries(*b.store, b.reads),
        connections(b.config, b.topics, b.offsets, b.clients, b.helper),
        consume_stats(b.config, b.time, b.store_host, *b.store, b.topics, b.groups, b.offsets,
                      b.clients, b.filters, b.traffic, b.helper),
        runtime_info(b.config, b.time, *b.store, b.traffic, *b.delays, b.sends, b.runtime,
                     b.timers.get(), b.helper),
        maintenance(*b.store, b.topics),
        settings(b.config, b.time, b.store_host, b.topics, b.helper),
        stats(b.config, b.time, *b.store, b.topics, b.groups, b.offsets, b.clients, *b.transactions,
              *b.hold, b.sends, b.traffic) {}

  void install(remoting::Dispatcher& dispatcher, bool with_pulls) {
    send.install(dispatcher);
    send_back.install(dispatcher);
    recall.install(dispatcher);
    reply.install(dispatcher);
    transaction.install(dispatcher);
    if (with_pulls) pull.install(dispatcher);
    offset.install(dispatcher);
    offset_reset.install(dispatcher);
    membership.install(dispatcher);
    queue_locks.install(dispatcher);
    consumer_calls.install(dispatcher);
    assignment.install(dispatcher);
    topic_admin.install(dispatcher);
    group_admin.install(dispatcher);
    queries.install(dispatcher);
    connections.install(dispatcher);
    consume_stats.install(dispatcher);
    runtime_info.install(dispatcher);
    maintenance.install(dispatcher);
    settings.install(dispatcher);
    absent.install(dispatcher);
  }

  SendChecks send_checks;
  SendFeature send;
  SendBackFeature send_back;
  RecallFeature recall;
  ReplyFeature reply;
  TransactionFeature transaction;
  PullFeature pull;
  OffsetFeature offset;
  OffsetResetFeature offset_reset;
  MembershipFeature membership;
  QueueLockFeature queue_locks;
  ConsumerCallFeature consumer_calls;
  AssignmentFeature assignment;
  TopicAdminFeature topic_admin;
  GroupAdminFeature group_admin;
  QueryFeature queries;
  ConnectionsFeature connections;
  ConsumeStatsFeature consume_stats;
  RuntimeInfoFeature runtime_info;
  MaintenanceFeature maintenance;
  ConfigFeature settings;
  AbsentFeatures absent;
  StatsCollector stats;
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
      [this](PullHold::Pull pull) { features->pull.resume_held_pull(std::move(pull)); });
  features = std::make_unique<Features>(*this);
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
}

// While no pull is held, appends wake nobody.
store::ArrivalObserver Broker::Impl::arrival_observer() {
  store::ArrivalObserver observer([this](const store::Arrival& arrival) {
    hold->on_arrival(arrival);
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
  dispatcher->observe(config.observer);
  return dispatcher;
}

void Broker::Impl::begin_background_work() {
  topics.on_change([this] { asio::post(home, [this] { registration.topics_changed(); }); });
  registration.start(
      store_host.to_string(),
      Address(store_host.ip_text(), static_cast<std::uint16_t>(store_host.port() + 1)).to_string());
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
  stats.refusals = impl_->refusals.refusals();
  stats.frames_given_up = impl_->config.connection.frames->given_up();
  stats.answers_given_up = impl_->config.connection.unsent->given_up();
  impl_->add_bounds(stats);
  return stats;
}

std::vector<std::string> Broker::problems() const { return impl_->problems(); }

}  // namespace comet::inline v0_1::broker
