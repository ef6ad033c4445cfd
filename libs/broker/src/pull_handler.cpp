// Pulling (Apache: PullMessageProcessor). The order of the checks, their codes and remarks are
// Apache's.

#include <fmt/format.h>

#include <algorithm>

#include "comet/base/log.hpp"
#include "comet/remoting/message_headers.hpp"
#include "handlers.hpp"

namespace comet::broker {
namespace {

using remoting::PullMessageHeader;
using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::ResponseCode;
using store::ReadStatus;

constexpr std::int64_t kMaxSuspendMillis = 120'000;

std::string_view status_name(ReadStatus status) {
  switch (status) {
    case ReadStatus::found:
      return "FOUND";
    case ReadStatus::no_matched_message:
      return "NO_MATCHED_MESSAGE";
    case ReadStatus::message_was_removing:
      return "MESSAGE_WAS_REMOVING";
    case ReadStatus::offset_found_null:
      return "OFFSET_FOUND_NULL";
    case ReadStatus::offset_overflow_badly:
      return "OFFSET_OVERFLOW_BADLY";
    case ReadStatus::offset_overflow_one:
      return "OFFSET_OVERFLOW_ONE";
    case ReadStatus::offset_too_small:
      return "OFFSET_TOO_SMALL";
    case ReadStatus::no_matched_logic_queue:
      return "NO_MATCHED_LOGIC_QUEUE";
    case ReadStatus::no_message_in_queue:
      return "NO_MESSAGE_IN_QUEUE";
  }
  return "";
}

ResponseCode status_code(ReadStatus status, std::int64_t asked_offset) {
  switch (status) {
    case ReadStatus::found:
      return ResponseCode::success;
    case ReadStatus::no_matched_message:
    case ReadStatus::message_was_removing:
      return ResponseCode::pull_retry_immediately;
    case ReadStatus::offset_found_null:
    case ReadStatus::offset_overflow_one:
      return ResponseCode::pull_not_found;
    case ReadStatus::offset_overflow_badly:
    case ReadStatus::offset_too_small:
      return ResponseCode::pull_offset_moved;
    case ReadStatus::no_matched_logic_queue:
    case ReadStatus::no_message_in_queue:
      return asked_offset == 0 ? ResponseCode::pull_not_found : ResponseCode::pull_offset_moved;
  }
  return ResponseCode::system_error;
}

Reply refuse(const Request& request, ResponseCode code, std::string remark) {
  return RemotingCommand::response(request.command, code, std::move(remark));
}

// Nullopt: the pull may go on, and `subscription` says what it wants.
Reply check(BrokerContext& context, const Request& request, const PullMessageHeader& header,
            Subscription& subscription) {
  if ((context.config.broker_permission & routing::perm::kRead) == 0) {
    return refuse(
        request, ResponseCode::no_permission,
        fmt::format("the broker[{}] pulling message is forbidden", context.config.broker_ip));
  }
  auto group = context.groups.find_or_create(header.consumer_group);
  if (!group) {
    return refuse(request, ResponseCode::subscription_group_not_exist,
                  fmt::format("subscription group [{}] does not exist, See "
                              "http://rocketmq.apache.org/docs/faq/ for further details.",
                              header.consumer_group));
  }
  if (!group->consume_enable) {
    return refuse(request, ResponseCode::no_permission,
                  fmt::format("subscription group no permission, {}", header.consumer_group));
  }
  auto topic = context.topics.find(header.topic);
  if (!topic) return refuse(request, ResponseCode::topic_not_exist, no_such_topic(header.topic));
  if ((topic->perm & routing::perm::kRead) == 0) {
    return refuse(request, ResponseCode::no_permission,
                  fmt::format("the topic[{}] pulling message is forbidden", header.topic));
  }
  if (header.queue_id < 0 || header.queue_id >= topic->read_queue_nums) {
    return refuse(
        request, ResponseCode::system_error,
        fmt::format(
            "queueId[{}] is illegal, topic:[{}] topicConfig.readQueueNums:[{}] consumer:[/{}]",
            header.queue_id, header.topic, topic->read_queue_nums,
            request.connection->remote().to_string()));
  }
  if ((header.sys_flag & remoting::pull_sys_flag::kSubscription) != 0) {
    if (header.expression_type.value_or("TAG") != "TAG") {
      return refuse(request, ResponseCode::system_error, no_such_filter("SQL92"));
    }
    subscription = Subscription::from_tag_expression(
        header.topic, header.subscription.value_or("*"), header.sub_version);
    return std::nullopt;
  }
  auto found = context.clients.find_subscription(header.consumer_group, header.topic);
  switch (found.status) {
    case ClientRegistry::Lookup::no_group:
      return refuse(request, ResponseCode::subscription_not_exist,
                    "the consumer's group info not exist\nSee http://rocketmq.apache.org/docs/faq/ "
                    "for further details.");
    case ClientRegistry::Lookup::no_topic:
      return refuse(request, ResponseCode::subscription_not_exist,
                    "the consumer's subscription not exist\nSee "
                    "http://rocketmq.apache.org/docs/faq/ for further details.");
    case ClientRegistry::Lookup::found:
      break;
  }
  if (found.broadcasting && !group->consume_broadcast_enable) {
    return refuse(request, ResponseCode::no_permission,
                  fmt::format("the consumer group[{}] can not consume by broadcast way",
                              header.consumer_group));
  }
  if (found.subscription.version < header.sub_version) {
    return refuse(request, ResponseCode::subscription_not_latest,
                  "the consumer's subscription not latest");
  }
  if (!found.subscription.is_tag_filter()) {
    return refuse(request, ResponseCode::system_error, no_such_filter("SQL92"));
  }
  subscription = std::move(found.subscription);
  return std::nullopt;
}

store::ReadResult read(BrokerContext& context, const PullMessageHeader& header,
                       const Subscription& subscription) {
  store::ReadLimits limits;
  limits.max_count = std::clamp(header.max_msg_nums, 1, limits.max_count);
  if (header.max_msg_bytes && *header.max_msg_bytes > 0) {
    limits.max_bytes = std::min<std::int64_t>(limits.max_bytes, *header.max_msg_bytes);
  }
  store::TagFilter filter;
  if (!subscription.tag_codes.empty()) {
    filter = [&subscription](std::int64_t tags_code) { return subscription.matches(tags_code); };
  }
  return context.store.read(header.topic, header.queue_id, header.queue_offset, limits, filter);
}

RemotingCommand answer(BrokerContext& context, const Request& request,
                       const PullMessageHeader& header, store::ReadResult result) {
  if (result.count > 0) {
    context.traffic.count(header.topic, header.consumer_group,
                          static_cast<std::uint64_t>(result.count), result.records.size());
  }
  RemotingCommand response =
      RemotingCommand::response(request.command, status_code(result.status, header.queue_offset),
                                std::string(status_name(result.status)));
  remoting::PullMessageResponseHeader fields;
  fields.next_begin_offset = result.next_offset;
  fields.min_offset = result.min_offset;
  fields.max_offset = result.max_offset;
  remoting::write_header(fields, response.fields);
  response.body = std::move(result.records);
  return response;
}

Reply pull_message(BrokerContext& context, Request& request) {
  std::string missing;
  auto header = remoting::read_header<PullMessageHeader>(request.command.fields,
                                                         remoting::FieldNames::full, &missing);
  if (!header) return bad_header(request.command, missing);
  Subscription subscription;
  if (Reply refusal = check(context, request, *header, subscription)) return refusal;

  store::ReadResult result = read(context, *header, subscription);
  if ((header->sys_flag & remoting::pull_sys_flag::kCommitOffset) != 0) {
    context.offsets.commit(header->consumer_group, header->topic, header->queue_id,
                           header->commit_offset);
  }
  const bool may_wait = (header->sys_flag & remoting::pull_sys_flag::kSuspend) != 0 &&
                        header->suspend_timeout_millis > 0;
  if (status_code(result.status, header->queue_offset) != ResponseCode::pull_not_found ||
      !may_wait) {
    return answer(context, request, *header, std::move(result));
  }
  Duration patience =
      std::chrono::milliseconds(std::min(header->suspend_timeout_millis, kMaxSuspendMillis));
  if (!context.config.long_polling) patience = context.config.short_polling_time;
  const std::string topic(header->topic);
  const std::int32_t queue_id = header->queue_id;
  const std::int64_t offset = header->queue_offset;
  context.hold->hold(
      topic, queue_id,
      HeldPull(std::move(request), std::move(subscription), offset, context.time.now() + patience));
  // A message may have arrived between the read and the hold.
  if (std::int64_t max_offset = context.store.max_offset(topic, queue_id); max_offset > offset) {
    context.hold->wake(topic, queue_id, max_offset);
  }
  return std::nullopt;
}

}  // namespace

void resume_held_pull(BrokerContext& context, HeldPull pull) {
  auto header = remoting::read_header<PullMessageHeader>(pull.request.command.fields);
  if (!header) return;  // it was complete when it was held
  pull.request.connection->send(
      answer(context, pull.request, *header, read(context, *header, pull.subscription)));
}

void install_pull_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context) {
  auto handler = [&context](Request& request) { return pull_message(context, request); };
  dispatcher.on(remoting::RequestCode::pull_message, handler);
  dispatcher.on(remoting::RequestCode::lite_pull_message, handler);
}

}  // namespace comet::broker
