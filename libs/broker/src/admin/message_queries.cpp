// Single messages by key, by unique key and by their place in the commit log (Apache:
// QueryMessageProcessor).

#include "admin/message_queries.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "comet/base/printable.hpp"
#include "comet/remoting/message_headers.hpp"
#include "request/on_header.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Request;
using remoting::ResponseCode;

constexpr std::int32_t kMostByUniqueKey = 32;  // Apache: defaultQueryMaxNum
constexpr std::int32_t kMostByKey = 64;        // Apache: maxMsgsNumBatch

}  // namespace

RemotingCommand QueryFeature::query_message(const Request& request,
                                            const remoting::QueryMessageHeader& header) const {
  store::KeyQuery query;
  query.topic = header.topic;
  query.key = header.key;
  const bool is_unique = header.unique_key.value_or(false);
  if (!is_unique && header.index_type == "T") query.kind = store::KeyKind::tag;
  query.max_count = is_unique ? kMostByUniqueKey : std::clamp(header.max_num, 1, kMostByKey);
  query.begin = header.begin_timestamp;
  query.end = header.end_timestamp;
  store::KeyQueryResult found = store_.query(query);
  RemotingCommand response = RemotingCommand::response(request.command, ResponseCode::success);
  remoting::QueryMessageResponseHeader fields;
  fields.index_last_update_timestamp = found.last_update_timestamp;
  fields.index_last_update_phyoffset = found.last_update_offset;
  remoting::write_header(fields, response.fields);
  if (found.count == 0) {
    response.code = static_cast<std::int32_t>(ResponseCode::query_not_found);
    response.remark = found.is_cut
                          ? fmt::format(
                                "too many messages have the key {}: none of the newest lies in "
                                "the time range; ask for a time near to now",
                                printable(query.key))
                          : "can not find message, maybe time range not correct";
  }
  response.body = std::move(found.records);
  return response;
}

RemotingCommand QueryFeature::view_message(const Request& request,
                                           const remoting::ViewMessageHeader& header) const {
  SharedBytes record = store_.read_record(header.offset);
  if (record.empty()) {
    return RemotingCommand::response(
        request.command, ResponseCode::system_error,
        fmt::format("can not find message by the offset, {}", header.offset));
  }
  RemotingCommand response = RemotingCommand::response(request.command, ResponseCode::success);
  response.body.append(std::move(record));
  return response;
}

void QueryFeature::install(remoting::Dispatcher& dispatcher) {
  using remoting::RequestCode;
  // Many messages may have the key; one may be old.
  on_header_later<remoting::QueryMessageHeader>(dispatcher, helper_, RequestCode::query_message,
                                                this, &QueryFeature::query_message);
  on_header_later<remoting::ViewMessageHeader>(dispatcher, helper_, RequestCode::view_message_by_id,
                                               this, &QueryFeature::view_message);
}

}  // namespace comet::inline v0_1::broker
