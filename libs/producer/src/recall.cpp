// Taking back a timer message (Apache: DefaultMQProducerImpl.recallMessage).

#include "comet/base/run_on.hpp"
#include "comet/base/task_asio.hpp"
#include "comet/client/errors.hpp"
#include "comet/message/recall_handle.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/message_headers.hpp"
#include "producer_impl.hpp"

namespace comet::inline v0_1 {
namespace {

using remoting::RemotingCommand;
using remoting::ResponseCode;

RecallHandle checked_handle(const std::string& topic, const std::string& wire_topic,
                            const std::string& text) {
  const auto refuse = [&topic](const std::string& what) {
    throw Error(ClientErrc::illegal_message, "recall from topic " + topic + ": " + what);
  };
  if (topic.starts_with(kRetryTopicPrefix)) refuse("topic is not supported");
  std::optional<RecallHandle> handle = RecallHandle::decode(text);
  if (!handle) refuse("recall handle is invalid");
  if (handle->topic != wire_topic) refuse("the handle is that of a message of " + handle->topic);
  return std::move(*handle);
}

RemotingCommand make_request(const Producer::Impl& producer, const std::string& topic,
                             const std::string& handle) {
  remoting::RecallMessageHeader header;
  header.producer_group = producer.settings.group;
  header.topic = topic;
  header.recall_handle = handle;
  return RemotingCommand::request(remoting::RequestCode::recall_message, header);
}

// Of the broker that has the message.
asio::awaitable<Address> find_broker(Producer::Impl& producer, const std::string& topic,
                                     const std::string& broker_name, Instant deadline) {
  std::optional<Address> broker = producer.client->publish_address(broker_name);
  if (!broker) {
    const client::TopicRoutePtr route = co_await producer.client->find_route(topic, deadline);
    broker = producer.client->publish_address(broker_name);
  }
  if (!broker) {
    throw Error(ClientErrc::broker_not_exist,
                "recall from topic " + topic + ": no route names a master of " + broker_name);
  }
  co_return *broker;
}

asio::awaitable<std::string> recall_message(std::shared_ptr<Producer::Impl> producer,
                                            std::string topic, std::string text) {
  Producer::Impl& p = *producer;
  const SendPlanPtr plan = plain_send();
  SendInProgress in_progress(p, *plan);
  const std::string wire_topic = client::wrap_namespace(p.config.client().name_space, topic);
  const RecallHandle handle = checked_handle(topic, wire_topic, text);
  const Instant deadline = p.time.now() + p.config.send_timeout();
  const Address broker = co_await find_broker(p, wire_topic, handle.broker_name, deadline);
  RemotingCommand command = make_request(p, wire_topic, text);
  co_await to_asio(p.executor(), p.client->exchange(broker, command, deadline));
  if (command.response_code() != ResponseCode::success) {
    throw Error(command.response_code(), "recall from topic " + topic + ", broker " +
                                             handle.broker_name + ": " +
                                             std::string(command.remark));
  }
  auto answer = remoting::read_header<remoting::RecallMessageResponseHeader>(command.fields);
  co_return answer ? std::string(answer->msg_id) : handle.unique_key;
}

}  // namespace

asio::awaitable<std::string> Producer::recall(std::string topic, std::string handle) {
  return run_on(impl_->executor(), recall_message(impl_, std::move(topic), std::move(handle)));
}

}  // namespace comet::inline v0_1
