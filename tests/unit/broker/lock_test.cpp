#include "broker_fixture.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

const std::string kQueue0 = R"({"brokerName":"broker-a","queueId":0,"topic":"T"})";
const std::string kQueue1 = R"({"brokerName":"broker-a","queueId":1,"topic":"T"})";

class LockFixture : public BrokerFixture {
 public:
  RemotingCommand ask_for(RequestCode code, const std::string& client_id, const std::string& queues,
                          const std::string& group = "CG") {
    return ask(RemotingCommand::request(
        code, Body(R"({"clientId":")" + client_id + R"(","consumerGroup":")" + group +
                   R"(","mqSet":[)" + queues + "]}")));
  }
  std::string lock(const std::string& client_id, const std::string& queues,
                   const std::string& group = "CG") {
    return ask_for(RequestCode::lock_batch_mq, client_id, queues, group).body.to_string();
  }
  void unlock(const std::string& client_id, const std::string& queues) {
    BOOST_TEST((ask_for(RequestCode::unlock_batch_mq, client_id, queues).response_code() ==
                ResponseCode::success));
  }
  static std::string locked(const std::string& queues) {
    return R"({"lockOKMQSet":[)" + queues + "]}";
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(queue_locks, LockFixture)

BOOST_AUTO_TEST_CASE(a_queue_is_one_consumers_until_it_is_unlocked) {
  start();
  BOOST_TEST(lock("c1", kQueue0 + "," + kQueue1) == locked(kQueue0 + "," + kQueue1));
  BOOST_TEST(lock("c1", kQueue0) == locked(kQueue0));
  BOOST_TEST(lock("c2", kQueue0 + "," + kQueue1) == locked(""));
  BOOST_TEST(lock("c2", kQueue0, "another-group") == locked(kQueue0));
  unlock("c2", kQueue0);
  BOOST_TEST(lock("c2", kQueue0) == locked(""));
  unlock("c1", kQueue0);
  BOOST_TEST(lock("c2", kQueue0 + "," + kQueue1) == locked(kQueue0));
}

BOOST_AUTO_TEST_CASE(a_lock_that_is_not_renewed_for_a_minute_is_anybodys) {
  start();
  lock("c1", kQueue0);
  world.pass(40s);
  BOOST_TEST(lock("c1", kQueue0) == locked(kQueue0));
  world.pass(59s);
  BOOST_TEST(lock("c2", kQueue0) == locked(""));
  world.pass(1s);
  BOOST_TEST(lock("c2", kQueue0) == locked(kQueue0));
  BOOST_TEST(lock("c1", kQueue0) == locked(""));
}

BOOST_AUTO_TEST_CASE(lock_requests_with_other_bodies_are_refused) {
  start();
  for (const char* body : {"", "[]", "{}", R"({"clientId":"c","mqSet":[]})",
                           R"({"clientId":"c","consumerGroup":"g","mqSet":[1]})"}) {
    for (RequestCode code : {RequestCode::lock_batch_mq, RequestCode::unlock_batch_mq}) {
      RemotingCommand answer = ask(RemotingCommand::request(code, Body(std::string(body))));
      BOOST_TEST((answer.response_code() == ResponseCode::system_error), body);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
