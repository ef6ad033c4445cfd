#include "send_checks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "comet/message/validate.hpp"
#include "delayed_message.hpp"
#include "retry_topics.hpp"

namespace comet::broker {

using remoting::Request;
using remoting::ResponseCode;
using remoting::SendMessageHeader;

Refusal refuse(ResponseCode code, std::string remark) {
  Refusal refusal;
  refusal.code = code;
  refusal.remark = std::move(remark);
  return refusal;
}

namespace {

// Checks that need no topic, then finds or creates the topic, then checks against it.
Refusal check(BrokerContext& context, const Request& request, const SendMessageHeader& header,
              routing::TopicConfig& topic) {
  if (std::string complaint = check_topic(header.topic); !complaint.empty()) {
    return refuse(ResponseCode::system_error, std::move(complaint));
  }
  if (is_forbidden_for_sending(header.topic)) {
    return refuse(ResponseCode::no_permission,
                  fmt::format("Sending message to topic[{}] is forbidden.", header.topic));
  }
  auto found = context.topics.find_or_create(header.topic, header.default_topic,
                                             header.default_topic_queue_nums);
  if (!found && header.topic.starts_with(kRetryTopicPrefix)) {
    found = context.topics.find_or_create(header.topic, 1,
                                          routing::perm::kRead | routing::perm::kWrite, 0);
  }
  if (!found) return refuse(ResponseCode::topic_not_exist, no_such_topic(header.topic));
  topic = std::move(*found);
  if ((context.config.broker_permission & routing::perm::kWrite) == 0 && topic.order) {
    return refuse(
        ResponseCode::no_permission,
        fmt::format("the broker[{}] sending message is forbidden", context.config.broker_ip));
  }
  if (header.queue_id >= std::max(topic.write_queue_nums, topic.read_queue_nums)) {
    return refuse(
        ResponseCode::system_error,
        fmt::format("request queueId[{}] is illegal, TopicConfig [topicName={}, readQueueNums={}, "
                    "writeQueueNums={}] Producer: {}",
                    header.queue_id, topic.topic_name, topic.read_queue_nums,
                    topic.write_queue_nums, request.connection->remote().to_string()));
  }
  return {};
}

// A consumer that cannot give a message back sends it to its retry topic itself. After too many
// attempts it goes to the dead letters: `topic` then is their topic.
Refusal redirect_dead_letter(BrokerContext& context, const Request& request,
                             const SendMessageHeader& header, bool is_batch,
                             routing::TopicConfig& topic) {
  if (!header.topic.starts_with(kRetryTopicPrefix)) return {};
  if (is_batch) {
    return refuse(ResponseCode::message_illegal,
                  fmt::format("batch request does not support retry group {}", header.topic));
  }
  const std::string_view group_name = header.topic.substr(kRetryTopicPrefix.size());
  auto group = context.groups.find_or_create(group_name);
  if (!group) return refuse(ResponseCode::subscription_group_not_exist, no_such_group(group_name));
  const std::int32_t attempts = header.reconsume_times.value_or(0);
  if (attempts < max_attempts(*group, request.command, header.max_reconsume_times)) return {};
  auto dead_letters = dead_letter_topic(context, group_name);
  if (!dead_letters) {
    return refuse(ResponseCode::system_error,
                  fmt::format("topic[{}{}] not exist", kDlqTopicPrefix, group_name));
  }
  topic = std::move(*dead_letters);
  return {};
}

// What this version cannot do must be refused, not stored as something else.
Refusal check_properties(const BrokerContext& context, std::string_view properties, bool is_batch,
                         std::int32_t& delay_level) {
  if (find_property(properties, property::kTransactionPrepared) == "true") {
    return refuse(ResponseCode::no_permission,
                  "transactional messages are not supported by this broker version");
  }
  const std::optional<std::int32_t> level = delay_level_of(properties, context.delay_levels);
  if (!level) return refuse(ResponseCode::message_illegal, "the property DELAY is not a number");
  delay_level = *level;
  if (delay_level > 0) {
    return is_batch ? refuse(ResponseCode::message_illegal, "a batch cannot be delayed")
                    : Refusal();
  }
  for (std::string_view timer : kTimerProperties) {
    if (!find_property(properties, timer).empty()) {
      return refuse(ResponseCode::message_illegal,
                    "timer messages are not supported by this broker version");
    }
  }
  return {};
}

}  // namespace

Refusal check_send(BrokerContext& context, const Request& request, const SendMessageHeader& header,
                   CheckedSend& send) {
  send.is_batch = header.batch.value_or(false) ||
                  request.command.request_code() == remoting::RequestCode::send_batch_message;
  Refusal refusal = check(context, request, header, send.topic);
  if (!refusal) refusal = redirect_dead_letter(context, request, header, send.is_batch, send.topic);
  if (!refusal) {
    refusal =
        check_properties(context, header.properties.value_or(""), send.is_batch, send.delay_level);
  }
  if (send.is_dead_letter(header)) send.delay_level = 0;
  return refusal;
}

}  // namespace comet::broker
