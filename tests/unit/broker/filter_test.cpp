// SQL92 filters, by heartbeat and in the pull itself (Apache: ConsumerFilterManager,
// ExpressionMessageFilter).

#include "broker_fixture.hpp"
#include "comet/base/async.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

class FilterFixture : public BrokerFixture {
 public:
  FilterFixture() { config.property_filter = true; }

  void send(const std::string& body, const std::string& region, const std::string& amount) {
    ask(send_request("T", body, 0,
                     "region\x01" + region +
                         "\x02"
                         "amount\x01" +
                         amount + "\x02"));
  }
  void send_three() {
    send("cheap", "eu", "5");
    send("dear", "eu", "500");
    send("far", "us", "500");
  }
  RemotingCommand sql_pull(std::int64_t offset, const std::string& expression,
                           std::int64_t suspend_millis = 0, const std::string& type = "SQL92") {
    RemotingCommand pull = pull_request("T", 0, offset, suspend_millis, expression);
    remoting::PullMessageHeader header =
        *remoting::read_header<remoting::PullMessageHeader>(pull.fields);
    header.expression_type = type;
    return RemotingCommand::request(RequestCode::pull_message, header);
  }
  RemotingCommand heartbeat(const std::string& expression) {
    return ask(RemotingCommand::request(
        RequestCode::heart_beat,
        Body(
            R"({"clientID":"c1","consumerDataSet":[{"groupName":"CG","consumeType":"CONSUME_PASSIVELY",)"
            R"("messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","unitMode":false,)"
            R"("subscriptionDataSet":[{"topic":"T","subString":")" +
            expression +
            R"(","expressionType":"SQL92","subVersion":7}]}],"producerDataSet":[]})")));
  }
  RemotingCommand pull_by_heartbeat() {
    RemotingCommand pull = pull_request("T", 0, 0);
    remoting::PullMessageHeader header =
        *remoting::read_header<remoting::PullMessageHeader>(pull.fields);
    header.sys_flag = 0;
    header.sub_version = 7;
    return ask(RemotingCommand::request(RequestCode::pull_message, header));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(property_filters, FilterFixture)

BOOST_AUTO_TEST_CASE(a_pull_may_bring_its_expression) {
  start();
  send_three();
  RemotingCommand answer = ask(sql_pull(0, "region = 'eu' AND amount > 10"));
  BOOST_TEST((bodies(answer) == std::vector<std::string>{"dear"}));
  BOOST_TEST(text(answer, "nextBeginOffset") == "3");
  RemotingCommand none = ask(sql_pull(0, "amount > 1000"));
  BOOST_TEST((none.response_code() == ResponseCode::pull_retry_immediately));
  BOOST_TEST(text(none, "nextBeginOffset") == "3");
}

BOOST_AUTO_TEST_CASE(the_heartbeats_expression_holds_for_pulls_without_one) {
  start();
  send_three();
  BOOST_TEST((heartbeat("amount BETWEEN 100 AND 1000").response_code() == ResponseCode::success));
  BOOST_TEST((bodies(pull_by_heartbeat()) == std::vector<std::string>{"dear", "far"}));
}

BOOST_AUTO_TEST_CASE(an_expression_that_does_not_parse_is_refused_with_its_place) {
  start();
  send_three();
  RemotingCommand pulled = ask(sql_pull(0, "amount >"));
  BOOST_TEST((pulled.response_code() == ResponseCode::subscription_parse_failed));
  BOOST_TEST(pulled.remark ==
             "parse the consumer's subscription failed: SQL92 expression, character 9: a property, "
             "text, a number or '(' is missing before the end");
  BOOST_TEST((heartbeat("amount >").response_code() == ResponseCode::success));
  RemotingCommand by_heartbeat = pull_by_heartbeat();
  BOOST_TEST((by_heartbeat.response_code() == ResponseCode::filter_data_not_exist));
  BOOST_TEST(by_heartbeat.remark.starts_with(
      "The broker's consumer filter data is not exist!Your expression may be wrong! SQL92"));
  RemotingCommand unknown = ask(sql_pull(0, "x", 0, "XPATH"));
  BOOST_TEST((unknown.response_code() == ResponseCode::subscription_parse_failed));
  BOOST_TEST(unknown.remark.ends_with("no filter is called XPATH; TAG and SQL92 are"));
}

BOOST_AUTO_TEST_CASE(consumers_may_have_their_expression_checked) {
  start();
  const auto check = [this](const std::string& expression) {
    return ask(RemotingCommand::request(
        RequestCode::check_client_config,
        Body(R"({"clientId":"c","group":"CG","subscriptionData":{"topic":"T","subString":")" +
             expression + R"(","expressionType":"SQL92"}})")));
  };
  BOOST_TEST((check("a = 1").response_code() == ResponseCode::success));
  RemotingCommand refused = check("a LIKE 'x'");
  BOOST_TEST((refused.response_code() == ResponseCode::subscription_parse_failed));
  BOOST_TEST(
      refused.remark ==
      "SQL92 expression, character 3: AND, OR, a comparison or the end is expected before 'LIKE'");
}

BOOST_AUTO_TEST_CASE(without_enable_property_filter_it_is_refused_as_apache_does) {
  config.property_filter = false;
  start();
  send_three();
  RemotingCommand pulled = ask(sql_pull(0, "amount > 1"));
  BOOST_TEST((pulled.response_code() == ResponseCode::system_error));
  BOOST_TEST(pulled.remark == "The broker does not support consumer to filter message by SQL92");
  heartbeat("amount > 1");
  BOOST_TEST((pull_by_heartbeat().response_code() == ResponseCode::system_error));
}

BOOST_AUTO_TEST_CASE(a_held_pull_waits_on_when_what_arrives_is_not_for_it) {
  start();
  send("first", "eu", "1");
  RemotingCommand answer;
  auto pull = [&]() -> asio::awaitable<void> {
    answer = co_await client->invoke(config.listen_at, sql_pull(1, "region = 'us'", 15'000),
                                     world.time.now() + 30s);
  };
  TaskGroup tasks(world.executor(), world.time);
  tasks.spawn("pull", pull());
  world.settle();
  send("not wanted", "eu", "1");
  world.pass(1s);
  send("nor this", "eu", "1");
  world.pass(1s);
  BOOST_TEST(tasks.size() == 1u);
  const Instant before = world.time.now();
  send("wanted", "us", "1");
  world.settle();
  BOOST_TEST(tasks.size() == 0u);
  BOOST_TEST((world.time.now() == before));
  BOOST_TEST((bodies(answer) == std::vector<std::string>{"wanted"}));
  BOOST_TEST(text(answer, "nextBeginOffset") == "4");
}

BOOST_AUTO_TEST_CASE(a_held_pull_that_saw_nothing_it_wants_ends_in_time_and_moves_on) {
  start();
  send("first", "eu", "1");
  RemotingCommand answer;
  const Instant begin = world.time.now();
  Instant end{};
  auto pull = [&]() -> asio::awaitable<void> {
    answer = co_await client->invoke(config.listen_at, sql_pull(1, "region = 'us'", 15'000),
                                     world.time.now() + 30s);
    end = world.time.now();
  };
  TaskGroup tasks(world.executor(), world.time);
  tasks.spawn("pull", pull());
  world.pass(5s);
  send("not wanted", "eu", "1");
  world.pass(20s);
  BOOST_TEST(tasks.size() == 0u);
  BOOST_TEST((end - begin == Duration(15s)));
  BOOST_TEST((answer.response_code() == ResponseCode::pull_not_found));
  BOOST_TEST(text(answer, "nextBeginOffset") == "2");
}

// Apache's broker leaves it held, and the client drops what it then gets by the expression that it
// had before.
BOOST_AUTO_TEST_CASE(a_held_pull_is_sent_back_when_its_consumer_comes_to_want_something_else) {
  start();
  send_three();
  const auto heart_beat = [](const std::string& tags, const std::string& version) {
    return RemotingCommand::request(
        RequestCode::heart_beat,
        Body(
            R"({"clientID":"c1","consumerDataSet":[{"groupName":"CG","consumeType":"CONSUME_PASSIVELY",)"
            R"("messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET",)"
            R"("subscriptionDataSet":[{"topic":"T","subString":")" +
            tags + R"(","subVersion":)" + version + R"(}]}],"producerDataSet":[]})"));
  };
  RemotingCommand by_heartbeat, with_its_own;
  TaskGroup tasks(world.executor(), world.time);
  auto pull = [&](std::int32_t flags, std::int64_t version,
                  RemotingCommand& answer) -> asio::awaitable<void> {
    RemotingCommand request = pull_request("T", 0, 3, 15'000);
    auto header = *remoting::read_header<remoting::PullMessageHeader>(request.fields);
    header.sys_flag = flags;
    header.sub_version = version;
    RemotingCommand pulling = RemotingCommand::request(RequestCode::pull_message, header);
    answer = co_await client->invoke(config.listen_at, std::move(pulling), world.time.now() + 30s);
  };
  using namespace remoting::pull_sys_flag;
  ask(heart_beat("a", "7"));
  tasks.spawn("pull", pull(kSuspend, 7, by_heartbeat));
  tasks.spawn("pull", pull(kSuspend | kSubscription, 7, with_its_own));
  world.settle();
  ask(heart_beat("a", "8"));  // as clients do when they get other queues
  BOOST_TEST(tasks.size() == 2u);
  ask(heart_beat("b", "9"));
  world.settle();
  BOOST_TEST(tasks.size() == 1u);
  BOOST_TEST((by_heartbeat.response_code() == ResponseCode::pull_retry_immediately));
  BOOST_TEST(text(by_heartbeat, "nextBeginOffset") == "3");
  BOOST_TEST(by_heartbeat.body.empty());

  tasks.spawn("pull", pull(kSuspend, 9, by_heartbeat));
  world.settle();
  ask(send_request("T", "for a", 0,
                   "TAGS\x01"
                   "a"));
  world.settle();
  BOOST_TEST((bodies(with_its_own) == std::vector<std::string>{"for a"}));
  BOOST_TEST(tasks.size() == 1u);
  ask(send_request("T", "for b", 0,
                   "TAGS\x01"
                   "b"));
  world.settle();
  BOOST_TEST(tasks.size() == 0u);
  BOOST_TEST((bodies(by_heartbeat) == std::vector<std::string>{"for b"}));
}

// The group wants the new expression since the first of them has said so.
BOOST_AUTO_TEST_CASE(each_member_that_changes_its_expression_has_its_held_pull_sent_back) {
  start();
  ask(send_request("T", "x"));
  remoting::Client second(world.executor(), world.network, world.time);
  const auto ask_as = [&](remoting::Client& who, RemotingCommand request) {
    return who.invoke(config.listen_at, std::move(request), world.time.now() + 30s);
  };
  const auto heart_beat = [](const std::string& id, const std::string& tags,
                             const std::string& version) {
    return RemotingCommand::request(
        RequestCode::heart_beat,
        Body(R"({"clientID":")" + id +
             R"(","consumerDataSet":[{"groupName":"CG","consumeType":"CONSUME_PASSIVELY",)"
             R"("messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET",)"
             R"("subscriptionDataSet":[{"topic":"T","subString":")" +
             tags + R"(","subVersion":)" + version + R"(}]}],"producerDataSet":[]})"));
  };
  TaskGroup tasks(world.executor(), world.time);
  auto pull = [&](remoting::Client& who) -> asio::awaitable<void> {
    RemotingCommand request = pull_request("T", 0, 1, 15'000);
    auto header = *remoting::read_header<remoting::PullMessageHeader>(request.fields);
    header.sys_flag = remoting::pull_sys_flag::kSuspend;
    header.sub_version = 7;
    RemotingCommand pulling = RemotingCommand::request(RequestCode::pull_message, header);
    (void)co_await ask_as(who, std::move(pulling));
  };
  world.run(ask_as(*client, heart_beat("c1", "a", "7")));
  world.run(ask_as(second, heart_beat("c2", "a", "7")));
  tasks.spawn("p1", pull(*client));
  tasks.spawn("p2", pull(second));
  world.settle();
  world.run(ask_as(*client, heart_beat("c1", "b", "8")));
  world.settle();
  BOOST_TEST(tasks.size() == 1u);
  world.run(ask_as(second, heart_beat("c2", "b", "9")));
  world.settle();
  BOOST_TEST(tasks.size() == 0u);
  world.run(second.stop());
}

BOOST_AUTO_TEST_CASE(retry_topics_are_not_filtered) {
  start();
  ask(send_request("%RETRY%CG", "again", 0,
                   "region\x01"
                   "eu\x02"));
  RemotingCommand pull = pull_request("%RETRY%CG", 0, 0, 0, "region = 'us'");
  remoting::PullMessageHeader header =
      *remoting::read_header<remoting::PullMessageHeader>(pull.fields);
  header.expression_type = "SQL92";
  RemotingCommand answer = ask(RemotingCommand::request(RequestCode::pull_message, header));
  BOOST_TEST((bodies(answer) == std::vector<std::string>{"again"}));
}

BOOST_AUTO_TEST_SUITE_END()
