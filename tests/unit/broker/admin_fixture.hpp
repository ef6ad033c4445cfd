#pragma once
// What tests of administrators' requests need: short ways to ask, and consumers that are asked
// things by the broker.

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker_fixture.hpp"

namespace comet::inline v0_1::test {

using FieldList = std::initializer_list<std::pair<const char*, std::string>>;

inline RemotingCommand with_fields(RequestCode code, FieldList fields) {
  RemotingCommand request = RemotingCommand::request(code);
  for (const auto& [key, value] : fields) request.fields.add(key, value);
  return request;
}

// A consumer of one group with a connection of its own.
class ConsumerClient {
 public:
  ConsumerClient(BrokerFixture& fixture, std::string client_id, std::string group = "CG")
      : fixture_(fixture), id_(std::move(client_id)), group_(std::move(group)) {
    dispatcher_ = std::make_shared<remoting::Dispatcher>();
    dispatcher_->otherwise([this](remoting::Request& request) -> remoting::Reply {
      asked.push_back(request.command);
      const auto answer = answers.find(request.command.request_code());
      if (answer == answers.end()) return std::nullopt;  // never answers
      RemotingCommand response =
          RemotingCommand::response(request.command, answer->second.first, "said so");
      response.body = Body(answer->second.second);
      return response;
    });
  }
  ~ConsumerClient() {
    if (client_) fixture_.world.run(client_->stop());
  }

  void connect(const std::string& topic = "T", const std::string& expression = "*",
               const std::string& type = "TAG", std::int64_t sub_version = 1) {
    if (!client_) {
      client_ = std::make_unique<remoting::Client>(fixture_.world.executor(),
                                                   fixture_.world.network, fixture_.world.time,
                                                   remoting::ClientConfig(), dispatcher_);
    }
    RemotingCommand beat = RemotingCommand::request(
        RequestCode::heart_beat,
        Body(R"({"clientID":")" + id_ +
             R"(","consumerDataSet":[{"consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET",)"
             R"("consumeType":"CONSUME_PASSIVELY","groupName":")" +
             group_ + R"(","messageModel":"CLUSTERING","subscriptionDataSet":[{"subString":")" +
             expression + R"(","expressionType":")" + type + R"(","subVersion":)" +
             std::to_string(sub_version) + R"(,"topic":")" + topic +
             R"("}],"unitMode":false}],"producerDataSet":[{"groupName":"PG1"}]})"));
    beat.version = version;
    beat.language = language;
    fixture_.world.run(client_->invoke(fixture_.config.listen_at, std::move(beat),
                                       fixture_.world.time.now() + std::chrono::seconds(3)));
    fixture_.world.settle();
    asked.clear();
  }
  void disconnect() {
    fixture_.world.run(client_->stop());
    client_.reset();
    fixture_.world.settle();
  }

  std::int32_t version = remoting::kVersion;
  remoting::Language language = remoting::Language::java;
  std::map<RequestCode, std::pair<ResponseCode, std::string>> answers;  // bodies
  std::vector<RemotingCommand> asked;                                   // by the broker

 private:
  BrokerFixture& fixture_;
  std::string id_, group_;
  std::shared_ptr<remoting::Dispatcher> dispatcher_;
  std::unique_ptr<remoting::Client> client_;
};

class AdminFixture : public BrokerFixture {
 public:
  RemotingCommand ask_with(RequestCode code, FieldList fields) {
    return ask(with_fields(code, fields));
  }
  RemotingCommand ask_body(RequestCode code, const std::string& body) {
    return ask(RemotingCommand::request(code, Body(body)));
  }
  RemotingCommand ask_plain(RequestCode code) { return ask(RemotingCommand::request(code)); }
  std::string body_of(RequestCode code, FieldList fields) {
    const RemotingCommand answer = ask_with(code, fields);
    BOOST_TEST(answer.code == 0, answer.remark);
    return answer.body.to_string();
  }
  void create_topic(const std::string& topic, int queues, bool order = false) {
    const RemotingCommand answer =
        ask_with(RequestCode::update_and_create_topic, {{"topic", topic},
                                                        {"defaultTopic", "TBW102"},
                                                        {"readQueueNums", std::to_string(queues)},
                                                        {"writeQueueNums", std::to_string(queues)},
                                                        {"perm", "6"},
                                                        {"topicFilterType", "SINGLE_TAG"},
                                                        {"topicSysFlag", "0"},
                                                        {"order", order ? "true" : "false"}});
    BOOST_TEST(answer.code == 0, answer.remark);
  }
  void commit(const std::string& group, const std::string& topic, int queue, std::int64_t offset) {
    const RemotingCommand answer =
        ask_with(RequestCode::update_consumer_offset, {{"consumerGroup", group},
                                                       {"topic", topic},
                                                       {"queueId", std::to_string(queue)},
                                                       {"commitOffset", std::to_string(offset)}});
    BOOST_TEST(answer.code == 0, answer.remark);
  }
  std::string committed(const std::string& group, const std::string& topic, int queue) {
    return text(
        ask_with(RequestCode::query_consumer_offset,
                 {{"consumerGroup", group}, {"topic", topic}, {"queueId", std::to_string(queue)}}),
        "offset");
  }
  // Starts a request whose answer is looked at later.
  std::shared_ptr<std::vector<RemotingCommand>> begin(RemotingCommand request) {
    const auto answers = std::make_shared<std::vector<RemotingCommand>>();
    auto call = client->invoke(config.listen_at, std::move(request),
                               world.time.now() + std::chrono::seconds(60));
    asio::co_spawn(world.context, std::move(call),
                   [answers](std::exception_ptr problem, RemotingCommand answer) {
                     if (!problem) answers->push_back(std::move(answer));
                   });
    world.settle();
    return answers;
  }
};

}  // namespace comet::inline v0_1::test
