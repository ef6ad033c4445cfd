// Where queues and consumer groups stand (Apache: AdminBrokerProcessor.getTopicStatsInfo,
// getConsumeStats, fetchAllConsumeStatsInBroker, queryConsumeTimeSpan, queryConsumeQueue).

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "admin/admin_answers.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "subscriptions/consumer_filters.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::ResponseCode;

constexpr std::int32_t kMostEntries = 10'000;  // of a consume queue in one answer

RemotingCommand topic_not_exist(const Request& request, std::string_view topic) {
  return refusal(request, ResponseCode::topic_not_exist, fmt::format("topic[{}] not exist", topic));
}

RemotingCommand topic_stats(BrokerContext& context, const Request& request,
                            const remoting::TopicHeader& header) {
  const auto topic = context.topics.find(header.topic);
  if (!topic) return topic_not_exist(request, header.topic);
  JsonWriter json;
  json.begin_object();
  json.key("offsetTable");
  json.begin_object();
  for (std::int32_t queue_id = 0; queue_id < topic->write_queue_nums; ++queue_id) {
    const std::int64_t min_offset = context.store.min_offset(header.topic, queue_id);
    const std::int64_t max_offset = context.store.max_offset(header.topic, queue_id);
    write_queue_key(json, context, header.topic, queue_id);
    json.begin_object();
    json.member(
        "lastUpdateTimestamp",
        max_offset == 0 ? 0 : context.store.store_time(header.topic, queue_id, max_offset - 1));
    json.member("maxOffset", max_offset);
    json.member("minOffset", min_offset);
    json.end_object();
    check_size(context, json);
  }
  json.end_object();
  json.end_object();
  return json_answer(request.command, json.take());
}

// What a group has committed in a topic.
struct Standing {
  std::string topic;
  OffsetTable::Queues queues;
};

// Whether the group, if it is connected, subscribes to the topic.
bool may_consume(const BrokerContext& context, std::string_view group, std::string_view topic) {
  return context.clients.find_subscription(group, topic).status != ClientRegistry::Lookup::no_topic;
}

// Messages that a group has not acknowledged, and those of them that were given to it.
struct Backlog {
  std::int64_t behind = 0;
  std::int64_t in_flight = 0;
};

// One entry for each of the topic's queues.
Backlog write_queues(JsonWriter& json, const BrokerContext& context, std::string_view group,
                     const Standing& standing, std::int32_t queues) {
  Backlog backlog;
  for (std::int32_t queue_id = 0; queue_id < queues; ++queue_id) {
    const std::int64_t broker_offset = context.store.max_offset(standing.topic, queue_id);
    const auto found = standing.queues.find(queue_id);
    const std::int64_t consumer_offset =
        found == standing.queues.end() ? 0 : std::max<std::int64_t>(found->second, 0);
    const std::int64_t stored_at =
        consumer_offset > 0
            ? context.store.store_time(standing.topic, queue_id, consumer_offset - 1)
            : 0;
    write_queue_key(json, context, standing.topic, queue_id);
    json.begin_object();
    json.member("brokerOffset", broker_offset);
    json.member("consumerOffset", consumer_offset);
    json.member("lastTimestamp", std::max<std::int64_t>(stored_at, 0));
    const std::int64_t pulled =
        std::max(consumer_offset, context.traffic.pulled(standing.topic, group, queue_id));
    json.member("pullOffset", pulled);  // 5.x: what is in flight
    json.end_object();
    // A group may have committed any offset, far beyond the end too: it is not behind then.
    const std::int64_t consumed = std::min(consumer_offset, broker_offset);
    backlog.behind += broker_offset - consumed;
    backlog.in_flight += std::clamp(pulled, consumed, broker_offset) - consumed;
    check_size(context, json);
  }
  return backlog;
}

RemotingCommand consume_stats(BrokerContext& context, const Request& request,
                              const remoting::ConsumeStatsHeader& header) {
  std::vector<Standing> standings;
  const std::string_view wanted = header.topic.value_or("");
  if (!wanted.empty()) {
    standings.push_back(
        {std::string(wanted), context.offsets.queues(header.consumer_group, wanted)});
  } else {
    std::string last;
    for (;;) {
      auto groups = context.offsets.next_groups(last);
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
    tps += context.traffic.given_per_second(standing.topic, header.consumer_group);
  }
  json.member("consumeTps", tps);
  json.key("offsetTable");
  json.begin_object();
  for (const Standing& standing : standings) {
    const auto topic = context.topics.find(standing.topic);
    if (!topic || !may_consume(context, header.consumer_group, standing.topic)) continue;
    write_queues(json, context, header.consumer_group, standing, topic->read_queue_nums);
  }
  json.end_object();
  json.end_object();
  return json_answer(request.command, json.take());
}

// Of every group that there is, also of those without offsets.
RemotingCommand broker_consume_stats(BrokerContext& context, const Request& request,
                                     const remoting::BrokerConsumeStatsHeader& header) {
  std::map<std::string, std::vector<Standing>> by_group;
  for (std::string last;;) {
    auto groups = context.offsets.next_groups(last);
    if (groups.empty()) break;
    for (OffsetTable::Group& group : groups) {
      by_group[group.name].push_back({std::move(group.topic), std::move(group.queues)});
    }
  }
  Backlog total;
  JsonWriter json;
  json.begin_object();
  json.member("brokerAddr", context.store_host.to_string());
  json.key("consumeStatsList");
  json.begin_array();
  for (std::string last;;) {
    const std::vector<std::string> names = context.groups.names_after(last, 256);
    if (names.empty()) break;
    last = names.back();
    for (const std::string& name : names) {
      json.begin_object();
      json.key(name);
      json.begin_array();
      const auto found = by_group.find(name);
      const std::vector<Standing> none;
      for (const Standing& standing : found == by_group.end() ? none : found->second) {
        const auto topic = context.topics.find(standing.topic);
        if (!topic || (header.is_order && !topic->order)) continue;
        if (!may_consume(context, name, standing.topic)) continue;
        json.begin_object();
        json.member("consumeTps", context.traffic.given_per_second(standing.topic, name));
        json.key("offsetTable");
        json.begin_object();
        const Backlog backlog =
            write_queues(json, context, name, standing, topic->write_queue_nums);
        total.behind += backlog.behind;
        total.in_flight += backlog.in_flight;
        json.end_object();
        json.end_object();
      }
      json.end_array();
      json.end_object();
    }
    check_size(context, json);
  }
  json.end_array();
  json.member("totalDiff", total.behind);
  json.member("totalInflightDiff", total.in_flight);
  json.end_object();
  return json_answer(request.command, json.take());
}

void write_time_span(JsonWriter& json, const BrokerContext& context, std::string_view topic,
                     std::int32_t queue_id, std::int64_t consumer_offset) {
  const store::MessageStore& store = context.store;
  const std::int64_t first = store.earliest_store_time(topic, queue_id);
  const std::int64_t max_offset = store.max_offset(topic, queue_id);
  const std::int64_t last = store.store_time(topic, queue_id, max_offset - 1);
  const std::int64_t consumed =
      consumer_offset > 0 ? store.store_time(topic, queue_id, consumer_offset - 1) : first;
  std::int64_t delay = 0;
  if (consumer_offset < max_offset) {
    const std::int64_t next =
        store.store_time(topic, queue_id, std::max<std::int64_t>(consumer_offset, 0));
    if (next >= 0) delay = std::max<std::int64_t>(context.time.wall_millis() - next, 0);
  }
  json.begin_object();
  json.member("consumeTimeStamp", consumed);
  json.member("consumeTimeStampStr", human_time_with_hash(consumed));
  json.member("delayTime", delay);
  json.member("maxTimeStamp", last);
  json.member("maxTimeStampStr", human_time_with_hash(last));
  json.key("messageQueue");
  write_queue(json, context, topic, queue_id);
  json.member("minTimeStamp", first);
  json.member("minTimeStampStr", human_time_with_hash(first));
  json.end_object();
}

RemotingCommand consume_time_span(BrokerContext& context, const Request& request,
                                  const remoting::ConsumeTimeSpanHeader& header) {
  const auto topic = context.topics.find(header.topic);
  if (!topic) return topic_not_exist(request, header.topic);
  const OffsetTable::Queues queues = context.offsets.queues(header.group, header.topic);
  JsonWriter json;
  json.begin_object();
  json.key("consumeTimeSpanSet");
  json.begin_array();
  for (std::int32_t queue_id = 0; queue_id < topic->write_queue_nums; ++queue_id) {
    const auto found = queues.find(queue_id);
    write_time_span(json, context, header.topic, queue_id,
                    found == queues.end() ? -1 : found->second);
    check_size(context, json);
  }
  json.end_array();
  json.end_object();
  return json_answer(request.command, json.take());
}

RemotingCommand query_queue(BrokerContext& context, const Request& request,
                            const remoting::QueryConsumeQueueHeader& header) {
  const auto topic = context.topics.find(header.topic);
  if (!topic || header.queue_id < 0 ||
      header.queue_id >= std::max(topic->read_queue_nums, topic->write_queue_nums)) {
    return refusal(request, fmt::format("{}@{} is not exist!", header.queue_id, header.topic));
  }
  const store::MessageStore& store = context.store;
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
  if (!group.empty()) found = context.clients.find_subscription(group, header.topic);
  const bool is_online = found.status == ClientRegistry::Lookup::found;
  JsonWriter json;
  json.begin_object();
  if (!group.empty()) {
    json.member("filterData", is_online ? context.filters.describe(header.topic, group)
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

}  // namespace

void install_consume_stats_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context) {
  using remoting::RequestCode;
  on_header_later<remoting::TopicHeader>(dispatcher, RequestCode::get_topic_stats_info, context,
                                         topic_stats);
  on_header_later<remoting::ConsumeStatsHeader>(dispatcher, RequestCode::get_consume_stats, context,
                                                consume_stats);
  on_header_later<remoting::BrokerConsumeStatsHeader>(
      dispatcher, RequestCode::get_broker_consume_stats, context, broker_consume_stats);
  on_header_later<remoting::ConsumeTimeSpanHeader>(dispatcher, RequestCode::query_consume_time_span,
                                                   context, consume_time_span);
  on_header_later<remoting::QueryConsumeQueueHeader>(dispatcher, RequestCode::query_consume_queue,
                                                     context, query_queue);
}

}  // namespace comet::inline v0_1::broker
