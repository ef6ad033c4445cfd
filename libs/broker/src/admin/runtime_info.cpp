// How the broker does (Apache: AdminBrokerProcessor.getBrokerRuntimeInfo, viewBrokerStatsData).

#include "admin/runtime_info.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <charconv>
#include <limits>
#include <map>
#include <string>

#include "comet/base/parse_number.hpp"
#include "comet/message/system_names.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/version.hpp"
#include "delay/timer_service.hpp"
#include "request/on_header.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Request;

// Apache: MixAll.humanReadableByteCount
std::string human_bytes(std::int64_t bytes) {
  constexpr std::string_view kUnits = "KMGTPE";
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < kUnits.size(); ++unit) size /= 1024;
  return fmt::format("{:.1f} {}iB", size, kUnits[unit]);
}

std::string human_runtime(std::int64_t millis) {
  const std::int64_t seconds = millis / 1000;
  return fmt::format("[ {} days, {} hours, {} minutes, {} seconds ]", seconds / 86'400,
                     seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
}

std::string java_double(double number) {
  std::string text;
  append_java_double(text, number);
  return text;
}

// Three numbers, each with a space behind it.
std::string rates_text(const RuntimeCounters::Rates& rates) {
  std::string text;
  for (const double rate : rates) text += java_double(rate) + ' ';
  return text;
}

RuntimeCounters::Rates sum_of(const RuntimeCounters::Rates& a, const RuntimeCounters::Rates& b) {
  return {a[0] + b[0], a[1] + b[1], a[2] + b[2]};
}

void add_counters(std::map<std::string, std::string>& table, const RuntimeCounters::Stats& stats) {
  table["bootTimestamp"] = std::to_string(stats.boot_millis);
  table["runtime"] = human_runtime(stats.runtime_millis);
  table["putTps"] = rates_text(stats.stored);
  table["getFoundTps"] = rates_text(stats.found);
  table["getMissTps"] = rates_text(stats.missed);
  table["getTotalTps"] = rates_text(sum_of(stats.found, stats.missed));
  // 4.9 spells it so, tools of 5.x the other way.
  table["getTransferedTps"] = rates_text(stats.given);
  table["getTransferredTps"] = rates_text(stats.given);
  table["putLatency99"] = fmt::format("{:.2f}", stats.put_millis_99);
  table["putLatency999"] = fmt::format("{:.2f}", stats.put_millis_999);
  table["putMessageAverageSize"] =
      java_double(stats.stored_messages == 0 ? 0
                                             : static_cast<double>(stats.stored_bytes) /
                                                   static_cast<double>(stats.stored_messages));
  table["putMessageDistributeTime"] = stats.put_times;
  table["putMessageEntireTimeMax"] = std::to_string(stats.longest_put_millis);
  table["getMessageEntireTimeMax"] = std::to_string(stats.longest_get_millis);
  table["putMessageTimesTotal"] = std::to_string(stats.stored_messages);
  table["putMessageFailedTimes"] = std::to_string(stats.failed_puts);
  table["putMessageSizeTotal"] = std::to_string(stats.stored_bytes);
  table["msgPutTotalYesterdayMorning"] = std::to_string(stats.stored_yesterday_morning);
  table["msgPutTotalTodayMorning"] = std::to_string(stats.stored_this_morning);
  table["msgPutTotalTodayNow"] = std::to_string(stats.stored_messages);
  table["msgGetTotalYesterdayMorning"] = std::to_string(stats.given_yesterday_morning);
  table["msgGetTotalTodayMorning"] = std::to_string(stats.given_this_morning);
  table["msgGetTotalTodayNow"] = std::to_string(stats.given_messages);
}

void write_item(JsonWriter& json, std::string_view name, const PeriodGrowth& item) {
  json.key(name);
  json.begin_object();
  json.member("avgpt", item.avgpt);
  json.member("sum", item.sum);
  json.member("tps", item.tps);
  json.end_object();
}

}  // namespace

// "queue@topic@group", or without the queue: then its id is -1.
struct RuntimeInfoFeature::StatsKey {
  std::int32_t queue_id = -1;
  std::string_view topic;
  std::string_view group;
};

RuntimeInfoFeature::StatsKey RuntimeInfoFeature::parse_stats_key(std::string_view key) {
  StatsKey parts;
  const std::size_t first = key.find('@');
  if (first == std::string_view::npos) {
    parts.topic = key;
    return parts;
  }
  const std::string_view head = key.substr(0, first);
  const std::string_view rest = key.substr(first + 1);
  const std::size_t second = rest.find('@');
  const std::int32_t queue_id = parse_number<std::int32_t>(head).value_or(-1);
  if (second != std::string_view::npos && queue_id >= 0) {
    parts.queue_id = queue_id;
    parts.topic = rest.substr(0, second);
    parts.group = rest.substr(second + 1);
  } else {
    parts.topic = head;
    parts.group = rest;
  }
  return parts;
}

void RuntimeInfoFeature::add_store(Table& table) const {
  const store::MessageStore& store = store_;
  const std::string& root = config_.store.root;
  const store::DiskState disk = store.disk_state();
  // Tools show how long ago that was: of an empty store, now.
  const std::int64_t earliest = store.earliest_store_time();
  table["earliestMessageTimeStamp"] = std::to_string(earliest > 0 ? earliest : time_.wall_millis());
  table["commitLogMinOffset"] = std::to_string(store.min_physical_offset());
  table["commitLogMaxOffset"] = std::to_string(store.max_physical_offset());
  table["commitLogDiskRatio"] = java_double(disk.commit_log_ratio);
  table["commitLogDiskRatio_" + root + "/commitlog"] = java_double(disk.commit_log_ratio);
  table["consumeQueueDiskRatio"] = java_double(disk.consume_queue_ratio);
  struct statvfs space{};
  if (::statvfs(root.c_str(), &space) == 0) {
    const auto bytes = [&space](std::uint64_t blocks) {
      return static_cast<std::int64_t>(blocks * space.f_frsize);
    };
    table["commitLogDirCapacity"] =
        fmt::format("Total : {}, Free : {}.", human_bytes(bytes(space.f_blocks)),
                    human_bytes(bytes(space.f_bavail)));
  }
  table["remainHowManyDataToFlush"] = human_bytes(store.unsynced_bytes());
  // A message is in its queue before it can be read: nothing waits in between.
  table["dispatchBehindBytes"] = "0";
  table["dispatchMaxBuffer"] = "0";
  // As Apache's broker says it without a transient store pool.
  table["remainTransientStoreBufferNumbs"] =
      std::to_string(std::numeric_limits<std::int32_t>::max());
  for (const auto& [level, offset] : delays_.offsets()) {
    table[fmt::format("scheduleMessageOffset_{}", level)] =
        fmt::format("{},{}", offset, store.max_offset(kScheduleTopic, level - 1));
  }
}

// Sends wait for the log; everything else is served as it comes in, and no queue is kept of it.
void RuntimeInfoFeature::add_queues(Table& table) const {
  const std::string wait = std::to_string(to_millis(sends_.longest_wait(time_.now())));
  table["sendThreadPoolQueueSize"] = std::to_string(sends_.count());
  table["sendThreadPoolQueueCapacity"] = std::to_string(sends_.most());
  table["sendThreadPoolQueueHeadWaitTimeMills"] = wait;
  table["pageCacheLockTimeMills"] = wait;
  const std::string capacity = std::to_string(config_.connection.max_handlers);
  for (const char* name : {"pull", "litePull", "ack", "query"}) {
    table[fmt::format("{}ThreadPoolQueueSize", name)] = "0";
    table[fmt::format("{}ThreadPoolQueueCapacity", name)] = capacity;
    table[fmt::format("{}ThreadPoolQueueHeadWaitTimeMills", name)] = "0";
  }
  table["EndTransactionQueueSize"] = "0";
  table["EndTransactionThreadPoolQueueCapacity"] = capacity;
}

// What tools of 5.x show of timers: how late they are (seconds), how many wait, come and go.
void RuntimeInfoFeature::add_timers(Table& table, const RuntimeCounters::Stats& stats) const {
  if (timers_ == nullptr) return;
  const TimerStats timers = timers_->stats();
  table["timerReadBehind"] = std::to_string(timers.behind_millis / 1000);
  table["timerOffsetBehind"] = std::to_string(timers.unread);
  table["timerCongestNum"] = std::to_string(timers.pending);
  table["timerEnqueueTps"] = fmt::format("{:.1f}", stats.timers_taken[0]);
  table["timerDequeueTps"] = fmt::format("{:.1f}", stats.timers_delivered[0]);
}

RemotingCommand RuntimeInfoFeature::runtime_info(const Request& request) {
  Table table;
  const RuntimeCounters::Stats stats = runtime_.stats();
  add_counters(table, stats);
  add_store(table);
  add_queues(table);
  add_timers(table, stats);
  table["brokerActive"] = "true";
  table["brokerVersion"] = std::to_string(remoting::kVersion);
  table["brokerVersionDesc"] = remoting::version_name(remoting::kVersion);
  table["startAcceptSendRequestTimeStamp"] = std::to_string(config_.start_accept_send_millis.get());
  JsonWriter json;
  json.begin_object();
  json.key("table");
  json.begin_object();
  for (const auto& [name, value] : table) json.member(name, value);
  json.end_object();
  json.end_object();
  return json_answer(request.command, json.take());
}

// How far a queue's consumer is behind the log's end at this moment, in bytes or ms.
std::optional<Growth> RuntimeInfoFeature::fall_behind(const StatsKey& key, bool in_bytes) const {
  if (key.queue_id < 0) return std::nullopt;
  const store::MessageStore& store = store_;
  const std::int64_t next = traffic_.pulled(key.topic, key.group, key.queue_id);
  if (next == 0) return std::nullopt;  // nothing was pulled since the start
  std::int64_t behind = 0;
  const auto entries = store.queue_entries(key.topic, key.queue_id, next - 1, 1);
  if (!entries.empty()) {
    const std::int64_t stored_at = store.store_time(key.topic, key.queue_id, next - 1);
    behind = in_bytes ? store.max_physical_offset() - entries.front().physical_offset -
                            entries.front().size
                      : time_.wall_millis() - stored_at;
  }
  Growth data;
  for (PeriodGrowth* item : {&data.minute, &data.hour, &data.day}) {
    item->sum = std::max<std::int64_t>(behind, 0);
  }
  return data;
}

std::optional<Growth> RuntimeInfoFeature::find_stats(std::string_view name,
                                                     std::string_view key_text) const {
  using Kind = TrafficTable::Kind;
  const TrafficTable& traffic = traffic_;
  if (name == "TOPIC_PUT_NUMS") return traffic.growth(key_text, {}, Kind::messages);
  if (name == "TOPIC_PUT_SIZE") return traffic.growth(key_text, {}, Kind::bytes);
  const bool is_brokers = key_text == config_.cluster_name;
  if (name == "BROKER_PUT_NUMS" && is_brokers) return runtime_.stored_growth();
  if (name == "BROKER_GET_NUMS" && is_brokers) return runtime_.given_growth();
  const StatsKey key = parse_stats_key(key_text);
  if (key.group.empty()) return std::nullopt;
  if (name == "GROUP_GET_FALL_SIZE") return fall_behind(key, true);
  if (name == "GROUP_GET_FALL_TIME") return fall_behind(key, false);
  if (name == "GROUP_GET_LATENCY") {
    return key.queue_id >= 0 ? traffic.queue_latency(key.topic, key.group, key.queue_id)
                             : traffic.growth(key.topic, key.group, Kind::latency);
  }
  if (key.queue_id >= 0) return std::nullopt;
  if (name == "GROUP_GET_NUMS") return traffic.growth(key.topic, key.group, Kind::messages);
  if (name == "GROUP_GET_SIZE") return traffic.growth(key.topic, key.group, Kind::bytes);
  if (name == "SNDBCK_PUT_NUMS") return traffic.growth(key.topic, key.group, Kind::send_backs);
  return std::nullopt;
}

remoting::Reply RuntimeInfoFeature::stats_data(const Request& request,
                                               const remoting::BrokerStatsHeader& header) const {
  const auto data = find_stats(header.stats_name, header.stats_key);
  if (!data) {
    return refusal(
        request, fmt::format("The stats <{}> <{}> not exist", header.stats_name, header.stats_key));
  }
  JsonWriter json;
  json.begin_object();
  write_item(json, "statsDay", data->day);
  write_item(json, "statsHour", data->hour);
  write_item(json, "statsMinute", data->minute);
  json.end_object();
  return json_answer(request.command, json.take());
}

void RuntimeInfoFeature::install(remoting::Dispatcher& dispatcher) {
  using remoting::RequestCode;
  on_request_later(dispatcher, helper_, RequestCode::get_broker_runtime_info, this,
                   &RuntimeInfoFeature::runtime_info);
  on_header<remoting::BrokerStatsHeader>(dispatcher, RequestCode::view_broker_stats_data, this,
                                         &RuntimeInfoFeature::stats_data);
}

}  // namespace comet::inline v0_1::broker
