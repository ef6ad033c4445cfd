#include "broker_metrics.hpp"

#include <algorithm>
#include <array>

#include "comet/base/ascii.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/version.hpp"

namespace comet::inline v0_1::daemon {
namespace {

using monitor::Labels;

// Names and labels are those of RocketMQ 5 (BrokerMetricsConstant, DefaultStoreMetricsConstant)
// where it has them.

double number(auto value) { return static_cast<double>(value); }

std::string flag(bool value) { return value ? "true" : "false"; }

Labels on_local_disk() { return {{"storage_type", "local"}, {"storage_medium", "disk"}}; }

Labels of_topic(const std::string& topic) {
  return {{"topic", topic}, {"is_system", flag(is_system_topic(topic))}};
}

Labels of_group(const std::string& topic, const std::string& group) {
  Labels labels = of_topic(topic);
  labels.emplace_back("consumer_group", group);
  labels.emplace_back("is_retry", flag(topic.starts_with(kRetryTopicPrefix)));
  return labels;
}

std::string name_of(broker::MessageType type) {
  constexpr std::array<std::string_view, broker::kMessageTypes> kNames = {"normal", "fifo", "delay",
                                                                          "transaction"};
  return std::string(kNames[static_cast<std::size_t>(type)]);
}

void report_stored(const broker::TrafficStats& traffic, monitor::Scrape& scrape) {
  std::array<double, broker::TrafficStats::kSizeBounds.size()> bounds{};
  std::ranges::transform(broker::TrafficStats::kSizeBounds, bounds.begin(),
                         [](std::uint64_t bound) { return number(bound); });
  for (const broker::TrafficStats::OfType& type : traffic.types) {
    Labels labels = of_topic(traffic.topic);
    labels.emplace_back("message_type", name_of(type.type));
    scrape.counter("rocketmq_messages_in_total", "Messages stored", number(type.messages), labels);
    scrape.counter("rocketmq_throughput_in_total", "Bytes of bodies and properties stored",
                   number(type.bytes), labels);
    scrape.histogram("rocketmq_message_size", "Bytes of body and properties of stored messages",
                     bounds, type.sizes, number(type.bytes), labels);
  }
  const auto ended = [&](std::string_view name, std::string_view help, std::uint64_t count) {
    if (count > 0) scrape.counter(name, help, number(count), {{"topic", traffic.topic}});
  };
  ended("rocketmq_commit_messages_total", "Transactions committed", traffic.committed);
  ended("rocketmq_rollback_messages_total", "Transactions rolled back", traffic.rolled_back);
  if (!traffic.topic.starts_with(kDlqTopicPrefix)) return;
  scrape.counter("rocketmq_send_to_dlq_messages_total", "Messages that became dead letters",
                 number(traffic.messages),
                 {{"consumer_group", traffic.topic.substr(kDlqTopicPrefix.size())}});
}

void report_given(const broker::TrafficStats& traffic, monitor::Scrape& scrape) {
  const Labels labels = of_group(traffic.topic, traffic.consumer_group);
  scrape.counter("rocketmq_messages_out_total", "Messages given to consumers",
                 number(traffic.messages), labels);
  scrape.counter("rocketmq_throughput_out_total", "Bytes of records given to consumers",
                 number(traffic.bytes), labels);
}

void report_lag(const broker::ConsumerLag& lag, monitor::Scrape& scrape) {
  const Labels labels = of_group(lag.topic, lag.consumer_group);
  scrape.gauge("rocketmq_consumer_lag_messages", "Messages that the group has not acknowledged",
               number(lag.messages), labels);
  scrape.gauge("rocketmq_consumer_inflight_messages", "Those of them that its consumers have got",
               number(lag.in_flight), labels);
  scrape.gauge("rocketmq_consumer_ready_messages", "Those of them that none has got",
               number(lag.messages - lag.in_flight), labels);
  scrape.gauge("rocketmq_consumer_lag_latency_milliseconds",
               "Time since the oldest of them was stored", number(lag.millis), labels);
  scrape.gauge("rocketmq_consumer_queueing_latency_milliseconds",
               "Time since the oldest one that no consumer has got was stored",
               number(lag.queueing_millis), labels);
}

void report_clients(const broker::ClientCount& clients, monitor::Scrape& scrape) {
  Labels labels = {{"protocol_type", "remoting"},
                   {"language", ascii_lower(clients.language)},
                   {"version", ascii_lower(remoting::version_name(clients.version))}};
  if (!clients.is_consumer) {
    labels.emplace_back("producer_group", clients.group);
    return scrape.gauge("rocketmq_producer_connections", "Connected producers",
                        number(clients.count), labels);
  }
  labels.emplace_back("consumer_group", clients.group);
  labels.emplace_back("is_system", flag(is_system_group(clients.group)));
  labels.emplace_back("consume_mode",
                      clients.consume_type == "CONSUME_PASSIVELY" ? "push" : "pull");
  scrape.gauge("rocketmq_consumer_connections", "Connected consumers", number(clients.count),
               labels);
}

void report_store(const broker::StoreStats& store, monitor::Scrape& scrape) {
  const Labels labels = on_local_disk();
  scrape.gauge("rocketmq_storage_size_bytes", "Bytes of the commit log", number(store.size),
               labels);
  scrape.gauge("rocketmq_storage_flush_behind_bytes", "Bytes stored that are not on the disk yet",
               number(store.flush_behind), labels);
  // Queues are written with the log; nothing lies between.
  scrape.gauge("rocketmq_storage_dispatch_behind_bytes",
               "Bytes of the log that are not in the consume queues yet", 0, labels);
  if (store.earliest_store_time >= 0) {
    const std::int64_t age = real_time().wall_millis() - store.earliest_store_time;
    scrape.gauge("rocketmq_storage_message_reserve_time_milliseconds",
                 "Time since the first message was stored", number(std::max<std::int64_t>(age, 0)),
                 labels);
  }
  scrape.gauge("comet_broker_store_read_only", "1 after an I/O error", store.read_only ? 1 : 0);
  scrape.gauge("comet_broker_store_damaged_ranges",
               "Stretches of the commit log that the start found damaged and skips",
               number(store.damage.skipped_ranges));
  scrape.gauge("comet_broker_store_lost_records", "Messages that were in them",
               number(store.damage.lost_records));
  scrape.counter("comet_broker_store_read_faults_total",
                 "Reads that met damage, or a file that cannot be read",
                 number(store.damage.read_faults));
  scrape.gauge("comet_broker_disk_full", "1: nothing is stored for lack of space",
               store.disk.full ? 1 : 0);
  scrape.gauge("comet_broker_disk_used_ratio", "Used part of the disk, 0 to 1",
               store.disk.commit_log_ratio, {{"files", "commit_log"}});
  scrape.gauge("comet_broker_disk_used_ratio", "", store.disk.consume_queue_ratio,
               {{"files", "consume_queue"}});
}

void report_bounds(const broker::BrokerStats& stats, monitor::Scrape& scrape) {
  for (const broker::BoundedStats& bound : stats.bounds) {
    const Labels labels = {{"resource", bound.name}};
    scrape.gauge("comet_broker_limited_used", "What of a limited resource is used (docs/limits.md)",
                 number(bound.used), labels);
    scrape.gauge("comet_broker_limited_max", "Its limit", number(bound.limit), labels);
  }
  scrape.counter("comet_broker_refused_for_limits_total",
                 "Heartbeats refused for a limit of what a client may have",
                 number(stats.refusals));
  scrape.counter("comet_broker_frames_given_up_total",
                 "Connections closed since others needed the memory of their unfinished frames",
                 number(stats.frames_given_up));
  scrape.counter("comet_broker_answers_given_up_total",
                 "Connections closed with answers that they had not taken for longest",
                 number(stats.answers_given_up));
}

void report_access(const access::AccessStats& stats, monitor::Scrape& scrape) {
  for (std::size_t i = 0; i < access::kReasons; ++i) {
    const auto reason = static_cast<access::Reason>(i);
    const bool is_allowed =
        reason == access::Reason::allowed || reason == access::Reason::white_address;
    scrape.counter(
        "comet_broker_access_requests_total",
        "Requests that access control has judged; with aclMode=observe \"observed\" ones "
        "are done all the same",
        number(stats.requests[i]),
        {{"result", is_allowed           ? "allowed"
                    : stats.is_observing ? "observed"
                                         : "refused"},
         {"reason", std::string(to_string(reason))}});
  }
  scrape.gauge("comet_broker_access_accounts", "Accounts that hold", number(stats.accounts));
  scrape.counter("comet_broker_access_reloads_total",
                 "Changes of the files of accounts; after a failed one the accounts stay",
                 number(stats.reloads), {{"result", "done"}});
  scrape.counter("comet_broker_access_reloads_total", "", number(stats.failed_reloads),
                 {{"result", "failed"}});
}

void report_registration(const broker::RegistrationStats& registration, monitor::Scrape& scrape) {
  scrape.gauge("comet_broker_name_servers", "Name servers that this broker registers with",
               number(registration.name_servers));
  scrape.gauge("comet_broker_name_servers_registered", "Those of them that have taken it",
               number(registration.registered));
}

void report_timers(const broker::TimerStats& timers, monitor::Scrape& scrape) {
  const Labels labels = on_local_disk();
  scrape.gauge("rocketmq_timing_messages", "Timer messages that wait", number(timers.pending),
               labels);
  scrape.gauge("rocketmq_timer_dequeue_latency_milliseconds",
               "Time since the timer message was due that should have been delivered first",
               number(timers.behind_millis), labels);
  scrape.counter("rocketmq_timer_dequeue_total", "Timer messages delivered",
                 number(timers.delivered), labels);
  scrape.gauge("rocketmq_timer_enqueue_lag",
               "Timer messages stored that are not among those that wait yet",
               number(timers.unread), labels);
  scrape.counter("comet_broker_timers_recalled_total", "Timer messages taken back by producers",
                 number(timers.recalled));
  scrape.counter("comet_broker_timers_rolled_total",
                 "Timer messages stored anew before their log files expired",
                 number(timers.rolled));
}

std::string name_of(broker::BrokerRole role) {
  switch (role) {
    case broker::BrokerRole::async_master:
      return "ASYNC_MASTER";
    case broker::BrokerRole::sync_master:
      return "SYNC_MASTER";
    case broker::BrokerRole::slave:
      return "SLAVE";
  }
  return "";
}

void report_replicas(const broker::ReplicationStats& replication, monitor::Scrape& scrape) {
  const replication::MasterStatus& master = replication.master;
  scrape.gauge("comet_broker_in_sync", "Copies in sync, the master's own among them",
               number(master.in_sync));
  scrape.gauge("comet_broker_in_sync_wanted", "inSyncReplicas", number(master.in_sync_wanted));
  scrape.gauge("comet_broker_ha_connections", "Connections to the HA port",
               number(replication.connections));
  for (const replication::ReplicaStatus& replica : master.replicas) {
    const Labels labels = {{"replica", replica.name.empty() ? replica.address : replica.name},
                           {"wire", std::string(replication::to_string(replica.wire))}};
    scrape.gauge("comet_broker_replica_lag_bytes", "Bytes of the log that a slave lacks",
                 number(replica.lag_bytes), labels);
    scrape.gauge("comet_broker_replica_lag_seconds", "Time since it had everything",
                 number(to_millis(replica.lag_time)) / 1000, labels);
    scrape.gauge("comet_broker_replica_in_sync", "1: it is waited for", replica.in_sync ? 1 : 0,
                 labels);
    scrape.gauge("comet_broker_replica_flushed",
                 "1: it confirms what is on its disk; 0: what it has copied (Java)",
                 replica.flushed ? 1 : 0, labels);
  }
  const auto answers = [&](std::string_view result, std::uint64_t count) {
    scrape.counter("comet_broker_replicated_sends_total",
                   "Requests that waited for their copies, by the answer", number(count),
                   {{"result", std::string(result)}});
  };
  answers("PUT_OK", replication.put_ok);
  answers("SLAVE_NOT_AVAILABLE", replication.slave_not_available);
  answers("FLUSH_SLAVE_TIMEOUT", replication.flush_slave_timeout);
  scrape.gauge("comet_broker_waiting_for_copies", "Requests that wait for their copies",
               number(replication.waiting));
}

// Names as in docs/replication.md.
void report_replication(const broker::ReplicationStats& replication, monitor::Scrape& scrape) {
  const bool is_slave = replication.role == broker::BrokerRole::slave;
  scrape.gauge("comet_broker_role", "1 for the role that it has", 1,
               {{"role", name_of(replication.role)}});
  scrape.gauge("comet_broker_epoch", "Epoch of the mastership, or of the master that is followed",
               number(is_slave ? replication.follower.epoch : replication.master.epoch));
  scrape.gauge("comet_broker_log_end", "Where the log ends", number(replication.log_end));
  scrape.gauge("comet_broker_confirmed", "How far all that have to have it have the log",
               number(is_slave ? replication.follower.confirmed : replication.master.confirmed));
  if (is_slave) {
    scrape.gauge("comet_broker_master_lag_bytes", "Bytes of the master's log that are not here",
                 number(std::max<std::int64_t>(
                     replication.follower.master_end - replication.follower.log_end, 0)));
    scrape.gauge("comet_broker_follows_master", "1: it copies",
                 replication.follower.state == replication::PeerState::transfer ? 1 : 0);
    scrape.gauge("comet_broker_metadata_age_seconds",
                 "Time since the tables were last as the master's",
                 number(to_millis(replication.follower.metadata_age)) / 1000);
  } else {
    report_replicas(replication, scrape);
  }
  const replication::ReplicationCounters& counters = replication.counters;
  for (const auto& [reason, count] : counters.reconnects) {
    scrape.counter("comet_broker_ha_reconnects_total", "Connections to the master, by their end",
                   number(count), {{"reason", reason}});
  }
  for (const auto& [reason, count] : counters.refusals) {
    scrape.counter("comet_broker_ha_refusals_total", "Slaves that were refused", number(count),
                   {{"reason", reason}});
  }
  scrape.counter("comet_broker_truncated_bytes_total",
                 "Bytes that a deposed master's log was cut by", number(counters.truncated_bytes));
}

}  // namespace

monitor::Labels broker_labels(const broker::BrokerConfig& config) {
  return {
      {"cluster", config.cluster_name}, {"node_type", "broker"}, {"node_id", config.broker_name}};
}

void report_broker(const broker::BrokerStats& stats, monitor::Scrape& scrape) {
  scrape.gauge("comet_broker_connections", "Open connections", number(stats.connections));
  scrape.gauge("rocketmq_broker_permission", "2: write, 4: read, 6: both",
               number(stats.permission));
  scrape.gauge("rocketmq_topic_number", "Topics", number(stats.topics));
  scrape.gauge("rocketmq_consumer_group_number", "Consumer groups", number(stats.consumer_groups));
  scrape.gauge("rocketmq_processor_watermark", "Requests that wait", number(stats.sends_in_flight),
               {{"processor", "send"}});
  scrape.gauge("comet_broker_held_pulls", "Pulls that wait for a message",
               number(stats.held_pulls));
  scrape.gauge("comet_broker_open_transactions", "Half messages that have not been ended",
               static_cast<double>(stats.open_transactions));
  scrape.gauge("comet_broker_send_bytes_in_flight", "Bytes of sends that wait for the log",
               number(stats.send_bytes_in_flight));
  for (const broker::TrafficStats& traffic : stats.traffic) {
    traffic.consumer_group.empty() ? report_stored(traffic, scrape) : report_given(traffic, scrape);
  }
  for (const broker::ConsumerLag& lag : stats.lags) report_lag(lag, scrape);
  for (const broker::ClientCount& clients : stats.clients) report_clients(clients, scrape);
  report_store(stats.store, scrape);
  report_timers(stats.timers, scrape);
  scrape.gauge("comet_broker_problems", "What keeps /health from being ok",
               number(stats.problems.size()));
  scrape.counter("comet_broker_delayed_dropped_total",
                 "Delayed messages whose topic was deleted before their time had come",
                 number(stats.delayed_dropped));
  report_bounds(stats, scrape);
  if (stats.access) report_access(*stats.access, scrape);
  report_registration(stats.registration, scrape);
  if (stats.replication) report_replication(*stats.replication, scrape);
}

}  // namespace comet::inline v0_1::daemon
