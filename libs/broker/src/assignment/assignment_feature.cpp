#include "assignment/assignment_feature.hpp"

// Consumers that leave the rebalancing to the broker (5.x, clientRebalance=false; Apache:
// QueryAssignmentProcessor). They are told which queues to pull; consumption by POP does not exist.

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <memory>
#include <mutex>
#include <set>

#include "assignment/cluster_queues.hpp"
#include "assignment/message_request_modes.hpp"
#include "comet/base/json.hpp"
#include "comet/base/json_writer.hpp"
#include "comet/base/log.hpp"
#include "comet/message/validate.hpp"
#include "comet/routing/queue_allocation.hpp"
#include "request/answers.hpp"
#include "request/later_answers.hpp"
#include "request/on_helper.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::RequestCode;
using remoting::ResponseCode;

constexpr std::size_t kManyQueues = 1'000;  // more are sorted on the helper thread
constexpr std::size_t kMostAtATime = 1'000;

RemotingCommand refuse_assignment(const RemotingCommand& request, std::string why) {
  return RemotingCommand::response(request, ResponseCode::system_error, std::move(why));
}

RemotingCommand assignment_answer(const RemotingCommand& request,
                                  const std::vector<MessageQueue>& queues) {
  JsonWriter json;
  json.begin_object();
  json.key("messageQueueAssignments");
  json.begin_array();
  for (const MessageQueue& queue : queues) {
    json.begin_object();
    json.key("messageQueue");
    json.begin_object();
    json.member("brokerName", queue.broker_name);
    json.member("queueId", queue.queue_id);
    json.member("topic", queue.topic);
    json.end_object();
    json.member("mode", "PULL");
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json_answer(request, json.take());
}

Reply set_mode(Request& request, MessageRequestModes& modes, Saved saved) {
  const auto parsed = parse_json(request.command.body.view());
  if (!parsed || !parsed->is_object()) {
    return refuse_assignment(request.command,
                             "SET_MESSAGE_REQUEST_MODE: the body is no JSON object");
  }
  const boost::json::object& body = parsed->get_object();
  std::string topic = get_string(body, "topic");
  std::string group = get_string(body, "consumerGroup");
  const std::string mode = get_string(body, "mode");
  if (topic.starts_with(kRetryTopicPrefix)) {
    return RemotingCommand::response(request.command, ResponseCode::no_permission,
                                     "retry topic is not allowed to set mode");
  }
  for (std::string complaint : {check_topic(topic), check_group(group)}) {
    if (!complaint.empty()) return refuse_assignment(request.command, std::move(complaint));
  }
  if (mode == "POP") {
    log::warn("group {} was to consume topic {} by POP, which this broker has not: refused", group,
              topic);
    return refuse_assignment(request.command,
                             "mode POP: this broker version has no consumption by POP; use PULL");
  }
  if (mode != "PULL") {
    return refuse_assignment(request.command,
                             fmt::format("mode '{}' is neither PULL nor POP", mode));
  }
  if (!modes.put(std::move(topic), std::move(group), MessageRequestMode(), std::move(saved))) {
    return refuse_assignment(
        request.command,
        fmt::format("there are {} request modes already, the most that this broker takes",
                    kMostRequestModes));
  }
  return std::nullopt;
}

}  // namespace

// QUERY_ASSIGNMENT's body.
class AssignmentFeature::Question {
 public:
  explicit Question(const boost::json::object& body)
      : topic(get_string(body, "topic")),
        group(get_string(body, "consumerGroup")),
        client_id(get_string(body, "clientId")),
        strategy(get_string(body, "strategyName")),
        is_broadcast(get_string(body, "messageModel") == "BROADCASTING") {}
  std::string topic, group, client_id, strategy;
  bool is_broadcast;
};

void AssignmentFeature::say_that_pop_is_not_here(const Question& question) {
  const auto mode = modes_.find(question.topic, question.group);
  if (!mode || !mode->is_pop) return;
  {
    const std::lock_guard lock(mutex_);
    if (!said_.insert({question.topic, question.group}).second) return;
  }
  log::warn(
      "group {} is set to consume topic {} by POP, which this broker has not: its consumers are "
      "told to pull",
      question.group, question.topic);
}

asio::awaitable<Reply> AssignmentFeature::query(Request request) {
  const auto parsed = parse_json(request.command.body.view());
  if (!parsed || !parsed->is_object()) {
    co_return refuse_assignment(request.command, "QUERY_ASSIGNMENT: the body is no JSON object");
  }
  const Question question(parsed->get_object());
  if (question.topic.empty() || question.group.empty()) {
    co_return refuse_assignment(request.command,
                                "QUERY_ASSIGNMENT: topic or consumerGroup is missing in the body");
  }
  say_that_pop_is_not_here(question);
  const ClusterQueues::Queues queues = co_await queues_.find(question.topic);
  // Without the list the client leaves what it has as it is.
  if (!queues) co_return json_answer(request.command, "{}");
  if (question.is_broadcast) co_return assignment_answer(request.command, *queues);
  std::vector<std::string> members = clients_.consumer_ids(question.group);
  if (members.empty()) co_return json_answer(request.command, "{}");
  const auto strategy = routing::allocation_strategy(question.strategy);
  if (!strategy) {
    co_return refuse_assignment(request.command,
                                fmt::format("the strategy {} is not one of a broker's (AVG, "
                                            "AVG_BY_CIRCLE); use clientRebalance=true with it",
                                            question.strategy));
  }
  RemotingCommand answer;
  const std::function<void()> work = [&] {
    answer = assignment_answer(
        request.command,
        routing::allocate_queues(*strategy, *queues, std::move(members), question.client_id));
  };
  if (queues->size() + members.size() > kManyQueues) {
    co_await on_helper(helper_, work);
  } else {
    work();
  }
  co_return answer;
}

void AssignmentFeature::install(remoting::Dispatcher& dispatcher) {
  const auto question = [this](Request request) { return query(std::move(request)); };
  dispatcher.on_async(RequestCode::query_assignment, question, kMostAtATime);
  dispatcher.on(RequestCode::set_message_request_mode, [this](Request& request) {
    const auto work = [this](Request& asked, Saved saved) {
      return set_mode(asked, modes_, std::move(saved));
    };
    return save_by_size(helper_, request, work);
  });
  dispatcher.on(RequestCode::get_all_message_request_mode, [this](Request& request) {
    const auto make = [this](Request& asked) {
      return json_answer(asked.command, modes_.to_json());
    };
    return answer_on_helper(helper_, request, make);
  });
}

}  // namespace comet::inline v0_1::broker
