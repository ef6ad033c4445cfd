// Small requests behind large ones of the same connection: the large ones are worked on by the
// helper thread, and whatever comes behind them must find them done.

#include <boost/json/parse.hpp>
#include <string>
#include <utility>
#include <vector>

#include "broker_fixture.hpp"
#include "comet/base/async.hpp"
#include "request/helper_thread.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

// So many bytes that the helper thread works on them.
const std::string kFiller(16u << 10, 'x');

std::string heartbeat(const std::string& group, const std::string& topic,
                      const std::string& filler = {}) {
  return R"({"filler":")" + filler + R"(","clientID":"c1","consumerDataSet":[{"groupName":")" +
         group + R"(","subscriptionDataSet":[{"subString":"*","topic":")" + topic +
         R"("}]}],"producerDataSet":[{"groupName":"PG1"}]})";
}

class OrderFixture : public BrokerFixture {
 public:
  // All at once, on one connection, in this order; their answers.
  std::vector<RemotingCommand> ask_together(std::vector<RemotingCommand> requests) {
    ask(with_fields(RequestCode::get_max_offset, {}));  // now there is a connection
    return world.run_with_threads(together(std::move(requests)));
  }
  static RemotingCommand with_fields(
      RequestCode code, std::initializer_list<std::pair<const char*, std::string>> fields) {
    RemotingCommand request = RemotingCommand::request(code);
    for (const auto& [key, value] : fields) request.fields.add(key, value);
    return request;
  }
  static RemotingCommand with_body(RequestCode code, std::string body) {
    return RemotingCommand::request(code, Body(std::move(body)));
  }
  // Each request and its neighbours succeed.
  void succeed_together(std::vector<RemotingCommand> requests) {
    for (const RemotingCommand& answer : ask_together(std::move(requests))) {
      BOOST_TEST(answer.code == 0, answer.remark);
    }
  }
  std::string members(const std::string& group) {
    const RemotingCommand answer =
        ask(with_fields(RequestCode::get_consumer_list_by_group, {{"consumerGroup", group}}));
    return answer.code == 0 ? answer.body.to_string() : "nobody";
  }
  bool knows(RequestCode code, const char* field, const std::string& name) {
    return ask(with_fields(code, {{field, name}})).code == 0;
  }

 private:
  asio::awaitable<void> ask_one(RemotingCommand request, RemotingCommand& answer) {
    answer = co_await client->invoke(config.listen_at, std::move(request), world.time.now() + 30s);
  }
  asio::awaitable<std::vector<RemotingCommand>> together(std::vector<RemotingCommand> requests) {
    std::vector<RemotingCommand> answers(requests.size());
    TaskGroup tasks(world.executor(), world.time);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      tasks.spawn("request", ask_one(std::move(requests[i]), answers[i]));
    }
    co_await tasks.join();
    co_return answers;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(order_behind_large_requests, OrderFixture)

BOOST_AUTO_TEST_CASE(an_unregister_behind_a_large_heartbeat_is_the_last_word) {
  start();
  succeed_together(
      {with_body(RequestCode::heart_beat, heartbeat("CG", "T", kFiller)),
       with_fields(RequestCode::unregister_client, {{"clientID", "c1"}, {"consumerGroup", "CG"}})});
  BOOST_TEST(members("CG") == "nobody");
}

BOOST_AUTO_TEST_CASE(a_small_heartbeat_behind_a_large_one_is_the_last_word) {
  start();
  succeed_together({with_body(RequestCode::heart_beat, heartbeat("CG", "Old", kFiller)),
                    with_body(RequestCode::heart_beat, heartbeat("CG", "New"))});
  const RemotingCommand answer =
      ask_helper(with_fields(RequestCode::get_consumer_connection_list, {{"consumerGroup", "CG"}}));
  const boost::json::value group = boost::json::parse(answer.body.to_string());
  const boost::json::object& subscriptions = group.at("subscriptionTable").as_object();
  BOOST_TEST(subscriptions.contains("New"));
  BOOST_TEST(!subscriptions.contains("Old"));
}

BOOST_AUTO_TEST_CASE(what_stands_behind_an_unregister_that_waits_for_a_large_heartbeat_waits_too) {
  start();
  succeed_together(
      {with_body(RequestCode::heart_beat, heartbeat("CG", "T", kFiller)),
       with_fields(RequestCode::unregister_client, {{"clientID", "c1"}, {"consumerGroup", "CG"}}),
       with_body(RequestCode::heart_beat, heartbeat("CG", "T"))});
  BOOST_TEST(members("CG") == R"({"consumerIdList":["c1"]})");
}

BOOST_AUTO_TEST_CASE(a_topics_deletion_behind_a_large_list_of_topics_is_the_last_word) {
  start();
  const std::string list =
      R"({"topicConfigList":[{"topicName":"T"},{"topicName":"U"}],"filler":")" + kFiller + "\"}";
  succeed_together({with_body(RequestCode::update_and_create_topic_list, list),
                    with_fields(RequestCode::delete_topic_in_broker, {{"topic", "T"}})});
  BOOST_TEST(!knows(RequestCode::get_topic_config, "topic", "T"));
  BOOST_TEST(knows(RequestCode::get_topic_config, "topic", "U"));
}

BOOST_AUTO_TEST_CASE(one_topics_change_behind_a_large_list_of_topics_is_the_last_word) {
  start();
  const std::string list =
      R"({"topicConfigList":[{"topicName":"T","perm":2}],"filler":")" + kFiller + "\"}";
  succeed_together({with_body(RequestCode::update_and_create_topic_list, list),
                    with_fields(RequestCode::update_and_create_topic, {{"topic", "T"},
                                                                       {"defaultTopic", "TBW102"},
                                                                       {"readQueueNums", "3"},
                                                                       {"writeQueueNums", "3"},
                                                                       {"perm", "4"}})});
  const RemotingCommand topic = ask(with_fields(RequestCode::get_topic_config, {{"topic", "T"}}));
  BOOST_TEST(boost::json::parse(topic.body.to_string()).at("perm").to_number<int>() == 4);
}

BOOST_AUTO_TEST_CASE(a_groups_deletion_behind_a_large_list_of_groups_is_the_last_word) {
  config.auto_create_subscription_group = false;
  start();
  const std::string list =
      R"({"groupConfigList":[{"groupName":"G"},{"groupName":"H"}],"filler":")" + kFiller + "\"}";
  succeed_together({with_body(RequestCode::update_and_create_subscriptiongroup_list, list),
                    with_fields(RequestCode::delete_subscriptiongroup, {{"groupName", "G"}})});
  BOOST_TEST(!knows(RequestCode::get_subscriptiongroup_config, "group", "G"));
  BOOST_TEST(knows(RequestCode::get_subscriptiongroup_config, "group", "H"));
}

BOOST_AUTO_TEST_CASE(an_unlock_behind_a_large_lock_is_the_last_word) {
  start();
  const auto body = [](const std::string& client_id, const std::string& filler) {
    return R"({"filler":")" + filler + R"(","clientId":")" + client_id +
           R"(","consumerGroup":"CG","mqSet":[{"brokerName":"broker-a","queueId":0,"topic":"T"}]})";
  };
  succeed_together({with_body(RequestCode::lock_batch_mq, body("c1", kFiller)),
                    with_body(RequestCode::unlock_batch_mq, body("c1", ""))});
  const RemotingCommand lock = ask(with_body(RequestCode::lock_batch_mq, body("c2", "")));
  BOOST_TEST(lock.body.view().find("queueId") != std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(other_connections_do_not_wait_for_a_large_request) {
  broker::HelperThread helper(world.executor(), world.time);
  {
    const broker::HelperThread::LargeJob first(helper, 7);
    const broker::HelperThread::LargeJob second(helper, 7);
    BOOST_TEST(helper.has_large_jobs(7));
    BOOST_TEST(!helper.has_large_jobs(8));
  }
  BOOST_TEST(!helper.has_large_jobs(7));
}

BOOST_AUTO_TEST_SUITE_END()
