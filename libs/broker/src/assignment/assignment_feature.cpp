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
#include "request/await_call.hpp"
#include "request/await_change.hpp"
#include "request/await_work.hpp"
#include "request/later_answers.hpp"
#include "request/on_header.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::Handling;
using remoting::Refusal;
using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::RequestCode;
using remoting::ResponseCode;

constexpr std::size_t kManyQueues = 1'000;  // more are sorted on the helper thread
constexpr std::size_t kMostAtATime = 1'000;

Refusal bad_assignment(std::string why) { return {ResponseCode::system_error, std::move(why)}; }

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

}  // namespace

// Throws Refusal. Those of codes 16, 17 and 26 are Apache's.
void AssignmentFeature::set_mode(const Request& request, Saved saved) {
  const auto parsed = parse_json(request.command.body.view());
  if (!parsed || !parsed->is_object()) {
    throw bad_assignment("SET_MESSAGE_REQUEST_MODE: the body is no JSON object");
  }
  const boost::json::object& body = parsed->get_object();
  std::string topic = get_string(body, "topic");
  std::string group = get_string(body, "consumerGroup");
  const std::string mode = get_string(body, "mode");
  if (topic.starts_with(kRetryTopicPrefix)) {
    throw Refusal(ResponseCode::no_permission, "retry topic is not allowed to set mode");
  }
  for (std::string complaint : {check_topic(topic), check_group(group)}) {
    if (!complaint.empty()) throw bad_assignment(std::move(complaint));
  }
  if (!topics_.find(topic)) {
    throw Refusal(ResponseCode::topic_not_exist, fmt::format("topic[{}] not exist", topic));
  }
  if (!groups_.find_or_create(group)) {
    throw Refusal(ResponseCode::subscription_group_not_exist, "subscription group does not exist");
  }
  if (mode == "POP") {
    log::warn("group {} was to consume topic {} by POP, which this broker has not: refused", group,
              topic);
    throw bad_assignment("mode POP: this broker version has no consumption by POP; use PULL");
  }
  if (mode != "PULL") {
    throw bad_assignment(fmt::format("mode '{}' is neither PULL nor POP", mode));
  }
  MessageRequestMode set;
  set.pop_share_queues = share_of_queues(body);
  if (!modes_.put(std::move(topic), std::move(group), set, std::move(saved))) {
    throw bad_assignment(fmt::format(
        "there are {} request modes already, the most that this broker takes", kMostRequestModes));
  }
}

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

Handling AssignmentFeature::query(Request request) {
  const auto parsed = parse_json(request.command.body.view());
  if (!parsed || !parsed->is_object()) {
    co_return bad_assignment("QUERY_ASSIGNMENT: the body is no JSON object");
  }
  const Question question(parsed->get_object());
  if (question.topic.empty() || question.group.empty()) {
    co_return bad_assignment("QUERY_ASSIGNMENT: topic or consumerGroup is missing in the body");
  }
  say_that_pop_is_not_here(question);
  const ClusterQueues::Queues queues = co_await AwaitCall(queues_.find(question.topic));
  // Without the list the client leaves what it has as it is.
  if (!queues) co_return json_answer(request.command, "{}");
  if (question.is_broadcast) co_return assignment_answer(request.command, *queues);
  std::vector<std::string> members = clients_.consumer_ids(question.group);
  if (members.empty()) co_return json_answer(request.command, "{}");
  const auto strategy = routing::allocation_strategy(question.strategy);
  if (!strategy) {
    co_return bad_assignment(
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
    co_await AwaitWork(helper_, work);
  } else {
    work();
  }
  co_return answer;
}

Handling AssignmentFeature::set_request_mode(Request request) {
  const std::function<void(Saved)> change = [&](Saved done) { set_mode(request, std::move(done)); };
  const bool saved = co_await AwaitChange(helper_, request, change);
  co_return saved_answer(request, saved);
}

void AssignmentFeature::install(remoting::Dispatcher& dispatcher) {
  on_handling(dispatcher, RequestCode::query_assignment, this, &AssignmentFeature::query,
              kMostAtATime);
  on_handling(dispatcher, RequestCode::set_message_request_mode, this,
              &AssignmentFeature::set_request_mode);
  dispatcher.on(RequestCode::get_all_message_request_mode, [this](Request& request) {
    const auto make = [this](Request& asked) {
      return json_answer(asked.command, modes_.to_json());
    };
    return answer_on_helper(helper_, request, make);
  });
}

}  // namespace comet::inline v0_1::broker
