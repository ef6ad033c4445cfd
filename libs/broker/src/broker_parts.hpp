#pragma once
// The composition root's parts: what a broker is made of, and its features.

#include "access/access_feature.hpp"
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
#include "comet/broker/broker.hpp"
#include "comet/remoting/frame_memory.hpp"
#include "comet/remoting/unsent_memory.hpp"
#include "delay/timer_service.hpp"
#include "listeners.hpp"
#include "offsets/offset_feature.hpp"
#include "offsets/offset_reset.hpp"
#include "pull/pull_feature.hpp"
#include "records/timer_message.hpp"
#include "registration/registration.hpp"
#include "replication/replication_feature.hpp"
#include "replication/slave_refusals.hpp"
#include "request/copy_waits.hpp"
#include "send/recall.hpp"
#include "send/reply_feature.hpp"
#include "send/send_back.hpp"
#include "send/send_feature.hpp"
#include "tables/table_limits.hpp"
#include "transaction/transaction_feature.hpp"

namespace comet::inline v0_1::broker {

using remoting::Connection;
using remoting::ConnectionEvent;

inline constexpr std::size_t kReaders = 2;  // threads that wait for the disk

// What the broker is made of, in the order in which it comes to life.
struct Broker::Impl {
  Impl(const std::vector<asio::any_io_executor>& executors, Network& network_in,
       TimeSource& time_in, BrokerConfig config_in)
      : network(network_in),
        time(time_in),
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
        copies(home, time, config.replication.slave_timeout),
        registration(home, network, time, config, topics, helper),
        tasks(home, time),
        listeners(executors, network, time, config, tasks) {
    config.connection.frames =
        std::make_shared<remoting::FrameMemory>(config.max_unfinished_frame_bytes);
    config.connection.unsent = std::make_shared<remoting::UnsentMemory>(config.max_unsent_bytes);
    if (config.access) access = std::make_unique<AccessFeature>(home, time, config.access);
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
  [[nodiscard]] bool is_slave() const { return config.replication.is_slave(); }
  // StoreConfig::replicated.
  [[nodiscard]] bool has_replicated_log() const;
  void begin_replication();
  void start_replication();
  void begin_background_work();
  // What only a broker does that stores messages of its own.
  void begin_delivering();
  void on_connection(const std::shared_ptr<Connection>& connection, ConnectionEvent event);
  asio::awaitable<void> close_silent_clients();
  void add_bounds(BrokerStats& stats) const;
  asio::awaitable<void> save_offsets_in_background();
  asio::awaitable<void> save_delay_offsets_in_background();
  asio::awaitable<void> retry_failed_saves();
  [[nodiscard]] std::vector<std::string> problems() const;

  Network& network;
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
  CopyWaits copies;
  std::unique_ptr<DelayService> delays;
  std::shared_ptr<TimerService> timers;  // null: timerWheelEnable=false
  std::unique_ptr<TransactionService> transactions;
  std::unique_ptr<ReplicationFeature> replication;  // null: no HA port, and no slave
  std::unique_ptr<PullHold> hold;
  std::unique_ptr<AccessFeature> access;  // null: everybody is let in
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
      : is_slave(b.is_slave()),
        send_checks(b.config, b.time, b.topics, b.groups, b.delay_levels, b.timers.get()),
        send(b.config, b.time, b.store_host, *b.store, b.topics, b.groups, *b.transactions, b.sends,
             b.copies, b.runtime, b.traffic, send_checks),
        send_back(b.config, b.time, b.store_host, *b.store, b.topics, b.groups, b.delay_levels,
                  b.sends, b.copies, b.traffic),
        recall(b.config, b.time, b.store_host, *b.store, b.topics, b.timers.get(), b.copies,
               b.traffic),
        reply(b.config, b.time, b.store_host, *b.store, b.clients, b.traffic, b.calls, b.copies,
              send_checks),
        transaction(b.config, b.time, b.store_host, *b.store, b.topics, *b.transactions, b.sends,
                    b.copies, b.traffic),
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
                    b.copies, b.loops, b.helper),
        group_admin(b.groups, b.offsets, b.request_modes, b.traffic, b.copies, b.helper),
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
    if (is_slave) install_slave_refusals(dispatcher);
  }

  const bool is_slave;
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

}  // namespace comet::inline v0_1::broker
