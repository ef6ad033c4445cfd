// Where queues and consumer groups stand (Apache: AdminBrokerProcessor.getTopicStatsInfo,
// getConsumeStats, fetchAllConsumeStatsInBroker, queryConsumeTimeSpan, queryConsumeQueue).

#include "admin/consume_stats.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "comet/base/local_time.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "request/on_header.hpp"
#include "subscriptions/consumer_filters.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Request;
using remoting::ResponseCode;

constexpr std::int32_t kMostEntries = 10'000;  // of a consume queue in one answer

RemotingCommand topic_not_exist(const Request& request, std::string_view topic) {
  return refusal(request, ResponseCode::topic_not_exist, fmt::format("topic[{}] not exist", topic));
}

// "2026-11-20#23:53:28:973", local time (Apache: UtilAll.timeMillisToHumanString3).
std::string human_time_with_hash(std::int64_t wall_millis) {
  return format_local_time(wall_millis, '#', ':');
}

}  // namespace

RemotingCommand ConsumeStatsFeature::topic_stats(const Request& request,
                                                 const remoting::TopicHeader& header) {
  const auto topic = topics_.find(header.topic);
  if (!topic) return topic_not_exist(request, header.topic);
  JsonWriter json;
  json.begin_object();
  json.key("offsetTable");
  json.begin_object();
  for (std::int32_t queue_id = 0; queue_id < topic->write_queue_nums; ++queue_id) {
    const std::int64_t min_offset = store_.min_offset(header.topic, queue_id);
    const std::int64_t max_offset = store_.max_offset(header.topic, queue_id);
    write_queue_key(json, config_.broker_name, header.topic, queue_id);
    json.begin_object();
    json.member("lastUpdateTimestamp",
                max_offset == 0 ? 0 : store_.store_time(header.topic, queue_id, max_offset - 1));
    json.member("maxOffset", max_offset);
    json.member("minOffset", min_offset);
    json.end_object();
    check_size(config_.connection.max_frame, json);
  }
  json.end_object();
  json.end_object();
  return json_answer(request.command, json.take());
}

// Whether the group, if it is connected, subscribes to the topic.
bool ConsumeStatsFeature::may_consume(std::string_view group, std::string_view topic) const {
  return clients_.find_subscription(group, topic).status != ClientRegistry::Lookup::no_topic;
}

// One entry for each of the topic's queues.
ConsumeStatsFeature::Backlog ConsumeStatsFeature::write_queues(JsonWriter& json,
                                                               std::string_view group,
                                                               const Standing& standing,
                                                               std::int32_t queues) const {
  Backlog backlog;
  for (std::int32_t queue_id = 0; queue_id < queues; ++queue_id) {
    const std::int64_t broker_offset = store_.max_offset(standing.topic, queue_id);
    const auto found = standing.queues.find(queue_id);
    const std::int64_t consumer_offset =
        found == standing.queues.end() ? 0 : std::max<std::int64_t>(found->second, 0);
    const std::int64_t stored_at =
        consumer_offset > 0 ? store_.store_time(standing.topic, queue_id, consumer_offset - 1) : 0;
    write_queue_key(json, config_.broker_name, standing.topic, queue_id);
    json.begin_object();
    json.member("brokerOffset", broker_offset);
    json.member("consumerOffset", consumer_offset);
    json.member("lastTimestamp", std::max<std::int64_t>(stored_at, 0));
    const std::int64_t pulled =
        std::max(consumer_offset, traffic_.pulled(standing.topic, group, queue_id));
    json.member("pullOffset", pulled);  // 5.x: what is in flight
    json.end_object();
    // A group may have committed any offset, far beyond the end too: it is not behind then.
    const std::int64_t consumed = std::min(consumer_offset, broker_offset);
    backlog.behind += broker_offset - consumed;
    backlog.in_flight += std::clamp(pulled, consumed, broker_offset) - consumed;
    check_size(config_.connection.max_frame, json);
  }
  return backlog;
}

RemotingCommand ConsumeStatsFeature::consume_stats(const Request& request,
                                                   const remoting::ConsumeStatsHeader& header) {
  std::vector<Standing> standings;
  const std::string_view wanted = header.topic.value_or("");
  if (!wanted.empty()) {
    standings.push_back({std::string(wanted), offsets_.queues(header.consumer_group, wanted)});
  } else {
    std::string last;
    for (;;) {
      auto groups = offsets_.next_groups(last);
      if (groups.empty()) break;
      for (OffsetTable::Group& group : groups) {
        if (group.name != header.consumer_group) continue;
        standings.push_back({std::move(group.topic), std::move(group.queues)});
      }
    }
  }
  double tps = 0;
  JsonWriter json;
  json.begin_object();
  for (const Standing& standing : standings) {
    tps += traffic_.given_per_second(standing.topic, header.consumer_group);
  }
  json.member("consumeTps", tps);
  json.key("offsetTable");
  json.begin_object();
  for (const Standing& standing : standings) {
    const auto topic = topics_.find(standing.topic);
    if (!topic || !may_consume(header.consumer_group, standing.topic)) continue;
    write_queues(json, header.consumer_group, standing, topic->read_queue_nums);
  }
  json.end_object();
  json.end_object();
  return json_answer(request.command, json.take());
}

// Of every group that there is, also of those without offsets.
RemotingCommand ConsumeStatsFeature::broker_consume_stats(
    const Request& request, const remoting::BrokerConsumeStatsHeader& header) {
  std::map<std::string, std::vector<Standing>> by_group;
  for (std::string last;;) {
    auto groups = offsets_.next_groups(last);
    if (groups.empty()) break;
    for (OffsetTable::Group& group : groups) {
      by_group[group.name].push_back({std::move(group.topic), std::move(group.queues)});
    }
  }
  Backlog total;
  JsonWriter json;
  json.begin_object();
  json.member("brokerAddr", store_host_.to_string());
  json.key("consumeStatsList");
  json.begin_array();
  for (std::string last;;) {
    const std::vector<std::string> names = groups_.names_after(last, 256);
    if (names.empty()) break;
    last = names.back();
    for (const std::string& name : names) {
      json.begin_object();
      json.key(name);
      json.begin_array();
      const auto found = by_group.find(name);
      const std::vector<Standing> none;
      for (const Standing& standing : found == by_group.end() ? none : found->second) {
        const auto topic = topics_.find(standing.topic);
        if (!topic || (header.is_order && !topic->order)) continue;
        if (!may_consume(name, standing.topic)) continue;
        json.begin_object();
        json.member("consumeTps", traffic_.given_per_second(standing.topic, name));
        json.key("offsetTable");
        json.begin_object();
        const Backlog backlog = write_queues(json, name, standing, topic->write_queue_nums);
        total.behind += backlog.behind;
        total.in_flight += backlog.in_flight;
        json.end_object();
        json.end_object();
      }
      json.end_array();
      json.end_object();
    }
    check_size(config_.connection.max_frame, json);
  }
  json.end_array();
  json.member("totalDiff", total.behind);
  json.member("totalInflightDiff", total.in_flight);
  json.end_object();
  return json_answer(request.command, json.take());
}

void ConsumeStatsFeature::write_time_span(JsonWriter& json, std::string_view topic,
                                          std::int32_t queue_id,
                                          std::int64_t consumer_offset) const {
  const store::MessageStore& store = store_;
  const std::int64_t first = store.earliest_store_time(topic, queue_id);
  const std::int64_t max_offset = store.max_offset(topic, queue_id);
  const std::int64_t last = store.store_time(topic, queue_id, max_offset - 1);
  const std::int64_t consumed =
      consumer_offset > 0 ? store.store_time(topic, queue_id, consumer_offset - 1) : first;
  std::int64_t delay = 0;
  if (consumer_offset < max_offset) {
    const std::int64_t next =
        store.store_time(topic, queue_id, std::max<std::int64_t>(consumer_offset, 0));
    if (next >= 0) delay = std::max<std::int64_t>(time_.wall_millis() - next, 0);
  }
  json.begin_object();
  json.member("consumeTimeStamp", consumed);
  json.member("consumeTimeStampStr", human_time_with_hash(consumed));
  json.member("delayTime", delay);
  json.member("maxTimeStamp", last);
  json.member("maxTimeStampStr", human_time_with_hash(last));
  json.key("messageQueue");
  write_queue(json, config_.broker_name, topic, queue_id);
  json.member("minTimeStamp", first);
  json.member("minTimeStampStr", human_time_with_hash(first));
  json.end_object();
}

RemotingCommand ConsumeStatsFeature::consume_time_span(
    const Request& request, const remoting::ConsumeTimeSpanHeader& header) {
  const auto topic = topics_.find(header.topic);
  if (!topic) return topic_not_exist(request, header.topic);
  const OffsetTable::Queues queues = offsets_.queues(header.group, header.topic);
  JsonWriter json;
  json.begin_object();
  json.key("consumeTimeSpanSet");
  json.begin_array();
  for (std::int32_t queue_id = 0; queue_id < topic->write_queue_nums; ++queue_id) {
    const auto found = queues.find(queue_id);
    write_time_span(json, header.topic, queue_id, found == queues.end() ? -1 : found->second);
    check_size(config_.connection.max_frame, json);
  }
  json.end_array();
  json.end_object();
  return json_answer(request.command, json.take());
}

RemotingCommand ConsumeStatsFeature::query_queue(const Request& request,
                                                 const remoting::QueryConsumeQueueHeader& header) {
  const auto topic = topics_.find(header.topic);
  if (!topic || header.queue_id < 0 ||
      header.queue_id >= std::max(topic->read_queue_nums, topic->write_queue_nums)) {
    return refusal(request, fmt::format("{}@{} is not exist!", header.queue_id, header.topic));
  }
  const store::MessageStore& store = store_;
  const std::int64_t min_offset = store.min_offset(header.topic, header.queue_id);
  const std::int64_t max_offset = store.max_offset(header.topic, header.queue_id);
  if (header.index < min_offset || header.index >= max_offset) {
    RemotingCommand answer = success(request);
    answer.remark =
        fmt::format("Index {} of {}@{} is not exist!", header.index, header.queue_id, header.topic);
    return answer;
  }
  ClientRegistry::SubscriptionLookup found;
  const std::string_view group = header.consumer_group.value_or("");
  if (!group.empty()) found = clients_.find_subscription(group, header.topic);
  const bool is_online = found.status == ClientRegistry::Lookup::found;
  JsonWriter json;
  json.begin_object();
  if (!group.empty()) {
    json.member("filterData", is_online ? filters_.describe(header.topic, group)
                                        : fmt::format("{}@{} is not online!", group, header.topic));
  }
  json.member("maxQueueIndex", max_offset);
  json.member("minQueueIndex", min_offset);
  json.key("queueData");
  json.begin_array();
  const std::int32_t count = std::clamp(header.count, 0, kMostEntries);
  for (const store::QueueEntry& entry :
       store.queue_entries(header.topic, header.queue_id, header.index, count)) {
    json.begin_object();
    json.member("eval", !is_online || found.subscription.matches(entry.tags_code));
    json.member("physicOffset", entry.physical_offset);
    json.member("physicSize", entry.size);
    json.member("tagsCode", entry.tags_code);
    json.end_object();
  }
  json.end_array();
  if (is_online) {
    json.key("subscriptionData");
    found.subscription.write_json(json);
  }
  json.end_object();
  return json_answer(request.command, json.take());
}

void ConsumeStatsFeature::install(remoting::Dispatcher& dispatcher) {
  using remoting::RequestCode;
  on_header_later<remoting::TopicHeader>(dispatcher, helper_, RequestCode::get_topic_stats_info,
                                         this, &ConsumeStatsFeature::topic_stats);
  on_header_later<remoting::ConsumeStatsHeader>(dispatcher, helper_, RequestCode::get_consume_stats,
                                                this, &ConsumeStatsFeature::consume_stats);
  on_header_later<remoting::BrokerConsumeStatsHeader>(dispatcher, helper_,
                                                      RequestCode::get_broker_consume_stats, this,
                                                      &ConsumeStatsFeature::broker_consume_stats);
  on_header_later<remoting::ConsumeTimeSpanHeader>(dispatcher, helper_,
                                                   RequestCode::query_consume_time_span, this,
                                                   &ConsumeStatsFeature::consume_time_span);
  on_header_later<remoting::QueryConsumeQueueHeader>(dispatcher, helper_,
                                                     RequestCode::query_consume_queue, this,
                                                     &ConsumeStatsFeature::query_queue);
}

}  // namespace comet::inline v0_1::broker
