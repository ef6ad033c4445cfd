// LOCK_BATCH_MQ and UNLOCK_BATCH_MQ of consumers that consume in order (Apache:
// AdminBrokerProcessor).

#include "clients/queue_locks.hpp"

#include <algorithm>

#include "clients/lock_table.hpp"
#include "comet/base/json.hpp"
#include "comet/base/json_writer.hpp"
#include "comet/message/validate.hpp"
#include "request/answers.hpp"
#include "request/later_answers.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Request;
using remoting::ResponseCode;

class LockBody {
 public:
  std::string group, client_id;
  std::vector<MessageQueue> queues;
};

Result<LockBody> parse_lock_body(std::string_view json) {
  auto parsed = parse_json(json);
  if (!parsed) return parsed.error();
  const boost::json::object* root = parsed->if_object();
  if (root == nullptr) return BaseErrc::bad_value;
  LockBody body;
  body.group = get_string(*root, "consumerGroup");
  body.client_id = get_string(*root, "clientId");
  const boost::json::value* set = root->if_contains("mqSet");
  if (set != nullptr && set->is_array()) {
    for (const boost::json::value& item : set->get_array()) {
      const boost::json::object* queue = item.if_object();
      if (queue == nullptr) return BaseErrc::bad_value;
      const bool can_be = check_topic(get_string(*queue, "topic")).empty() &&
                          get_string(*queue, "brokerName").size() <= kLongestBrokerName;
      if (!can_be) continue;  // not granted
      body.queues.emplace_back(get_string(*queue, "topic"), get_string(*queue, "brokerName"),
                               static_cast<std::int32_t>(get_int(*queue, "queueId", 0)));
    }
  }
  if (!check_group(body.group).empty() || body.client_id.empty() ||
      body.client_id.size() > kLongestClientId) {
    return BaseErrc::bad_value;
  }
  return body;
}

// The table is locked for so many at a time.
template <class Take>
void for_each_slice(const std::vector<MessageQueue>& queues, Take take) {
  constexpr std::size_t kQueuesAtOnce = 1024;
  for (std::size_t at = 0; at < queues.size(); at += kQueuesAtOnce) {
    const auto begin = queues.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t count = std::min(kQueuesAtOnce, queues.size() - at);
    take(std::vector<MessageQueue>(begin, begin + static_cast<std::ptrdiff_t>(count)));
  }
}

RemotingCommand bad_body(const Request& request) {
  return RemotingCommand::response(
      request.command, ResponseCode::system_error,
      "the body is not a JSON object with consumerGroup, clientId and mqSet");
}

RemotingCommand lock_batch(Request& request, LockTable& locks) {
  auto body = parse_lock_body(request.command.body.view());
  if (!body) return bad_body(request);
  JsonWriter json;
  json.begin_object();
  json.key("lockOKMQSet");
  json.begin_array();
  for_each_slice(body->queues, [&](std::vector<MessageQueue> slice) {
    for (const MessageQueue& queue : locks.lock(body->group, body->client_id, std::move(slice))) {
      json.begin_object();
      json.member("brokerName", queue.broker_name);
      json.member("queueId", queue.queue_id);
      json.member("topic", queue.topic);
      json.end_object();
    }
  });
  json.end_array();
  json.end_object();
  RemotingCommand response = RemotingCommand::response(request.command, ResponseCode::success);
  response.body = Body(json.take());
  return response;
}

RemotingCommand unlock_batch(Request& request, LockTable& locks) {
  auto body = parse_lock_body(request.command.body.view());
  if (!body) return bad_body(request);
  for_each_slice(body->queues, [&](const std::vector<MessageQueue>& slice) {
    locks.unlock(body->group, body->client_id, slice);
  });
  return RemotingCommand::response(request.command, ResponseCode::success);
}

}  // namespace

void QueueLockFeature::install(remoting::Dispatcher& dispatcher) {
  using remoting::RequestCode;
  const auto on = [&](RequestCode code, RemotingCommand (*answer)(Request&, LockTable&)) {
    dispatcher.on(code, [this, answer](Request& request) {
      const auto make = [this, answer](Request& asked) { return answer(asked, locks_); };
      return answer_by_size(helper_, request, make);
    });
  };
  on(RequestCode::lock_batch_mq, lock_batch);
  on(RequestCode::unlock_batch_mq, unlock_batch);
}

}  // namespace comet::inline v0_1::broker
