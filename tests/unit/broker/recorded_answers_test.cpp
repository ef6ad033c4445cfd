#include "recorded_answers.hpp"

#include "broker_fixture.hpp"
#include "comet/base/small_blocks.hpp"

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
  const std::uint64_t before = small_blocks::too_large();
  answers.run("broker.txt");
  // Each coroutine that answers is short-lived and small enough for its memory to be kept.
  BOOST_TEST(small_blocks::too_large() == before);
}

BOOST_AUTO_TEST_SUITE_END()
