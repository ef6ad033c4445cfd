// Runtime information and statistics: real numbers, in the places where tools look for them.

#include <ctime>

#include "comet/base/local_time.hpp"

#include "admin_fixture.hpp"
#include "stats/growth_windows.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

class Statistics : public AdminFixture {
 public:
  std::map<std::string, std::string> runtime() {
    const RemotingCommand answer = ask_plain(RequestCode::get_broker_runtime_info);
    std::map<std::string, std::string> table;
    const auto read = boost::json::parse(answer.body.to_string());
    for (const auto& [key, value] : read.at("table").as_object()) {
      table.emplace(key, value.as_string());
    }
    return table;
  }
  RemotingCommand ask_stats(const std::string& name, const std::string& key) {
    return ask_with(RequestCode::view_broker_stats_data, {{"statsName", name}, {"statsKey", key}});
  }
  std::string stats(const std::string& name, const std::string& key) {
    const RemotingCommand answer = ask_stats(name, key);
    return answer.code == 0 ? answer.body.to_string() : answer.remark;
  }
  static std::string item(const std::string& avgpt, const std::string& sum,
                          const std::string& tps) {
    return R"({"avgpt":)" + avgpt + R"(,"sum":)" + sum + R"(,"tps":)" + tps + "}";
  }
  // With nothing sampled yet for hour and day.
  static std::string minute(const std::string& avgpt, const std::string& sum,
                            const std::string& tps) {
    return R"({"statsDay":)" + item("0.0", "0", "0.0") + R"(,"statsHour":)" +
           item("0.0", "0", "0.0") + R"(,"statsMinute":)" + item(avgpt, sum, tps) + "}";
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(runtime_information, Statistics)

BOOST_AUTO_TEST_CASE(all_keys_are_there_from_the_start) {
  start();
  ask(send_request("T", "x", 0,
                   "DELAY\x01"
                   "3"));
  world.pass(11s);
  const auto table = runtime();
  for (const char* key : {"bootTimestamp",
                          "runtime",
                          "brokerVersion",
                          "brokerVersionDesc",
                          "startAcceptSendRequestTimeStamp",
                          "earliestMessageTimeStamp",
                          "commitLogMinOffset",
                          "commitLogMaxOffset",
                          "commitLogDirCapacity",
                          "commitLogDiskRatio",
                          "consumeQueueDiskRatio",
                          "dispatchBehindBytes",
                          "dispatchMaxBuffer",
                          "pageCacheLockTimeMills",
                          "remainTransientStoreBufferNumbs",
                          "remainHowManyDataToFlush",
                          "putTps",
                          "getTotalTps",
                          "getFoundTps",
                          "getMissTps",
                          "getTransferedTps",
                          "putLatency99",
                          "putLatency999",
                          "putMessageAverageSize",
                          "putMessageDistributeTime",
                          "putMessageEntireTimeMax",
                          "getMessageEntireTimeMax",
                          "putMessageTimesTotal",
                          "putMessageFailedTimes",
                          "putMessageSizeTotal",
                          "msgPutTotalYesterdayMorning",
                          "msgPutTotalTodayMorning",
                          "msgPutTotalTodayNow",
                          "msgGetTotalYesterdayMorning",
                          "msgGetTotalTodayMorning",
                          "msgGetTotalTodayNow",
                          "sendThreadPoolQueueSize",
                          "sendThreadPoolQueueCapacity",
                          "sendThreadPoolQueueHeadWaitTimeMills",
                          "pullThreadPoolQueueSize",
                          "pullThreadPoolQueueCapacity",
                          "pullThreadPoolQueueHeadWaitTimeMills",
                          "queryThreadPoolQueueSize",
                          "queryThreadPoolQueueCapacity",
                          "queryThreadPoolQueueHeadWaitTimeMills",
                          "EndTransactionQueueSize",
                          "EndTransactionThreadPoolQueueCapacity",
                          "scheduleMessageOffset_3"}) {
    BOOST_TEST(table.contains(key), key);
  }
  BOOST_TEST(table.at("brokerVersion") == "409");
  BOOST_TEST(table.at("brokerVersionDesc") == "V4_9_8");
  BOOST_TEST(table.at("scheduleMessageOffset_3") == "1,1");
  BOOST_TEST(table.at("runtime") == "[ 0 days, 0 hours, 0 minutes, 11 seconds ]");
  BOOST_TEST(table.at("commitLogDirCapacity").starts_with("Total : "));
  BOOST_TEST(table.at("commitLogDiskRatio_" + directory.path() + "/commitlog") ==
             table.at("commitLogDiskRatio"));
  BOOST_TEST(table.at("sendThreadPoolQueueCapacity") == "10000");
}

BOOST_AUTO_TEST_CASE(rates_are_three_numbers_over_10_60_and_600_seconds) {
  start();
  BOOST_TEST(runtime().at("putTps") == "0.0 0.0 0.0 ");
  world.pass(20min);
  for (int i = 0; i < 20; ++i) ask(send_request("T", "x"));
  ask(pull_request("T", 0, 0));
  ask(pull_request("T", 0, 20));
  world.pass(1ms);
  auto table = runtime();
  // The samples before are those of full seconds: 10 s and 1 ms.
  BOOST_TEST(table.at("putTps").starts_with("1.9998"));
  world.pass(30s);
  table = runtime();
  BOOST_TEST(table.at("putTps").starts_with("0.0 0.33"));
  BOOST_TEST(table.at("getTransferedTps").starts_with("0.0 0.33"));
  BOOST_TEST(table.at("getFoundTps").starts_with("0.0 0.016"));
  BOOST_TEST(table.at("getMissTps").starts_with("0.0 0.016"));
  BOOST_TEST(table.at("getTotalTps").starts_with("0.0 0.033"));
  world.pass(10min);
  BOOST_TEST(runtime().at("putTps") == "0.0 0.0 0.0 ");
}

BOOST_AUTO_TEST_CASE(puts_and_gets_are_counted_with_sizes_times_and_failures) {
  start();
  for (int i = 0; i < 4; ++i) ask(send_request("T", "12345"));
  ask(pull_request("T", 0, 0));
  auto table = runtime();
  BOOST_TEST(table.at("putMessageTimesTotal") == "4");
  BOOST_TEST(table.at("putMessageSizeTotal") == "20");
  BOOST_TEST(table.at("putMessageAverageSize") == "5.0");
  BOOST_TEST(table.at("msgPutTotalTodayNow") == "4");
  BOOST_TEST(table.at("msgGetTotalTodayNow") == "4");
  BOOST_TEST(table.at("putMessageFailedTimes") == "0");
  BOOST_TEST(table.at("putMessageDistributeTime") ==
             "[<=0ms]:4 [0~10ms]:0 [10~50ms]:0 [50~100ms]:0 [100~200ms]:0 [200~500ms]:0 "
             "[500ms~1s]:0 [1~2s]:0 [2~3s]:0 [3~4s]:0 [4~5s]:0 [5~10s]:0 [10s~]:0 ");
  BOOST_TEST(table.at("putLatency99") == "0.05");  // the least that is told apart
  BOOST_TEST(table.at("earliestMessageTimeStamp") == std::to_string(world.time.wall_millis()));
  BOOST_TEST(std::stoll(table.at("commitLogMaxOffset")) > 4 * 91);
}

BOOST_AUTO_TEST_CASE(at_midnight_the_morning_counts_move_on) {
  start();
  const auto until_midnight = [this] {
    const std::tm local = local_time(world.time.wall_millis());
    return std::chrono::seconds(86'400 - local.tm_hour * 3600 - local.tm_min * 60 - local.tm_sec);
  };
  ask(send_request("T", "x"));
  world.pass(until_midnight() + 5s);
  auto table = runtime();
  BOOST_TEST(table.at("msgPutTotalTodayMorning") == "1");
  BOOST_TEST(table.at("msgPutTotalYesterdayMorning") == "0");
  ask(send_request("T", "x"));
  ask(send_request("T", "x"));
  ask(pull_request("T", 0, 0));
  world.pass(until_midnight() + 5s);
  table = runtime();
  BOOST_TEST(table.at("msgPutTotalTodayMorning") == "3");
  BOOST_TEST(table.at("msgPutTotalYesterdayMorning") == "1");
  BOOST_TEST(table.at("msgPutTotalTodayNow") == "3");
  BOOST_TEST(table.at("msgGetTotalTodayMorning") == "3");
  BOOST_TEST(table.at("msgGetTotalYesterdayMorning") == "0");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(statistics_by_name, Statistics)

BOOST_AUTO_TEST_CASE(topics_and_groups_have_sums_and_rates_of_the_last_minute) {
  start();
  for (int i = 0; i < 5; ++i) ask(send_request("T", "12345"));
  ask(pull_request("T", 0, 0));
  BOOST_TEST(stats("TOPIC_PUT_NUMS", "T") == minute("0.0", "0", "0.0"));  // not sampled yet
  world.pass(10s);
  BOOST_TEST(stats("TOPIC_PUT_NUMS", "T") == minute("1.0", "5", "0.5"));
  BOOST_TEST(stats("TOPIC_PUT_SIZE", "T") == minute("5.0", "25", "2.5"));
  BOOST_TEST(stats("GROUP_GET_NUMS", "T@CG") == minute("5.0", "5", "0.5"));
  const std::string size = stats("GROUP_GET_SIZE", "T@CG");
  const auto read = boost::json::parse(size).at("statsMinute");
  BOOST_TEST(read.at("sum").as_int64() > 5 * 91);
  BOOST_TEST(stats("BROKER_PUT_NUMS", "DefaultCluster") == minute("1.0", "5", "0.5"));
  BOOST_TEST(stats("BROKER_GET_NUMS", "DefaultCluster") == minute("5.0", "5", "0.5"));
  BOOST_TEST(stats("GROUP_GET_LATENCY", "0@T@CG") == minute("0.0", "0", "0.0"));
  BOOST_TEST(stats("GROUP_GET_LATENCY", "T@CG") == minute("0.0", "0", "0.0"));
  ask(send_request("T", "12345"));
  world.pass(20s);
  BOOST_TEST(stats("TOPIC_PUT_NUMS", "T") == minute("1.0", "6", "0.2"));
  world.pass(60s);
  BOOST_TEST(stats("TOPIC_PUT_NUMS", "T") == minute("0.0", "0", "0.0"));
}

BOOST_AUTO_TEST_CASE(hours_and_days_remember_longer) {
  start();
  for (int i = 0; i < 6; ++i) ask(send_request("T", "12345"));
  world.pass(10min);
  BOOST_TEST(stats("TOPIC_PUT_NUMS", "T") ==
             R"({"statsDay":)" + item("0.0", "0", "0.0") + R"(,"statsHour":)" +
                 item("1.0", "6", "0.01") + R"(,"statsMinute":)" + item("0.0", "0", "0.0") + "}");
  world.pass(50min);
  BOOST_TEST(stats("TOPIC_PUT_NUMS", "T").find(R"("statsDay":{"avgpt":1.0,"sum":6,"tps":0.0016)") !=
             std::string::npos);
  BOOST_TEST(
      stats("TOPIC_PUT_NUMS", "T").find(R"("statsHour":{"avgpt":1.0,"sum":6,"tps":0.0016)") !=
      std::string::npos);
  world.pass(1h);
  BOOST_TEST(stats("TOPIC_PUT_NUMS", "T").find(R"("statsHour":{"avgpt":0.0,"sum":0,"tps":0.0})") !=
             std::string::npos);
  BOOST_TEST(stats("TOPIC_PUT_NUMS", "T").find(R"("statsDay":{"avgpt":1.0,"sum":6)") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(how_far_a_queues_consumer_is_behind_is_told_as_it_is_now) {
  start();
  ask(send_request("T", "one"));
  world.pass(5s);
  ask(send_request("T", "two"));
  RemotingCommand pull = pull_request("T", 0, 0);
  pull.fields.add("maxMsgNums", "1");
  ask(std::move(pull));
  world.pass(2s);
  const auto sum = [&](const std::string& name) {
    return boost::json::parse(stats(name, "0@T@CG")).at("statsMinute").at("sum").as_int64();
  };
  BOOST_TEST(sum("GROUP_GET_FALL_TIME") == 7000);  // of the last message that it got
  const std::int64_t record = broker->store().max_physical_offset() / 2;
  BOOST_TEST(sum("GROUP_GET_FALL_SIZE") == record);
}

BOOST_AUTO_TEST_CASE(messages_given_back_count_by_topic_and_group) {
  start();
  ask(send_request("T", "x"));
  ConsumerClient consumer(*this, "c1");
  consumer.connect();
  BOOST_TEST(stats("SNDBCK_PUT_NUMS", "T@CG") == "The stats <SNDBCK_PUT_NUMS> <T@CG> not exist");
  const RemotingCommand back =
      ask_with(RequestCode::consumer_send_msg_back,
               {{"offset", "0"}, {"group", "CG"}, {"delayLevel", "0"}, {"originTopic", "T"}});
  BOOST_TEST(back.code == 0, back.remark);
  world.pass(10s);
  BOOST_TEST(stats("SNDBCK_PUT_NUMS", "T@CG").find(R"("statsMinute":{"avgpt":1.0,"sum":1,)") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_was_never_counted_does_not_exist) {
  start();
  ask(send_request("T", "x"));
  for (const auto& [name, key] :
       {std::pair("TOPIC_PUT_NUMS", "T9"), std::pair("GROUP_GET_NUMS", "T@CG"),
        std::pair("GROUP_GET_LATENCY", "0@T@CG"), std::pair("GROUP_GET_FALL_SIZE", "0@T@CG"),
        std::pair("BROKER_PUT_NUMS", "other"), std::pair("COMMERCIAL_SEND_TIMES", "o@T@G@SEND"),
        std::pair("NO_SUCH", "T"), std::pair("", ""), std::pair("GROUP_GET_NUMS", "@@@"),
        std::pair("GROUP_GET_LATENCY", "99999999999@T@CG")}) {
    const RemotingCommand answer = ask_stats(name, key);
    BOOST_TEST((answer.response_code() == ResponseCode::system_error), name);
    BOOST_TEST(answer.remark ==
               "The stats <" + std::string(name) + "> <" + std::string(key) + "> not exist");
  }
}

BOOST_AUTO_TEST_CASE(a_deleted_topics_numbers_are_forgotten) {
  start();
  ask(send_request("T", "x"));
  BOOST_TEST(ask_stats("TOPIC_PUT_NUMS", "T").code == 0);
  BOOST_TEST(ask_helper(with_fields(RequestCode::delete_topic_in_broker, {{"topic", "T"}})).code ==
             0);
  BOOST_TEST(ask_stats("TOPIC_PUT_NUMS", "T").code != 0);
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

struct Count {
  std::uint64_t value = 0;
  friend bool operator==(const Count&, const Count&) = default;
  friend Count operator-(const Count& a, const Count& b) { return {a.value - b.value}; }
  friend Count& operator+=(Count& a, const Count& b) {
    a.value += b.value;
    return a;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(stats_windows)

BOOST_AUTO_TEST_CASE(growth_is_what_came_in_the_last_samples_and_idle_ones_use_no_memory) {
  using broker::Period;
  broker::GrowthWindows<Count, Count> windows(100);
  BOOST_TEST(windows.is_idle());
  BOOST_TEST(windows.span(Period::minute, 100).count() == 0);
  std::uint64_t value = 0;
  std::uint32_t tick = 100;
  for (int i = 0; i < 3; ++i) windows.sample({value += 10}, ++tick);
  BOOST_TEST(windows.growth(Period::minute).value == 30u);
  BOOST_TEST(windows.span(Period::minute, tick).count() == 30);
  BOOST_TEST(windows.growth(Period::hour).value == 0u);
  for (int i = 0; i < 20; ++i) windows.sample({value += 1}, ++tick);
  BOOST_TEST(windows.growth(Period::minute).value == 6u);
  BOOST_TEST(windows.span(Period::minute, tick).count() == 60);
  BOOST_TEST(windows.growth(Period::hour).value == 47u);  // up to tick 120
  BOOST_TEST(windows.span(Period::hour, tick).count() == 600);
  for (int i = 0; i < 24 * 360 + 360; ++i) windows.sample({value}, ++tick);
  BOOST_TEST(windows.is_idle());
  BOOST_TEST(windows.growth(Period::day).value == 0u);
  windows.sample({value += 4}, ++tick);
  BOOST_TEST(windows.growth(Period::minute).value == 4u);
}

BOOST_AUTO_TEST_SUITE_END()
