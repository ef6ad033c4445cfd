#include "recorded_answers.hpp"

#include "broker_fixture.hpp"

using namespace comet;
using namespace comet::test;

BOOST_FIXTURE_TEST_SUITE(recorded_broker_answers, BrokerFixture)

// What a client sees of a broker, for every request code.
BOOST_AUTO_TEST_CASE(every_request_is_answered_as_recorded) {
  config.transaction_check_interval = std::chrono::seconds(30);
  start();
  RecordedAnswers answers(world, config.listen_at);
  answers.replace(directory.path(), "(store)");
  // They tell of the machine and of real time.
  answers.hide({"msgPutTotalTodayNow", "bootTimestamp", "[a-zA-Z]*TimeStampStr",
                "commitLogDirCapacity", "runtime", "commitLogDiskRatio[^\"]*",
                "consumeQueueDiskRatio", "putMessageDistributeTime", "putMessageEntireTimeMax",
                "getMessageEntireTimeMax", "startAcceptSendRequestTimeStamp",
                "remainHowManyDataToFlush"});
  answers.run("broker.txt");
}

BOOST_AUTO_TEST_SUITE_END()
