// Topics by administrators' request (Apache: AdminBrokerProcessor.updateAndCreateTopic).

#include <fmt/format.h>

#include "comet/base/log.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/message_headers.hpp"
#include "handlers.hpp"
#include "table_limits.hpp"

namespace comet::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::ResponseCode;

std::string conflict_with_system_topic(std::string_view topic) {
  return fmt::format("The topic[{}] is conflict with system topic.", topic);
}

std::string complaint_about(const remoting::CreateTopicHeader& header, const TopicTable& topics) {
  if (std::string complaint = check_topic(header.topic); !complaint.empty()) return complaint;
  if (topics.is_reserved(header.topic)) return conflict_with_system_topic(header.topic);
  if (header.read_queue_nums < 0 || header.write_queue_nums < 0 ||
      header.read_queue_nums > kMostQueues || header.write_queue_nums > kMostQueues) {
    return fmt::format("readQueueNums and writeQueueNums must be from 0 to {}", kMostQueues);
  }
  std::string_view filter = header.topic_filter_type.value_or("SINGLE_TAG");
  if (filter != "SINGLE_TAG" && filter != "MULTI_TAG") {
    return fmt::format("topicFilterType = [{}] value invalid", filter);
  }
  if (!topics.find(header.topic) && topics.snapshot().topics.size() >= kMostTopics) {
    return fmt::format("this broker has {} topics already, the most that it takes", kMostTopics);
  }
  return {};
}

Reply create_topic(Request& request, BrokerContext& context) {
  std::string missing;
  auto header = remoting::read_header<remoting::CreateTopicHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return bad_header(request.command, missing);
  if (std::string complaint = complaint_about(*header, context.topics); !complaint.empty()) {
    return RemotingCommand::response(request.command, ResponseCode::system_error,
                                     std::move(complaint));
  }
  // What the request does not speak of stays as it is.
  routing::TopicConfig topic = context.topics.find(header->topic).value_or(routing::TopicConfig());
  topic.topic_name = header->topic;
  topic.read_queue_nums = header->read_queue_nums;
  topic.write_queue_nums = header->write_queue_nums;
  topic.perm = header->perm & 0xF;
  topic.topic_filter_type = header->topic_filter_type.value_or("SINGLE_TAG");
  topic.topic_sys_flag = header->topic_sys_flag.value_or(0);
  topic.order = header->order.value_or(false);
  context.topics.put(std::move(topic));
  return RemotingCommand::response(request.command, ResponseCode::success);
}

Reply all_topic_config(Request& request, BrokerContext& context) {
  return json_answer(request.command, routing::to_json(context.topics.snapshot()));
}

Reply get_topic(Request& request, BrokerContext& context) {
  std::string missing;
  auto header = remoting::read_header<remoting::TopicHeader>(request.command.fields,
                                                             remoting::FieldNames::full, &missing);
  if (!header) return bad_header(request.command, missing);
  auto topic = context.topics.find(header->topic);
  if (!topic) {
    return RemotingCommand::response(request.command, ResponseCode::topic_not_exist,
                                     no_such_topic(header->topic));
  }
  return json_answer(request.command, routing::to_json(*topic));
}

// Its messages cannot be read any more, and consumers begin anew should it be created again.
asio::awaitable<Reply> delete_topic(BrokerContext& context, Request request) {
  std::string missing;
  auto header = remoting::read_header<remoting::TopicHeader>(request.command.fields,
                                                             remoting::FieldNames::full, &missing);
  if (!header) co_return bad_header(request.command, missing);
  const std::string topic(header->topic);
  if (context.topics.is_reserved(topic)) {
    co_return RemotingCommand::response(request.command, ResponseCode::system_error,
                                        conflict_with_system_topic(topic));
  }
  context.topics.remove(topic);
  context.offsets.forget_topic(topic);
  const std::int64_t queues = co_await context.store.remove_topic(topic);
  log::info("topic {} deleted with {} queues", topic, queues);
  co_return RemotingCommand::response(request.command, ResponseCode::success);
}

}  // namespace

RemotingCommand bad_header(const RemotingCommand& request, const std::string& field) {
  return RemotingCommand::response(request, ResponseCode::system_error,
                                   fmt::format("{}: header field {} is missing or malformed",
                                               to_string(request.request_code()), field));
}

RemotingCommand json_answer(const RemotingCommand& request, std::string json) {
  RemotingCommand response = RemotingCommand::response(request, ResponseCode::success);
  response.body = Body(std::move(json));
  return response;
}

std::string no_such_topic(std::string_view topic) {
  return fmt::format(
      "topic[{}] not exist, apply first please!\n"
      "See http://rocketmq.apache.org/docs/faq/ for further details.",
      topic);
}

std::string no_such_filter(std::string_view expression_type) {
  return fmt::format("The broker does not support consumer to filter message by {}",
                     expression_type);
}

std::string no_such_group(std::string_view group) {
  return fmt::format(
      "subscription group not exist, {} See http://rocketmq.apache.org/docs/faq/ for further "
      "details.",
      group);
}

void install_topic_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context) {
  using remoting::RequestCode;
  dispatcher.on(RequestCode::update_and_create_topic,
                [&context](Request& request) { return create_topic(request, context); });
  dispatcher.on(RequestCode::get_topic_config,
                [&context](Request& request) { return get_topic(request, context); });
  const auto deletion = [&context](Request request) {
    return delete_topic(context, std::move(request));
  };
  constexpr std::size_t kMostDeletions = 64;  // at a time: each works on files
  dispatcher.on_async(RequestCode::delete_topic_in_broker, deletion, kMostDeletions);
  dispatcher.on(RequestCode::get_all_topic_config,
                [&context](Request& request) { return all_topic_config(request, context); });
}

}  // namespace comet::broker
