// Offsets of queues and of consumer groups (Apache: ConsumerManageProcessor, AdminBrokerProcessor).

#include "offsets/offset_feature.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "comet/base/ascii.hpp"
#include "comet/remoting/message_headers.hpp"
#include "request/answers.hpp"
#include "request/await_call.hpp"
#include "request/header_of.hpp"
#include "request/later_answers.hpp"
#include "request/on_header.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::ResponseCode;

// Slaves from this version on (5.x) read no names that are bare numbers.
constexpr std::int32_t kStrictJson = 493;

RemotingCommand offset_answer(const Request& request, std::int64_t offset) {
  RemotingCommand response = RemotingCommand::response(request.command, ResponseCode::success);
  remoting::OffsetResponseHeader header;
  header.offset = offset;
  remoting::write_header(header, response.fields);
  return response;
}

Reply queue_offset(const store::MessageStore* store, const Request& request,
                   const remoting::QueueHeader& header) {
  const bool wants_max = request.command.request_code() == remoting::RequestCode::get_max_offset;
  return offset_answer(request, wants_max ? store->max_offset(header.topic, header.queue_id)
                                          : store->min_offset(header.topic, header.queue_id));
}

// In any case, as Java reads it.
bool is_upper(std::string_view boundary) { return equal_in_any_case(boundary, "upper"); }

}  // namespace

// Looks at messages all over the queue.
RemotingCommand OffsetFeature::search_offset(const Request& request,
                                             const remoting::SearchOffsetHeader& header) const {
  // Clients of 5.x say which boundary they mean. For older ones it is the lower, as at 5.x brokers:
  // 4.9's nearest message may be one before the time, and never is behind the last.
  const std::string_view boundary = header.boundary_type.value_or("");
  const auto wanted = is_upper(boundary) ? store::TimeBoundary::upper : store::TimeBoundary::lower;
  return offset_answer(
      request, store_.offset_by_time(header.topic, header.queue_id, header.timestamp, wanted));
}

RemotingCommand OffsetFeature::earliest_store_time(const Request& request,
                                                   const remoting::QueueHeader& header) const {
  RemotingCommand response = RemotingCommand::response(request.command, ResponseCode::success);
  remoting::TimestampResponseHeader fields;
  fields.timestamp = store_.earliest_store_time(header.topic, header.queue_id);
  remoting::write_header(fields, response.fields);
  return response;
}

Reply OffsetFeature::query_consumer_offset(
    const Request& request, const remoting::QueryConsumerOffsetHeader& header) const {
  if (auto offset = offsets_.find(header.consumer_group, header.topic, header.queue_id)) {
    return offset_answer(request, *offset);
  }
  // A group that is new to a young queue starts at its beginning.
  const std::int64_t min_offset = store_.min_offset(header.topic, header.queue_id);
  const bool empty = store_.max_offset(header.topic, header.queue_id) == 0;
  if (header.set_zero_if_not_found.value_or(true) && min_offset <= 0 &&
      (empty || store_.probably_in_memory(header.topic, header.queue_id, 0))) {
    return offset_answer(request, 0);
  }
  return RemotingCommand::response(
      request.command, ResponseCode::query_not_found,
      "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first");
}

void OffsetFeature::hold_queries(Ready ready, asio::any_io_executor where) {
  ready_ = std::move(ready);
  ready_on_ = std::move(where);
}

remoting::Handling OffsetFeature::query_when_ready(Request request) {
  (void)co_await AwaitCall(ready_(), ready_on_);
  const auto header = header_of<remoting::QueryConsumerOffsetHeader>(request.command);
  Reply answer = query_consumer_offset(request, header);
  co_return std::move(answer);
}

Reply OffsetFeature::update_consumer_offset(const Request& request,
                                            const remoting::UpdateConsumerOffsetHeader& header) {
  // Whoever commits must name a topic and a group that can exist: the table is kept for ever.
  if (!topics_.find(header.topic)) {
    return RemotingCommand::response(request.command, ResponseCode::topic_not_exist,
                                     no_such_topic(header.topic));
  }
  if (!groups_.find_or_create(header.consumer_group)) {
    return RemotingCommand::response(request.command, ResponseCode::subscription_group_not_exist,
                                     no_such_group(header.consumer_group));
  }
  // Not the topic's present number: it may have had more.
  if (header.queue_id < 0 || header.queue_id >= kMostQueues) {
    return RemotingCommand::response(
        request.command, ResponseCode::system_error,
        fmt::format("queueId[{}] is illegal, topic:[{}]", header.queue_id, header.topic));
  }
  if (offsets_.is_reset(header.consumer_group, header.topic, header.queue_id)) {
    return RemotingCommand::response(request.command, ResponseCode::success,
                                     "Offset has been previously reset");
  }
  if (!offsets_.commit(header.consumer_group, header.topic, header.queue_id,
                       header.commit_offset)) {
    std::string fault = fmt::format(
        "there is no room for an offset of group {} in topic {}: this broker keeps {} offsets of "
        "{} "
        "pairs of group and topic at most",
        header.consumer_group, header.topic, kMostOffsets, kMostOffsetGroups);
    refusals_.log(request.connection->remote(), fault);
    return RemotingCommand::response(request.command, ResponseCode::system_error, std::move(fault));
  }
  return RemotingCommand::response(request.command, ResponseCode::success);
}

void OffsetFeature::install(remoting::Dispatcher& dispatcher) {
  using remoting::RequestCode;
  on_header<remoting::QueueHeader>(dispatcher, RequestCode::get_max_offset, &store_, queue_offset);
  on_header<remoting::QueueHeader>(dispatcher, RequestCode::get_min_offset, &store_, queue_offset);
  on_header_later<remoting::SearchOffsetHeader>(dispatcher, reads_,
                                                RequestCode::search_offset_by_timestamp, this,
                                                &OffsetFeature::search_offset);
  on_header_later<remoting::QueueHeader>(dispatcher, reads_,
                                         RequestCode::get_earliest_msg_storetime, this,
                                         &OffsetFeature::earliest_store_time);
  dispatcher.on(RequestCode::get_all_consumer_offset, [this](Request& request) {
    const auto make = [this](Request& asked) {
      const bool is_strict = asked.command.version >= kStrictJson;
      return json_answer(asked.command,
                         offsets_.to_json(is_strict ? routing::IntegerKeys::quoted
                                                    : routing::IntegerKeys::unquoted));
    };
    return answer_on_helper(helper_, request, make);
  });
  dispatcher.on(RequestCode::get_all_delay_offset, [this](Request& request) {
    return json_answer(request.command, delays_.to_json(routing::IntegerKeys::unquoted));
  });
  if (ready_) {
    on_handling(dispatcher, RequestCode::query_consumer_offset, this,
                &OffsetFeature::query_when_ready);
  } else {
    on_header<remoting::QueryConsumerOffsetHeader>(dispatcher, RequestCode::query_consumer_offset,
                                                   this, &OffsetFeature::query_consumer_offset);
  }
  on_header<remoting::UpdateConsumerOffsetHeader>(dispatcher, RequestCode::update_consumer_offset,
                                                  this, &OffsetFeature::update_consumer_offset);
}

}  // namespace comet::inline v0_1::broker
