// Pulling (Apache: PullMessageProcessor). The order of the checks, their codes and remarks are
// Apache's.

#include "pull/pull_feature.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "comet/base/log.hpp"
#include "comet/message/properties.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/message_headers.hpp"
#include "request/answers.hpp"
#include "request/on_header.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::PullMessageHeader;
using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::RequestIdentity;
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
    case ReadStatus::no_matched_logic_queue:  // Apache makes a queue when it is asked for
    case ReadStatus::no_message_in_queue:
      return "NO_MESSAGE_IN_QUEUE";
    case ReadStatus::read_failed:
      return "the store cannot read what lies there; the broker's log says why";
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
    case ReadStatus::read_failed:
      return ResponseCode::system_error;
  }
  return ResponseCode::system_error;
}

Reply refuse_pull(const Request& request, ResponseCode code, std::string remark) {
  return RemotingCommand::response(request.command, code, std::move(remark));
}

}  // namespace

Reply PullFeature::check_filter(const Request& request, const Subscription& subscription) const {
  if (subscription.is_tag_filter() || config_.property_filter) return std::nullopt;
  return refuse_pull(request, ResponseCode::system_error,
                     no_such_filter(subscription.expression_type));
}

// Nullopt: the pull may go on, and `subscription` says what it wants.
Reply PullFeature::check(const Request& request, const PullMessageHeader& header,
                         Subscription& subscription) {
  if ((config_.broker_permission & routing::perm::kRead) == 0) {
    return refuse_pull(
        request, ResponseCode::no_permission,
        fmt::format("the broker[{}] pulling message is forbidden", config_.broker_ip));
  }
  auto group = groups_.find_or_create(header.consumer_group);
  if (!group) {
    return refuse_pull(request, ResponseCode::subscription_group_not_exist,
                       fmt::format("subscription group [{}] does not exist, See "
                                   "http://rocketmq.apache.org/docs/faq/ for further details.",
                                   header.consumer_group));
  }
  if (!group->consume_enable) {
    return refuse_pull(request, ResponseCode::no_permission,
                       fmt::format("subscription group no permission, {}", header.consumer_group));
  }
  auto topic = topics_.find(header.topic);
  if (!topic)
    return refuse_pull(request, ResponseCode::topic_not_exist, no_such_topic(header.topic));
  if ((topic->perm & routing::perm::kRead) == 0) {
    return refuse_pull(request, ResponseCode::no_permission,
                       fmt::format("the topic[{}] pulling message is forbidden", header.topic));
  }
  if (header.queue_id < 0 || header.queue_id >= topic->read_queue_nums) {
    return refuse_pull(
        request, ResponseCode::system_error,
        fmt::format(
            "queueId[{}] is illegal, topic:[{}] topicConfig.readQueueNums:[{}] consumer:[/{}]",
            header.queue_id, header.topic, topic->read_queue_nums,
            request.connection->remote().to_string()));
  }
  if ((header.sys_flag & remoting::pull_sys_flag::kSubscription) != 0) {
    subscription =
        Subscription::from_expression(header.topic, header.expression_type.value_or(""),
                                      header.subscription.value_or("*"), header.sub_version);
    if (!subscription.error.empty()) {
      return refuse_pull(
          request, ResponseCode::subscription_parse_failed,
          fmt::format("parse the consumer's subscription failed: {}", subscription.error));
    }
    return check_filter(request, subscription);
  }
  auto found = clients_.find_subscription(header.consumer_group, header.topic);
  switch (found.status) {
    case ClientRegistry::Lookup::no_group:
      return refuse_pull(
          request, ResponseCode::subscription_not_exist,
          "the consumer's group info not exist\nSee http://rocketmq.apache.org/docs/faq/ "
          "for further details.");
    case ClientRegistry::Lookup::no_topic:
      return refuse_pull(request, ResponseCode::subscription_not_exist,
                         "the consumer's subscription not exist\nSee "
                         "http://rocketmq.apache.org/docs/faq/ for further details.");
    case ClientRegistry::Lookup::found:
      break;
  }
  if (found.broadcasting && !group->consume_broadcast_enable) {
    return refuse_pull(request, ResponseCode::no_permission,
                       fmt::format("the consumer group[{}] can not consume by broadcast way",
                                   header.consumer_group));
  }
  if (found.subscription.version < header.sub_version) {
    return refuse_pull(request, ResponseCode::subscription_not_latest,
                       "the consumer's subscription not latest");
  }
  if (!found.subscription.error.empty()) {
    return refuse_pull(
        request, ResponseCode::filter_data_not_exist,
        fmt::format("The broker's consumer filter data is not exist!Your expression may "
                    "be wrong! {}",
                    found.subscription.error));
  }
  subscription = std::move(found.subscription);
  return check_filter(request, subscription);
}

// How much one answer may hold: less when it comes from the disk, since others wait meanwhile.
store::ReadLimits PullFeature::limits_of(const PullMessageHeader& header, bool in_memory,
                                         bool sends_pages) const {
  const BrokerConfig& config = config_;
  store::ReadLimits limits = in_memory ? config.pull_from_memory : config.pull_from_disk;
  limits.max_count = std::clamp(header.max_msg_nums, 1, limits.max_count);
  if (header.max_msg_bytes && *header.max_msg_bytes > 0) {
    limits.max_bytes = std::min<std::int64_t>(limits.max_bytes, *header.max_msg_bytes);
  }
  limits.in_pages = in_memory && sends_pages;
  return limits;
}

// What was read, and how long that took.
class PullFeature::Reading {
 public:
  store::ReadResult result;
  Duration took{};
};

// Messages of a retry topic are chosen by the group's expression for the topic that they come from.
bool PullFeature::wants_again(const std::string& group, const RecordView& record) const {
  const std::string_view topic = find_property(record.properties, property::kRetryTopic);
  const auto found = clients_.find_subscription(group, topic);
  return found.status != ClientRegistry::Lookup::found || found.subscription.is_tag_filter() ||
         found.subscription.wants(record.properties);
}

PullFeature::Reading PullFeature::read(const PullQuestion& question) {
  const Subscription& subscription = question.subscription;
  store::TagFilter filter;
  if (!subscription.takes_every_tag()) {
    filter = [&subscription](std::int64_t tags_code) { return subscription.matches(tags_code); };
  }
  store::RecordFilter exact_filter;
  if (subscription.looks_at_properties()) {
    exact_filter = [&subscription](const RecordView& record) {
      return subscription.wants(record.properties);
    };
  } else if (config_.filter_retry_topics && config_.property_filter &&
             subscription.topic.starts_with(kRetryTopicPrefix)) {
    exact_filter = [this, &question](const RecordView& record) {
      return wants_again(question.group, record);
    };
  }
  const Instant began = time_.now();
  Reading reading;
  reading.result = store_.read(subscription.topic, question.queue_id, question.offset,
                               question.limits, filter, exact_filter);
  reading.took = time_.now() - began;
  runtime_.count_get(reading.took, reading.result.status == ReadStatus::found);
  return reading;
}

// Nothing was read: the consumer shall pull from that offset.
RemotingCommand PullFeature::pull_from(const RequestIdentity& request, const PullQuestion& question,
                                       std::int64_t offset, ResponseCode code,
                                       std::string remark) const {
  RemotingCommand response = request.response(code, std::move(remark));
  remoting::PullMessageResponseHeader fields;
  fields.next_begin_offset = offset;
  fields.min_offset = store_.min_offset(question.subscription.topic, question.queue_id);
  fields.max_offset = store_.max_offset(question.subscription.topic, question.queue_id);
  remoting::write_header(fields, response.fields);
  return response;
}

// What a pull is told after an administrator has moved its group (5.x: OFFSET_RESET).
RemotingCommand PullFeature::reset_answer(const RequestIdentity& request,
                                          const PullQuestion& question, std::int64_t offset) const {
  return pull_from(request, question, offset, ResponseCode::pull_offset_moved, "OFFSET_RESET");
}

bool PullFeature::corrects_offsets() const {
  return !config_.replication.is_slave() || config_.replication.offset_check_in_slave;
}

// Apache: who lags behind by more than the memory holds reads from the slave, so that the master's
// disk is left to the others.
std::int64_t PullFeature::suggested_broker(const PullQuestion& question,
                                           const store::ReadResult& result) const {
  if (!config_.replication.slave_read) return 0;
  const auto group = groups_.find(question.group);
  if (!group) return 0;
  const bool is_slow =
      result.count > 0 && !store_.probably_in_memory(question.subscription.topic, question.queue_id,
                                                     result.next_offset - 1);
  return is_slow ? group->which_broker_when_consume_slowly : group->broker_id;
}

RemotingCommand PullFeature::answer(const RequestIdentity& request, const PullQuestion& question,
                                    Reading reading) {
  store::ReadResult& result = reading.result;
  if (result.count > 0) {
    traffic_.count_pull(question.subscription.topic, question.group,
                        static_cast<std::uint64_t>(result.count), result.records.size(),
                        question.queue_id, result.next_offset, reading.took);
  }
  ResponseCode code = status_code(result.status, question.offset);
  if (code == ResponseCode::pull_offset_moved && !corrects_offsets()) {
    code = ResponseCode::pull_retry_immediately;  // its log may be behind the master's
    result.next_offset = question.offset;
  }
  RemotingCommand response = request.response(code, std::string(status_name(result.status)));
  remoting::PullMessageResponseHeader fields;
  fields.suggest_which_broker_id = suggested_broker(question, result);
  fields.next_begin_offset = result.next_offset;
  fields.min_offset = result.min_offset;
  fields.max_offset = result.max_offset;
  response.fields.reserve(4, 128);
  remoting::write_header(fields, response.fields);
  response.body = std::move(result.records);
  return response;
}

// How long it may wait for a message; zero: not at all.
Duration PullFeature::patience_of(const Request& request, const PullMessageHeader& header) const {
  const bool may_wait = (header.sys_flag & remoting::pull_sys_flag::kSuspend) != 0 &&
                        header.suspend_timeout_millis > 0 && !request.command.is_oneway();
  if (!may_wait) return Duration::zero();
  if (!config_.long_polling) return config_.short_polling_time;
  return std::chrono::milliseconds(std::min(header.suspend_timeout_millis, kMaxSuspendMillis));
}

void PullFeature::hold(std::unique_ptr<HeldPull> pull) {
  pull->reply.mark_held();
  const std::string group = pull->question.group;
  const std::string topic = pull->question.subscription.topic;
  const std::int32_t queue_id = pull->question.queue_id;
  const std::int64_t offset = pull->question.offset;
  hold_.hold(std::move(pull));
  // A message may have arrived between the read and the hold, or the group's offset been moved.
  const std::int64_t max_offset = store_.max_offset(topic, queue_id);
  if (max_offset > offset) hold_.wake(topic, queue_id, max_offset);
  if (offsets_.is_reset(group, topic, queue_id)) {
    hold_.wake(topic, queue_id, std::numeric_limits<std::int64_t>::max());
  }
}

Reply PullFeature::pull_message(Request& request, const PullMessageHeader& header) {
  PullQuestion question;
  if (Reply refusal = check(request, header, question.subscription)) return refusal;
  question.group = header.consumer_group;
  question.is_of_heartbeat = (header.sys_flag & remoting::pull_sys_flag::kSubscription) == 0;
  question.queue_id = header.queue_id;
  question.offset = header.queue_offset;
  const bool in_memory =
      store_.probably_in_memory(header.topic, header.queue_id, header.queue_offset);
  question.limits = limits_of(header, in_memory, request.connection->sends_pages());

  if (const auto offset = offsets_.take_reset(question.group, header.topic, question.queue_id)) {
    return reset_answer(RequestIdentity(request.command), question, *offset);
  }
  if ((header.sys_flag & remoting::pull_sys_flag::kCommitOffset) != 0) {
    offsets_.commit(header.consumer_group, header.topic, header.queue_id, header.commit_offset);
  }
  const Duration patience = patience_of(request, header);
  const bool is_in_queue = question.offset < store_.max_offset(header.topic, question.queue_id);
  if (!in_memory && is_in_queue && reads_.has_room(0)) {
    read_from_disk(std::make_unique<HeldPull>(request, std::move(question), time_.now() + patience),
                   patience > Duration::zero());
    return std::nullopt;
  }
  Reading reading = read(question);
  if (status_code(reading.result.status, question.offset) != ResponseCode::pull_not_found ||
      patience == Duration::zero()) {
    return answer(RequestIdentity(request.command), question, std::move(reading));
  }
  hold(std::make_unique<HeldPull>(request, std::move(question), time_.now() + patience));
  return std::nullopt;
}

// On a thread that may wait: others have their turn meanwhile.
void PullFeature::read_from_disk(std::unique_ptr<HeldPull> pull, bool may_wait) {
  reads_.post([this, may_wait, pull = std::move(pull)]() mutable {
    const RequestIdentity request = pull->reply.request();
    try {
      Reading reading = read(pull->question);
      const ResponseCode code = status_code(reading.result.status, pull->question.offset);
      if (code == ResponseCode::pull_not_found && may_wait) return hold(std::move(pull));
      pull->reply.answer(answer(request, pull->question, std::move(reading)));
    } catch (const std::exception& problem) {  // there was no memory for it
      if (pull) pull->reply.answer(request.response(ResponseCode::system_error, problem.what()));
    }
  });
}

void PullFeature::resume_held_pull(std::unique_ptr<HeldPull> pull) {
  // Its client would drop what it gets for this one by the expression that it had then.
  if (pull->question.is_outdated) {
    return pull->reply.answer(pull_from(pull->reply.request(), pull->question,
                                        pull->question.offset, ResponseCode::pull_retry_immediately,
                                        "the consumer's subscription has changed"));
  }
  if (const auto offset = offsets_.take_reset(
          pull->question.group, pull->question.subscription.topic, pull->question.queue_id)) {
    pull->reply.answer(reset_answer(pull->reply.request(), pull->question, *offset));
    return;
  }
  Reading reading = read(pull->question);
  const bool may_wait_on = reading.result.status == ReadStatus::no_matched_message &&
                           pull->question.subscription.looks_at_properties() &&
                           time_.now() < pull->deadline;
  if (!may_wait_on) {
    pull->reply.answer(answer(pull->reply.request(), pull->question, std::move(reading)));
    return;
  }
  // Only the messages themselves could tell that nothing for this consumer had arrived.
  pull->question.offset = reading.result.next_offset;
  hold(std::move(pull));
}

void PullFeature::install(remoting::Dispatcher& dispatcher) {
  for (const auto code :
       {remoting::RequestCode::pull_message, remoting::RequestCode::lite_pull_message}) {
    on_header<PullMessageHeader>(dispatcher, code, this, &PullFeature::pull_message);
  }
}

}  // namespace comet::inline v0_1::broker
