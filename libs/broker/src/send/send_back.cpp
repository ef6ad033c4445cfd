// CONSUMER_SEND_MSG_BACK: a consumer gives back what it could not consume (Apache:
// SendMessageProcessor.consumerSendMsgBack). The message comes again by the group's retry topic,
// after a delay that grows with each attempt.

#include "send/send_back.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <functional>

#include "comet/message/message_id.hpp"
#include "comet/message/properties.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/message_headers.hpp"
#include "records/append_outcome.hpp"
#include "records/delayed_message.hpp"
#include "request/answers.hpp"
#include "request/await_append.hpp"
#include "request/header_of.hpp"
#include "request/on_header.hpp"
#include "send/send_checks.hpp"
#include "tables/await_saved.hpp"
#include "tables/retry_topics.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::Handling;
using remoting::Refusal;
using remoting::Request;
using remoting::ResponseCode;
using remoting::SendMessageBackHeader;

// Of the first attempt: 10 s in the usual table.
constexpr std::int32_t kFirstRetryLevel = 3;
constexpr std::int32_t kMostAttempts = 1'000'000;  // more than anybody makes

// Apache: the name of the PutMessageStatus.
std::string_view status_name(const error_code& error) {
  return error == store::StoreErrc::message_too_large ? "MESSAGE_ILLEGAL" : "SERVICE_NOT_AVAILABLE";
}

// The properties of the next attempt, as far as they do not depend on where it goes.
MessageProperties next_properties(const RecordView& record) {
  MessageProperties properties = MessageProperties::decode(record.properties);
  if (!properties.contains(property::kRetryTopic))
    properties.set(property::kRetryTopic, record.topic);
  properties.set(property::kWait, "false");
  if (properties.get(property::kOriginMessageId).empty()) {
    properties.set(property::kOriginMessageId,
                   make_offset_message_id(record.store_host, record.physical_offset));
  }
  return properties;
}

}  // namespace

bool SendBackFeature::is_writable() const {
  return (config_.broker_permission & routing::perm::kWrite) != 0;
}

// Nothing is read for a request that will have no room.
SendsInFlight::Place SendBackFeature::enter() {
  SendsInFlight::Place place = sends_.enter(0, time_.now());
  const auto most = static_cast<std::size_t>(config_.store.max_message_size);
  const bool is_alone = sends_.count() <= 1;
  if (!place || (!is_alone && sends_.bytes() + most > sends_.most_bytes())) {
    throw too_many_sends(sends_);
  }
  return place;
}

TopicTable::Snapshot SendBackFeature::retry_topic_of(const GroupConfig& group,
                                                     bool unit_mode) const {
  if (!is_writable()) {
    throw Refusal(ResponseCode::no_permission,
                  fmt::format("the broker[{}] sending message is forbidden", config_.broker_ip));
  }
  auto topic = retry_topic(topics_, group, unit_mode);
  if (!topic) {
    throw Refusal(ResponseCode::system_error,
                  fmt::format("topic[%RETRY%{}] not exist", group.group_name));
  }
  if ((topic->perm & routing::perm::kWrite) == 0) {
    throw Refusal(ResponseCode::no_permission,
                  fmt::format("the topic[{}] sending message is forbidden", topic->topic_name));
  }
  return topic;
}

// The record of the next attempt; `topic` becomes that of the dead letters when there was the last.
RecordView SendBackFeature::next_record(const Request& request, const SendMessageBackHeader& header,
                                        const GroupConfig& group, const RecordView& found,
                                        TopicTable::Snapshot& topic,
                                        MessageProperties& properties) const {
  RecordView record = found;
  // Senders write any number there.
  const std::int32_t attempts = std::clamp(found.reconsume_times, 0, kMostAttempts);
  record.reconsume_times = attempts + 1;
  record.store_host = store_host_;
  const std::int32_t most = max_attempts(group, request.command, header.max_reconsume_times);
  const bool is_dead = attempts >= most || header.delay_level < 0;
  if (is_dead) {
    auto dead_letters = dead_letter_topic(topics_, header.group);
    if (!dead_letters) {
      throw Refusal(ResponseCode::system_error, "topic of dead letters not exist");
    }
    topic = std::move(dead_letters);
  }
  record.topic = topic->topic_name;
  record.queue_id = random_queue(is_dead ? topic->write_queue_nums : group.retry_queue_nums);
  if (is_dead) {
    properties.set(property::kDelay, "0");
  } else {
    const std::int32_t level =
        header.delay_level == 0 ? kFirstRetryLevel + attempts : header.delay_level;
    put_off(record, properties, std::min(level, delay_levels_.count()));
  }
  return record;
}

Handling SendBackFeature::send_back(Request request) {
  const auto header = header_of<SendMessageBackHeader>(request.command);
  const auto group = groups_.find_or_create(header.group);
  if (!group) {
    co_return Refusal(ResponseCode::subscription_group_not_exist, no_such_group(header.group));
  }
  if (group->retry_queue_nums <= 0 && is_writable()) co_return success(request);
  TopicTable::Snapshot topic = retry_topic_of(*group, header.unit_mode.value_or(false));
  SendsInFlight::Place place = enter();
  const SharedBytes bytes = store_.read_record(header.offset);
  if (!place.grow(bytes.size())) throw too_many_sends(sends_);
  const auto found = parse_record(bytes.view(), CheckCrc::no);
  if (!found) {
    co_return Refusal(ResponseCode::system_error,
                      fmt::format("look message by offset failed, {}", header.offset));
  }
  MessageProperties properties = next_properties(*found);
  RecordView record = next_record(request, header, *group, *found, topic, properties);
  // As with sends: a message must not outlive what it needs, and this time its group is one of
  // that.
  bool is_known = true;
  const bool waits = groups_.has_unsaved() || topics_.has_unsaved();
  if (groups_.has_unsaved()) is_known = co_await AwaitSaved(groups_, std::string(header.group));
  if (is_known && topics_.has_unsaved()) is_known = co_await AwaitSaved(topics_, topic->topic_name);
  if (!is_known) {
    co_return Refusal(ResponseCode::service_not_available,
                      fmt::format("topic {} and consumer group {} cannot be written to this "
                                  "broker's disk",
                                  topic->topic_name, header.group));
  }
  if (waits && !topics_.find(topic->topic_name)) {  // it was deleted meanwhile
    co_return Refusal(ResponseCode::topic_not_exist, no_such_topic(topic->topic_name));
  }
  const std::string text = properties.encode();
  record.properties = text;
  if (!copies_.may_store()) co_return too_few_copies();
  const store::AppendResult stored = co_await AwaitAppend(store_, request, record, true);
  if (!is_stored(stored)) {
    co_return Refusal(ResponseCode::system_error, std::string(status_name(stored.error)));
  }
  const bool is_delayed = record.topic == kScheduleTopic;
  traffic_.count(record.topic, 1, record.body.size() + text.size(),
                 is_delayed ? MessageType::delay : MessageType::normal);
  traffic_.count_send_back(properties.get(property::kRetryTopic), header.group);
  if (!stored.error) {
    const Confirmation copies = co_await AwaitCopies(copies_, request, stored.end);
    // As Apache's: its consumer sends the message anew.
    if (copies != Confirmation::put_ok) {
      co_return Refusal(ResponseCode::system_error, std::string(name_of(copies)));
    }
  }
  co_return success(request);
}

void SendBackFeature::install(remoting::Dispatcher& dispatcher) {
  on_handling(dispatcher, remoting::RequestCode::consumer_send_msg_back, this,
              &SendBackFeature::send_back, config_.max_sends);
}

}  // namespace comet::inline v0_1::broker
