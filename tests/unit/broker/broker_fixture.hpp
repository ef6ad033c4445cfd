#pragma once
// A broker on virtual time with a client that speaks raw remoting commands to it.

#include <boost/test/unit_test.hpp>

#include "comet/broker/broker.hpp"
#include "comet/message/record.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/message_headers.hpp"
#include "temp_directory.hpp"
#include "virtual_world.hpp"

namespace comet::inline v0_1::test {

using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::ResponseCode;

class BrokerFixture {
 public:
  BrokerFixture() {
    config.broker_name = "broker-a";
    config.listen_at = Address("10.9.9.9", 10911);
    config.broker_ip = "10.9.9.9";
    config.store.root = directory.path();
    config.store.commit_log_file_size = 1 << 20;
  }
  ~BrokerFixture() { stop(); }

  void start() {
    broker = std::make_unique<broker::Broker>(std::vector{world.executor()}, world.network,
                                              world.time, config);
    broker->start();
    world.settle();
    client = std::make_unique<remoting::Client>(world.executor(), world.network, world.time,
                                                remoting::ClientConfig(), notices());
  }
  void stop() {
    if (client) world.run(client->stop());
    client.reset();
    if (broker) world.run(broker->stop(world.time.now() + std::chrono::seconds(5)));
    broker.reset();
  }

  // {"offsetTable":...} of an answer or file that begins with its data version.
  static std::string offset_table(std::string_view json) {
    const std::size_t at = json.find("\"offsetTable\"");
    return json.starts_with("{\"dataVersion\":{") && at != std::string_view::npos
               ? "{" + std::string(json.substr(at))
               : std::string(json);
  }

  RemotingCommand ask(RemotingCommand request, Duration patience = std::chrono::seconds(30)) {
    return world.run(
        client->invoke(config.listen_at, std::move(request), world.time.now() + patience));
  }

  // For requests that the broker's helper threads work on.
  RemotingCommand ask_helper(RemotingCommand request) {
    return world.run_with_threads(client->invoke(config.listen_at, std::move(request),
                                                 world.time.now() + std::chrono::seconds(30)));
  }

  // SEND_MESSAGE_V2 as a client sends it.
  RemotingCommand send_request(const std::string& topic, const std::string& body,
                               std::int32_t queue_id = 0, const std::string& properties = {}) {
    remoting::SendMessageHeader header;
    header.producer_group = "PG";
    header.topic = topic;
    header.default_topic = "TBW102";
    header.default_topic_queue_nums = 4;
    header.queue_id = queue_id;
    header.born_timestamp = world.time.wall_millis();
    header.properties = properties;
    RemotingCommand request = RemotingCommand::request(RequestCode::send_message_v2, Body(body));
    remoting::write_header(header, request.fields, remoting::FieldNames::short_form);
    return request;
  }

  RemotingCommand pull_request(const std::string& topic, std::int32_t queue_id, std::int64_t offset,
                               std::int64_t suspend_millis = 0, const std::string& expression = "*",
                               const std::string& group = "CG") {
    remoting::PullMessageHeader header;
    header.consumer_group = group;
    header.topic = topic;
    header.queue_id = queue_id;
    header.queue_offset = offset;
    header.max_msg_nums = 32;
    header.sys_flag = remoting::pull_sys_flag::kSubscription |
                      (suspend_millis > 0 ? remoting::pull_sys_flag::kSuspend : 0);
    header.suspend_timeout_millis = suspend_millis;
    header.subscription = expression;
    return RemotingCommand::request(RequestCode::pull_message, header);
  }

  static std::string text(const RemotingCommand& command, std::string_view field) {
    return std::string(command.fields.find(field).value_or("(absent)"));
  }
  static std::vector<std::string> bodies(const RemotingCommand& answer) {
    std::vector<std::string> result;
    for (const MessageExt& message : decode_records(answer.body.to_string()))
      result.push_back(message.body());
    return result;
  }

  TempDirectory directory;
  VirtualWorld world;
  broker::BrokerConfig config;
  std::unique_ptr<broker::Broker> broker;
  std::unique_ptr<remoting::Client> client;
  std::vector<std::string> notified_groups;  // by NOTIFY_CONSUMER_IDS_CHANGED
  std::vector<RemotingCommand> checks;       // CHECK_TRANSACTION_STATE

 private:
  std::shared_ptr<remoting::Dispatcher> notices() {
    auto dispatcher = std::make_shared<remoting::Dispatcher>();
    dispatcher->on(RequestCode::notify_consumer_ids_changed,
                   [this](remoting::Request& request) -> remoting::Reply {
                     BOOST_TEST(request.command.is_oneway());
                     notified_groups.push_back(text(request.command, "consumerGroup"));
                     return std::nullopt;
                   });
    dispatcher->on(RequestCode::check_transaction_state,
                   [this](remoting::Request& request) -> remoting::Reply {
                     BOOST_TEST(request.command.is_oneway());
                     checks.push_back(request.command);
                     return std::nullopt;
                   });
    return dispatcher;
  }
};

}  // namespace comet::inline v0_1::test
