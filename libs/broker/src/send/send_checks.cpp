#include "send/send_checks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "clients/client_versions.hpp"
#include "comet/base/local_time.hpp"
#include "comet/message/sys_flag.hpp"
#include "comet/message/validate.hpp"
#include "delay/timer_service.hpp"
#include "records/delayed_message.hpp"
#include "records/half_message.hpp"
#include "records/timer_message.hpp"
#include "request/answers.hpp"
#include "tables/retry_topics.hpp"

namespace comet::inline v0_1::broker {

using remoting::Request;
using remoting::ResponseCode;
using remoting::SendMessageHeader;

remoting::RemotingCommand SendChecks::refusal_answer(const remoting::RequestIdentity& request,
                                                     Refusal refusal) const {
  remoting::RemotingCommand response = request.response(refusal.code, std::move(refusal.remark));
  remoting::SendRefusedResponseHeader header;
  header.region_id = config_.region_id;
  header.trace_on = "true";
  remoting::write_header(header, response.fields);
  return response;
}

namespace {

// As Java's SimpleDateFormat writes it: 2026-11-20 23:53:28,973.
std::string human_time(std::int64_t wall_millis) {
  return format_local_time(wall_millis, ' ', ',');
}

// Apache: TopicConfig.toString.
std::string describe(const routing::TopicConfig& topic) {
  const auto letter = [&topic](std::int32_t bit, char name) {
    return (topic.perm & bit) != 0 ? name : '-';
  };
  return fmt::format(
      "TopicConfig [topicName={}, readQueueNums={}, writeQueueNums={}, perm={}{}{}, "
      "topicFilterType={}, topicSysFlag={}, order={}]",
      topic.topic_name, topic.read_queue_nums, topic.write_queue_nums,
      letter(routing::perm::kRead, 'R'), letter(routing::perm::kWrite, 'W'),
      letter(routing::perm::kInherit, 'X'), topic.topic_filter_type, topic.topic_sys_flag,
      topic.order);
}

constexpr std::int32_t kUnit = 1;  // Apache: TopicSysFlag.FLAG_UNIT

Refusal delayed_batch() {
  return refuse(ResponseCode::message_illegal, "a batch cannot be delayed");
}

Refusal transactional_batch() {
  return refuse(ResponseCode::message_illegal, "a batch cannot be transactional");
}

Refusal not_a_level() {
  return refuse(ResponseCode::message_illegal, "the property DELAY is not a number");
}

}  // namespace

TopicTable::Snapshot SendChecks::find_or_create(const SendMessageHeader& header) const {
  const bool is_retry = header.topic.starts_with(kRetryTopicPrefix);
  const std::int32_t sys_flag = !header.unit_mode.value_or(false) ? 0
                                : is_retry                        ? kUnitSubscription
                                                                  : kUnit;
  auto found = topics_.find_or_create(header.topic, header.default_topic,
                                      header.default_topic_queue_nums, sys_flag);
  if (!found && is_retry) {
    constexpr std::int32_t kReadWrite = routing::perm::kRead | routing::perm::kWrite;
    found = topics_.find_or_create(header.topic, 1, kReadWrite, sys_flag);
  }
  return found;
}

// Checks that need no topic, then finds or creates the topic, then checks against it.
Refusal SendChecks::check(const Request& request, const SendMessageHeader& header,
                          TopicTable::Snapshot& topic) const {
  const BrokerConfig& config = config_;
  if (time_.wall_millis() < config.start_accept_send_millis) {
    return refuse(ResponseCode::system_error,
                  "broker unable to service, until " + human_time(config.start_accept_send_millis));
  }
  if ((config.broker_permission & routing::perm::kWrite) == 0) {
    // Other topics' producers have learnt it from their routes.
    const auto known = topics_.find(header.topic);
    if (known && known->order) {
      return refuse(ResponseCode::no_permission,
                    fmt::format("the broker[{}] sending message is forbidden", config.broker_ip));
    }
  }
  if (std::string complaint = check_topic(header.topic); !complaint.empty()) {
    return refuse(ResponseCode::system_error, std::move(complaint));
  }
  if (is_forbidden_for_sending(header.topic) || header.topic == kTimerTopic) {
    return refuse(ResponseCode::no_permission,
                  fmt::format("Sending message to topic[{}] is forbidden.", header.topic));
  }
  auto found = find_or_create(header);
  if (!found) return refuse(ResponseCode::topic_not_exist, no_such_topic(header.topic));
  topic = std::move(found);
  if (header.queue_id >= std::max(topic->write_queue_nums, topic->read_queue_nums)) {
    // Clients of 5.x send a message anew that was answered with 1.
    const bool is_5x = request.command.version >= remoting::kVersionV5_0_0;
    return refuse(is_5x ? ResponseCode::invalid_parameter : ResponseCode::system_error,
                  fmt::format("request queueId[{}] is illegal, {} Producer: {}", header.queue_id,
                              describe(*topic), request.connection->remote().to_string()));
  }
  return {};
}

// A consumer that cannot give a message back sends it to its retry topic itself. After too many
// attempts it goes to the dead letters: its topic then is theirs.
Refusal SendChecks::redirect_dead_letter(const Request& request, const SendMessageHeader& header,
                                         CheckedSend& send) const {
  if (!header.topic.starts_with(kRetryTopicPrefix)) return {};
  if (send.is_batch) {
    return refuse(ResponseCode::message_illegal,
                  fmt::format("batch request does not support retry group {}", header.topic));
  }
  const std::string_view group_name = header.topic.substr(kRetryTopicPrefix.size());
  auto group = groups_.find_or_create(group_name);
  if (!group) return refuse(ResponseCode::subscription_group_not_exist, no_such_group(group_name));
  send.group = group_name;
  const std::int32_t attempts = header.reconsume_times.value_or(0);
  if (attempts < max_attempts(*group, request.command, header.max_reconsume_times)) return {};
  auto dead_letters = dead_letter_topic(topics_, group_name);
  if (!dead_letters) {
    return refuse(ResponseCode::system_error,
                  fmt::format("topic[{}{}] not exist", kDlqTopicPrefix, group_name));
  }
  send.topic = std::move(dead_letters);
  return {};
}

Refusal SendChecks::check_half(const CheckedSend& send) const {
  if (config_.reject_transactions) {
    return refuse(
        ResponseCode::no_permission,
        fmt::format("the broker[{}] sending transaction message is forbidden", config_.broker_ip));
  }
  if (send.is_batch) return transactional_batch();
  const auto is_set = [&send](std::string_view name) {
    return !find_property(send.properties.text, name).empty();
  };
  if (delay_level(send.properties.delay, delay_levels_) != 0 ||
      std::any_of(std::begin(kTimerProperties), std::end(kTimerProperties), is_set)) {
    return refuse(ResponseCode::message_illegal, "a transactional message cannot be delayed");
  }
  return {};
}

// What this version cannot do must be refused, not stored as something else.
Refusal SendChecks::check_properties(std::int32_t sys_flags, CheckedSend& send) const {
  // It would be stored where no consumer ever finds it.
  const std::int32_t type = sys_flags & sys_flag::kTransactionMask;
  if (type == sys_flag::kTransactionPrepared || type == sys_flag::kTransactionRollback) {
    return refuse(ResponseCode::message_illegal,
                  fmt::format("sysFlag {} is that of a transactional message, but property {} is "
                              "not set",
                              sys_flags, property::kTransactionPrepared));
  }
  const std::optional<std::int32_t> level = delay_level(send.properties.delay, delay_levels_);
  if (!level) return not_a_level();
  send.delay_level = *level;
  return send.delay_level > 0 && send.is_batch ? delayed_batch() : Refusal();
}

// Codes and remarks are Apache's (5.x: WHEEL_TIMER_...).
Refusal SendChecks::check_timer(CheckedSend& send) const {
  if (!send.properties.has_timer) return {};
  const BrokerConfig& config = config_;
  const TimerWish wish = timer_wish(send.properties.text, time_.wall_millis(), config);
  if (wish.kind == TimerWish::Kind::none) return {};
  if (timers_ == nullptr) {
    return refuse(ResponseCode::system_error,
                  "accurate timer message is not enabled, timerWheelEnable is false");
  }
  if (send.is_batch) return delayed_batch();
  if (wish.kind == TimerWish::Kind::illegal) {
    return refuse(ResponseCode::message_illegal,
                  fmt::format("timer message illegal, the delay time should not be bigger than the "
                              "max delay {}ms; or if set del msg, the delay time should be bigger "
                              "than the current time",
                              to_millis(config.timer_max_delay)));
  }
  if (wish.kind == TimerWish::Kind::later && timers_->is_full()) {
    return refuse(
        ResponseCode::system_error,
        fmt::format("timer message is under flow control, max num limit is {}", config.max_timers));
  }
  send.timer_out_millis = wish.out_millis;
  return {};
}

Refusal SendChecks::check_items(std::string_view batch) const {
  BatchReader reader(batch);
  for (BatchItem item; reader.next(item);) {
    if (is_half(item.properties)) return transactional_batch();
    const std::optional<std::int32_t> level = delay_level_of(item.properties, delay_levels_);
    if (!level) return not_a_level();
    if (*level > 0) return delayed_batch();
    const TimerWish wish = timer_wish(item.properties, time_.wall_millis(), config_);
    if (wish.kind != TimerWish::Kind::none) return delayed_batch();
  }
  return {};
}

namespace {

// The C++ client 1.x writes booleans as numbers. Apache's brokers store its batches as one message.
bool is_batch_of_cpp(const remoting::RemotingCommand& command) {
  if (command.language != remoting::Language::cpp) return false;
  const bool is_long_form = command.request_code() == remoting::RequestCode::send_message;
  return command.fields.find(is_long_form ? "batch" : "m") == "1";
}

}  // namespace

Refusal SendChecks::check_send(const Request& request, const SendMessageHeader& header,
                               CheckedSend& send) const {
  send.is_batch = header.batch.value_or(false) || is_batch_of_cpp(request.command) ||
                  request.command.request_code() == remoting::RequestCode::send_batch_message;
  Refusal refusal = check(request, header, send.topic);
  if (!refusal) refusal = redirect_dead_letter(request, header, send);
  send.properties = SendProperties(header.properties.value_or(""));
  // A consumer gives back a transaction's message with all that it had.
  send.is_half = means_half(send.properties.transaction_prepared) &&
                 !header.topic.starts_with(kRetryTopicPrefix);
  if (!refusal && send.is_half) {
    refusal = check_half(send);
  } else if (!refusal) {
    refusal = check_properties(header.sys_flag, send);
  }
  if (!refusal && send.delay_level == 0 && !send.is_dead_letter(header)) {
    refusal = check_timer(send);
  }
  if (!refusal && send.is_dead_letter(header)) send.delay_level = 0;
  return refusal;
}

}  // namespace comet::inline v0_1::broker
