// Administrators move consumer groups (Apache: Broker2Client.resetOffset,
// AdminBrokerProcessor.queryCorrectionOffset, cloneGroupOffset).

#include "offsets/offset_reset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "clients/client_versions.hpp"
#include "comet/base/ascii.hpp"
#include "comet/base/log.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/version.hpp"
#include "request/on_header.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Request;
using remoting::RequestCode;
using remoting::ResetOffsetHeader;
using remoting::ResponseCode;

}  // namespace

std::string OffsetResetFeature::queues_json(std::string_view topic, const Queues& queues) const {
  JsonWriter json;
  json.begin_object();
  json.key("offsetTable");
  json.begin_object();
  for (const auto& [queue_id, offset] : queues) {
    write_queue_key(json, config_.broker_name, topic, queue_id);
    json.value(offset);
  }
  json.end_object();
  json.end_object();
  check_size(config_.connection.max_frame, json);
  return json.take();
}

// For consumers in C++, which cannot read maps with objects for keys.
std::string OffsetResetFeature::queue_list_json(std::string_view topic,
                                                const Queues& queues) const {
  JsonWriter json;
  json.begin_object();
  json.key("offsetTable");
  json.begin_array();
  for (const auto& [queue_id, offset] : queues) {
    json.begin_object();
    json.member("brokerName", config_.broker_name);
    json.member("offset", offset);
    json.member("queueId", queue_id);
    json.member("topic", topic);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take();
}

// Of the first message at that time or later; -1 is the end.
std::int64_t OffsetResetFeature::target_of(std::string_view topic, std::int32_t queue_id,
                                           std::int64_t timestamp) const {
  const std::int64_t target = timestamp == -1 ? store_.max_offset(topic, queue_id)
                                              : store_.offset_by_time(topic, queue_id, timestamp,
                                                                      store::TimeBoundary::lower);
  return std::max<std::int64_t>(target, 0);
}

// 4.9: asks the consumers that are connected to begin elsewhere.
RemotingCommand OffsetResetFeature::reset_at_clients(const Request& request,
                                                     const ResetOffsetHeader& header,
                                                     const routing::TopicConfig& topic) {
  const bool is_force = header.is_force.value_or(false);
  const Queues committed = offsets_.queues(header.group, header.topic);
  Queues targets;
  for (std::int32_t queue_id = 0; queue_id < topic.write_queue_nums; ++queue_id) {
    const auto present = committed.find(queue_id);
    if (present == committed.end()) {
      return refusal(request, fmt::format("THe consumer group <{}> not exist", header.group));
    }
    const std::int64_t target = target_of(header.topic, queue_id, header.timestamp);
    targets[queue_id] = is_force ? target : std::min(target, present->second);
  }
  const auto group = clients_.consumer_group(header.group);
  if (!group || group->clients.empty()) {
    return refusal(request, ResponseCode::consumer_not_online,
                   fmt::format("Consumer not online, so can not reset offset, Group: {} Topic: {} "
                               "Timestamp: {}",
                               header.group, header.topic, header.timestamp));
  }
  for (const ClientRegistry::ConnectedClient& client : group->clients) {
    if (client.info.version >= kVersionV3_0_7Snapshot) continue;
    return refusal(request, fmt::format("the client does not support this feature. version={}",
                                        remoting::version_name(client.info.version)));
  }
  ResetOffsetHeader asked;
  asked.topic = header.topic;
  asked.group = header.group;
  asked.timestamp = header.timestamp;
  asked.is_force = is_force;
  // Each member in the form that it reads, whatever tool has asked.
  const std::string map = queues_json(header.topic, targets);
  const std::string list = queue_list_json(header.topic, targets);
  for (const ClientRegistry::ConnectedClient& client : group->clients) {
    const bool is_cpp = client.info.language == remoting::Language::cpp;
    RemotingCommand notice = RemotingCommand::request(RequestCode::reset_consumer_client_offset,
                                                      asked, Body(is_cpp ? list : map));
    notice.mark_oneway();
    client.connection->send(std::move(notice));
  }
  log::info("{} clients of consumer group {} were told new offsets in topic {} for {}",
            group->clients.size(), header.group, header.topic,
            request.connection->remote().to_string());
  return json_answer(request.command, map);
}

// 5.x: the broker keeps the new offsets and tells them at the next pulls.
RemotingCommand OffsetResetFeature::reset_here(const Request& request,
                                               const ResetOffsetHeader& header,
                                               const routing::TopicConfig& topic) {
  if (!groups_.find(header.group)) {
    return refusal(request, ResponseCode::subscription_group_not_exist,
                   fmt::format("Group {} does not exist", header.group));
  }
  Queues targets;
  const std::int32_t only = header.queue_id.value_or(-1);
  if (only >= topic.read_queue_nums) {
    return refusal(request, fmt::format("queueId {} is not below {}", only, topic.read_queue_nums));
  }
  const std::int32_t end = only >= 0 ? only + 1 : topic.read_queue_nums;
  for (std::int32_t queue_id = std::max(only, 0); queue_id < end; ++queue_id) {
    if (only >= 0 && header.offset && *header.offset != -1) {
      const std::int64_t min_offset = store_.min_offset(header.topic, queue_id);
      const std::int64_t max_offset = store_.max_offset(header.topic, queue_id);
      if (*header.offset < min_offset || *header.offset > max_offset) {
        return refusal(request, fmt::format("Target offset {} not in consume queue range [{}-{}]",
                                            *header.offset, min_offset, max_offset));
      }
      targets[queue_id] = *header.offset;
    } else {
      targets[queue_id] = target_of(header.topic, queue_id, header.timestamp);
    }
  }
  if (targets.empty()) return refusal(request, "No queues to reset.");
  if (!offsets_.reset(header.group, header.topic, targets)) {
    return refusal(request,
                   "there is no room for more offsets, or too many resets wait until consumers are "
                   "told of them");
  }
  // Consumers that wait for a message learn it at once.
  for (const auto& [queue_id, offset] : targets) {
    hold_.wake(header.topic, queue_id, std::numeric_limits<std::int64_t>::max());
  }
  log::info("offsets of consumer group {} in topic {} were reset by {}", header.group, header.topic,
            request.connection->remote().to_string());
  return json_answer(request.command, queues_json(header.topic, targets));
}

RemotingCommand OffsetResetFeature::reset_offset(const Request& request,
                                                 const ResetOffsetHeader& header) {
  const auto topic = topics_.find(header.topic);
  if (!topic) {
    return config_.server_side_reset
               ? refusal(request, ResponseCode::topic_not_exist,
                         fmt::format("Topic {} does not exist", header.topic))
               : refusal(request,
                         fmt::format("[reset-offset] reset offset failed, no topic in this broker. "
                                     "topic={}",
                                     header.topic));
  }
  return config_.server_side_reset ? reset_here(request, header, *topic)
                                   : reset_at_clients(request, header, *topic);
}

// The least offset of all groups, by queue, or "infinite" where the group to compare has less.
RemotingCommand OffsetResetFeature::correction_offset(
    const Request& request, const remoting::CorrectionOffsetHeader& header) {
  Queues least;
  for (const OffsetTable::Group& group : offsets_.groups_of_topic(header.topic)) {
    if (list_has(header.filter_groups.value_or(""), ',', group.name)) continue;
    for (const auto& [queue_id, offset] : group.queues) {
      if (offset < store_.min_offset(header.topic, queue_id)) continue;
      const auto [entry, is_new] = least.try_emplace(queue_id, offset);
      if (!is_new) entry->second = std::min(entry->second, offset);
    }
  }
  for (const auto& [queue_id, offset] : offsets_.queues(header.compare_group, header.topic)) {
    const auto entry = least.find(queue_id);
    if (entry != least.end() && entry->second > offset) {
      entry->second = std::numeric_limits<std::int64_t>::max();
    }
  }
  JsonWriter json;
  json.begin_object();
  json.key("correctionOffsets");
  json.begin_object();
  for (const auto& [queue_id, offset] : least) {
    json.key(queue_id, false);
    json.value(offset);
  }
  json.end_object();
  json.end_object();
  return json_answer(request.command, json.take());
}

RemotingCommand OffsetResetFeature::clone_offsets(const Request& request,
                                                  const remoting::CloneGroupOffsetHeader& header) {
  // The table is kept for ever: only of groups that can be.
  if (!groups_.find_or_create(header.dest_group)) {
    return refusal(request, ResponseCode::subscription_group_not_exist,
                   no_such_group(header.dest_group));
  }
  std::vector<std::string> topics;
  if (!header.topic.value_or("").empty()) {
    topics.emplace_back(*header.topic);
  } else {
    for (std::string last;;) {
      const auto groups = offsets_.next_groups(last);
      if (groups.empty()) break;
      for (const OffsetTable::Group& group : groups) {
        if (group.name == header.src_group) topics.push_back(group.topic);
      }
    }
  }
  for (const std::string& topic : topics) {
    if (!topics_.find(topic)) continue;
    const bool is_unsubscribed = !header.offline.value_or(false) &&
                                 clients_.find_subscription(header.src_group, topic).status ==
                                     ClientRegistry::Lookup::no_topic;
    if (is_unsubscribed) continue;
    Queues queues = offsets_.queues(header.src_group, topic);
    if (queues.empty()) continue;
    if (!offsets_.replace(header.dest_group, topic, std::move(queues))) {
      return refusal(request, ResponseCode::system_error,
                     "there is no room for more offsets: see docs/limits.md");
    }
  }
  return success(request);
}

void OffsetResetFeature::install(remoting::Dispatcher& dispatcher) {
  using remoting::RequestCode;
  on_header_later<remoting::ResetOffsetHeader>(dispatcher, helper_,
                                               RequestCode::invoke_broker_to_reset_offset, this,
                                               &OffsetResetFeature::reset_offset);
  on_header_later<remoting::CorrectionOffsetHeader>(dispatcher, helper_,
                                                    RequestCode::query_correction_offset, this,
                                                    &OffsetResetFeature::correction_offset);
  on_header_later<remoting::CloneGroupOffsetHeader>(dispatcher, helper_,
                                                    RequestCode::clone_group_offset, this,
                                                    &OffsetResetFeature::clone_offsets);
}

}  // namespace comet::inline v0_1::broker
