// QUERY_ASSIGNMENT and the request modes: consumers of 5.x that leave the rebalancing to the
// broker.

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <fstream>

#include "assignment/message_request_modes.hpp"
#include "broker_fixture.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/remoting/server.hpp"
#include "comet/routing/topic_route.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

const Address kNameServer("10.0.0.1", 9876);

// Knows topic T with two queues on each of two brokers.
class RouteServer {
 public:
  explicit RouteServer(VirtualWorld& world) : world_(world) {
    auto handlers = std::make_shared<remoting::Dispatcher>();
    handlers->otherwise([this](remoting::Request& request) { return answer(request); });
    remoting::ServerConfig config;
    config.listen_at = kNameServer;
    server_ = std::make_unique<remoting::Server>(std::vector{world.executor()}, world.network,
                                                 world.time, config, handlers);
    server_->start();
  }
  ~RouteServer() { stop(); }
  void stop() {
    if (server_) world_.run(server_->stop(world_.time.now() + 1s));
    server_.reset();
  }

  int questions = 0;

 private:
  remoting::Reply answer(remoting::Request& request) {
    RemotingCommand response = RemotingCommand::response(request.command, ResponseCode::success);
    if (request.command.request_code() != RequestCode::get_routeinfo_by_topic) return response;
    ++questions;
    if (request.command.fields.find("topic") != "T") {
      return RemotingCommand::response(request.command, ResponseCode::topic_not_exist);
    }
    routing::TopicRouteData route;
    for (const char* broker : {"broker-b", "broker-a"}) {
      routing::QueueData& data = route.queues.emplace_back();
      data.broker_name = broker;
      data.read_queue_nums = 2;
      data.write_queue_nums = 2;
      data.perm = 6;
    }
    response.body = Body(routing::to_json(route, routing::IntegerKeys::unquoted));
    return response;
  }

  VirtualWorld& world_;
  std::unique_ptr<remoting::Server> server_;
};

class AssignmentFixture : public BrokerFixture {
 public:
  ~AssignmentFixture() { stop(); }

  void join(const std::string& member) {
    const std::string beat = fmt::format(
        R"({{"clientID":"{}","consumerDataSet":[{{"consumeType":"CONSUME_PASSIVELY","groupName":"CG",)"
        R"("messageModel":"CLUSTERING","subscriptionDataSet":[{{"subString":"*","topic":"T"}}]}}]}})",
        member);
    auto& from = members.emplace_back(
        std::make_unique<remoting::Client>(world.executor(), world.network, world.time));
    const auto answer = world.run(from->invoke(
        config.listen_at, RemotingCommand::request(RequestCode::heart_beat, Body(beat)),
        world.time.now() + 5s));
    BOOST_REQUIRE((answer.response_code() == ResponseCode::success));
  }
  void stop() {
    for (auto& member : members) world.run(member->stop());
    members.clear();
    BrokerFixture::stop();
  }
  RemotingCommand query(const std::string& topic, const std::string& member,
                        const std::string& strategy = "AVG",
                        const std::string& model = "CLUSTERING") {
    return ask(RemotingCommand::request(
        RequestCode::query_assignment,
        Body(fmt::format(R"({{"clientId":"{}","consumerGroup":"CG","messageModel":"{}",)"
                         R"("strategyName":"{}","topic":"{}"}})",
                         member, model, strategy, topic))));
  }
  // As "broker/id broker/id".
  static std::string queues(const RemotingCommand& answer) {
    BOOST_REQUIRE((answer.response_code() == ResponseCode::success));
    const auto body = boost::json::parse(answer.body.view());
    const auto* list = body.as_object().if_contains("messageQueueAssignments");
    if (list == nullptr) return "none";
    std::string text;
    for (const auto& one : list->as_array()) {
      BOOST_TEST(one.at("mode").as_string() == "PULL");
      const auto& queue = one.at("messageQueue");
      if (!text.empty()) text += ' ';
      text += fmt::format("{}/{}", std::string(queue.at("brokerName").as_string()),
                          queue.at("queueId").as_int64());
    }
    return text;
  }
  RemotingCommand set_mode(const std::string& topic, const std::string& mode, int share = 0,
                           const std::string& group = "CG") {
    return ask_helper(RemotingCommand::request(
        RequestCode::set_message_request_mode,
        Body(fmt::format(
            R"({{"consumerGroup":"{}","mode":"{}","popShareQueueNum":{},"topic":"{}"}})", group,
            mode, share, topic))));
  }
  std::string modes() {
    return std::string(
        ask(RemotingCommand::request(RequestCode::get_all_message_request_mode)).body.view());
  }

  std::vector<std::unique_ptr<remoting::Client>> members;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(assignment, AssignmentFixture)

BOOST_AUTO_TEST_CASE(members_divide_the_queues_of_all_brokers) {
  RouteServer name_server(world);
  config.name_servers = {kNameServer};
  start();
  world.pass(100ms);
  join("c1");
  join("c2");
  join("c3");
  BOOST_TEST(queues(query("T", "c1")) == "broker-a/0 broker-a/1");
  BOOST_TEST(queues(query("T", "c2")) == "broker-b/0");
  BOOST_TEST(queues(query("T", "c3")) == "broker-b/1");
  BOOST_TEST(queues(query("T", "c1", "AVG_BY_CIRCLE")) == "broker-a/0 broker-b/1");
  BOOST_TEST(queues(query("T", "stranger")) == "");
  BOOST_TEST(queues(query("T", "c1", "", "BROADCASTING")) ==
             "broker-b/0 broker-b/1 broker-a/0 broker-a/1");
  BOOST_TEST(name_server.questions == 1);  // the answer serves for 5 s
  world.pass(6s);
  BOOST_TEST(queues(query("unknown", "c1")) == "none");
  BOOST_TEST(name_server.questions == 2);
  stop();
}

BOOST_AUTO_TEST_CASE(while_no_name_server_answers_what_was_known_counts) {
  RouteServer name_server(world);
  config.name_servers = {kNameServer};
  start();
  world.pass(100ms);
  join("c1");
  const std::string before = queues(query("T", "c1"));
  name_server.stop();
  world.pass(30s);
  join("c1");
  BOOST_TEST(queues(query("T", "c1")) == before);
  stop();
}

BOOST_AUTO_TEST_CASE(without_name_servers_a_broker_gives_out_its_own_queues) {
  start();
  ask(send_request("own", "x"));
  join("c1");
  BOOST_TEST(queues(query("own", "c1")) == "broker-a/0 broker-a/1 broker-a/2 broker-a/3");
}

BOOST_AUTO_TEST_CASE(a_question_that_cannot_be_answered_is_refused_with_the_reason) {
  start();
  ask(send_request("own", "x"));
  join("c1");
  const RemotingCommand strategy = query("own", "c1", "MACHINE_ROOM");
  BOOST_TEST((strategy.response_code() == ResponseCode::system_error));
  BOOST_TEST(strategy.remark.find("AVG_BY_CIRCLE") != std::string::npos);
  for (const char* body : {"", "[]", "{", R"({"topic":"own"})", R"({"consumerGroup":"CG"})"}) {
    const auto answer = ask(RemotingCommand::request(RequestCode::query_assignment, Body(body)));
    BOOST_TEST((answer.response_code() == ResponseCode::system_error), body);
  }
}

BOOST_AUTO_TEST_CASE(the_mode_pull_is_kept_and_pop_is_refused) {
  start();
  ask(send_request("T", "x"));
  BOOST_TEST((set_mode("T", "PULL", 8).response_code() == ResponseCode::success));
  const RemotingCommand pop = set_mode("T", "POP");
  BOOST_TEST((pop.response_code() == ResponseCode::system_error));
  BOOST_TEST(pop.remark.find("no consumption by POP") != std::string::npos);
  BOOST_TEST((set_mode("T", "PUSH").response_code() == ResponseCode::system_error));
  BOOST_TEST((set_mode("%RETRY%CG", "PULL").response_code() == ResponseCode::no_permission));
  const std::string table =
      R"({"messageRequestModeMap":{"T":{"CG":{"consumerGroup":"CG","mode":"PULL","popShareQueueNum":8,"topic":"T"}}}})";
  BOOST_TEST(modes() == table);
  stop();
  start();
  BOOST_TEST(modes() == table);
}

BOOST_AUTO_TEST_CASE(a_mode_is_set_for_a_topic_and_a_group_that_exist) {
  config.auto_create_subscription_group = false;
  start();
  ask(send_request("T", "x"));
  const RemotingCommand topic = set_mode("none", "PULL");
  BOOST_TEST((topic.response_code() == ResponseCode::topic_not_exist));
  BOOST_TEST(topic.remark == "topic[none] not exist");
  const RemotingCommand group = set_mode("T", "PULL");
  BOOST_TEST((group.response_code() == ResponseCode::subscription_group_not_exist));
  BOOST_TEST(group.remark == "subscription group does not exist");
  BOOST_TEST(modes() == R"({"messageRequestModeMap":{}})");
}

BOOST_AUTO_TEST_CASE(the_modes_of_a_topic_and_of_a_group_end_with_it) {
  start();
  for (const char* topic : {"T", "U", "V"}) {
    ask(send_request(topic, "x"));
    set_mode(topic, "PULL");
  }
  set_mode("V", "PULL", 0, "other");
  remoting::TopicHeader topic;
  topic.topic = "T";
  ask_helper(RemotingCommand::request(RequestCode::delete_topic_in_broker, topic));
  BOOST_TEST(
      modes() ==
      R"({"messageRequestModeMap":{"U":{"CG":{"consumerGroup":"CG","mode":"PULL","popShareQueueNum":0,"topic":"U"}},)"
      R"("V":{"CG":{"consumerGroup":"CG","mode":"PULL","popShareQueueNum":0,"topic":"V"},)"
      R"("other":{"consumerGroup":"other","mode":"PULL","popShareQueueNum":0,"topic":"V"}}}})");
  remoting::DeleteGroupHeader group;
  group.group_name = "CG";
  ask_helper(RemotingCommand::request(RequestCode::delete_subscriptiongroup, group));
  const std::string left =
      R"({"messageRequestModeMap":{"V":{"other":{"consumerGroup":"other","mode":"PULL","popShareQueueNum":0,"topic":"V"}}}})";
  BOOST_TEST(modes() == left);
  stop();
  start();
  BOOST_TEST(modes() == left);
}

BOOST_AUTO_TEST_CASE(of_10000_request_modes_none_is_added) {
  std::filesystem::create_directories(config.store.root + "/config");
  broker::HelperThread files(world.executor(), world.time);
  broker::MessageRequestModes modes(config, world.time, files);
  const auto put = [&modes](const std::string& topic) {
    return modes.put(topic, "CG", broker::MessageRequestMode(), {});
  };
  for (int i = 0; i < 10'000; ++i) BOOST_REQUIRE(put(fmt::format("T{}", i)));
  BOOST_TEST(!put("one-more"));
  BOOST_TEST(put("T7"));
  BOOST_TEST(modes.size() == 10'000u);
  world.run(files.finish());
}

// A store that Apache's broker leaves may speak of POP.
BOOST_AUTO_TEST_CASE(a_mode_pop_from_apaches_file_is_kept_and_its_consumers_pull) {
  const std::string table =
      R"({"messageRequestModeMap":{"own":{"CG":{"consumerGroup":"CG","mode":"POP","popShareQueueNum":2,"topic":"own"}}}})";
  std::filesystem::create_directories(config.store.root + "/config");
  std::ofstream(config.store.root + "/config/messageRequestMode.json") << table;
  start();
  ask(send_request("own", "x"));
  join("c1");
  BOOST_TEST(queues(query("own", "c1")) == "broker-a/0 broker-a/1 broker-a/2 broker-a/3");
  BOOST_TEST(modes() == table);
}

BOOST_AUTO_TEST_SUITE_END()
