// A master goes and returns, a slave takes its place, or copies its log anew.

#include "comet/broker/role_orders.hpp"
#include "comet/replication/history.hpp"
#include "replicated_pair.hpp"

using namespace comet;
using namespace std::chrono_literals;

namespace {

BOOST_FIXTURE_TEST_SUITE(change_of_roles, test::ReplicatedPair)

BOOST_AUTO_TEST_CASE(
    a_master_that_returns_knows_what_was_committed_at_the_slave_before_it_says_so) {
  start_both();
  for (int i = 0; i < 5; ++i)
    BOOST_REQUIRE((send(kMaster, "m").response_code() == ResponseCode::success));
  BOOST_REQUIRE_EQUAL(commit(kMaster, 1).code, 0);
  world.pass(500ms);
  stop(0);
  world.pass(2s);
  BOOST_REQUIRE_EQUAL(commit(kSlave, 4).code, 0);
  networks[0] = world.network.as_host(kMaster.host());
  brokers[0] = std::make_unique<broker::Broker>(std::vector{world.executor()}, *networks[0],
                                                world.time, configs[0]);
  brokers[0]->start();
  BOOST_TEST(committed(kMaster) == "4");  // the first thing that it is asked
}

BOOST_AUTO_TEST_CASE(a_master_that_returns_without_its_slave_says_what_it_has) {
  start_both();
  BOOST_REQUIRE((send(kMaster, "m").response_code() == ResponseCode::success));
  BOOST_REQUIRE_EQUAL(commit(kMaster, 1).code, 0);
  stop(0);
  stop(1);
  start(0);
  const Instant asked = world.time.now();
  BOOST_TEST(committed(kMaster) == "1");
  BOOST_TEST((world.time.now() - asked < 4s));
}

BOOST_AUTO_TEST_CASE(a_master_that_never_had_a_slave_keeps_no_history) {
  for (const auto role : {broker::BrokerRole::async_master, broker::BrokerRole::sync_master}) {
    configs[0].replication.role = role;
    start(0);
    (void)send(kMaster, "alone");
    world.pass(3s);
    stop(0);
    BOOST_TEST(!std::filesystem::exists(configs[0].store.root + "/config/replication"));
    BOOST_TEST(!std::filesystem::exists(configs[0].store.root + "/config/replicationConfirmed"));
  }
}

BOOST_AUTO_TEST_CASE(a_master_that_had_a_slave_does_not_start_without_its_history) {
  configs[0].replication.role = broker::BrokerRole::async_master;
  start_both();
  stop(1);
  stop(0);
  std::ofstream(configs[0].store.root + "/config/replication") << "damaged";
  BOOST_CHECK_THROW(start(0), Error);
  brokers[0].reset();
}

BOOST_AUTO_TEST_CASE(a_queue_without_a_message_goes_on_at_the_promoted_slave_where_it_was) {
  for (broker::BrokerConfig& config : configs) {
    config.store.commit_log_file_size = 64 << 10;
    config.replication.in_sync.in_sync_replicas = 1;
  }
  start(0);
  for (int i = 0; i < 7; ++i) {
    BOOST_REQUIRE_EQUAL(send(kMaster, "old", "", "gone").code, 0);
  }
  for (int i = 0; i < 40; ++i) {
    BOOST_REQUIRE_EQUAL(send(kMaster, std::string(4000, 'x')).code, 0);
  }
  stop(0);
  // As retention has it.
  std::filesystem::remove(configs[0].store.root + "/commitlog/00000000000000000000");
  start(0);
  BOOST_REQUIRE(brokers[0]->store().min_offset("gone", 0) == 7);
  start(1);
  const auto has_all = [&] {
    return brokers[1]->store().appended_end() == brokers[0]->store().appended_end() &&
           brokers[1]->store().max_offset("gone", 0) == 7;
  };
  BOOST_REQUIRE(becomes(has_all));
  stop(0);
  stop(1);
  configs[1].replication.role = broker::BrokerRole::sync_master;
  configs[1].broker_id = 0;
  start(1);
  BOOST_TEST(brokers[1]->store().min_offset("gone", 0) == 7);
  const RemotingCommand answer = send(kSlave, "new", "", "gone");
  BOOST_TEST(answer.fields.find("queueOffset").value_or("") == "7");
}

BOOST_AUTO_TEST_CASE(a_slave_is_not_promoted_while_its_master_answers_and_is_when_it_is_gone) {
  int restarts = 0;
  configs[1].on_restart_due = [&restarts] { ++restarts; };
  start_both();
  BOOST_REQUIRE((send(kMaster, "first").response_code() == ResponseCode::success));
  const RemotingCommand refused = ask(kSlave, fields(RequestCode::promote_broker, {}));
  BOOST_TEST(refused.code == 1);
  BOOST_TEST(refused.remark.find("the master at 10.0.0.1:10911 answers") != std::string::npos,
             refused.remark);
  BOOST_TEST(ask(kMaster, fields(RequestCode::promote_broker, {})).code == 1);
  stop(0);
  world.pass(10s);
  const RemotingCommand taken =
      ask(kSlave, fields(RequestCode::promote_broker, {{"brokerRole", "ASYNC_MASTER"}}));
  BOOST_TEST(taken.code == 0, taken.remark);
  BOOST_TEST(taken.remark.find("this log ends at ") != std::string::npos, taken.remark);
  world.pass(1s);
  BOOST_TEST(restarts == 1);
  stop(1);
  const auto promotion = broker::read_promotion(configs[1].store.root);
  BOOST_REQUIRE(promotion.has_value());
  BOOST_TEST(promotion->slave_id == 1);
  configs[1].replication.role = promotion->role;
  configs[1].broker_id = 0;
  start(1);
  const RemotingCommand answer = send(kSlave, "second");
  BOOST_TEST(answer.fields.find("queueOffset").value_or("") == "1");
}

BOOST_AUTO_TEST_CASE(a_slave_that_lacks_what_was_acknowledged_is_promoted_by_force_alone) {
  configs[0].replication.role = broker::BrokerRole::async_master;
  start_both();
  BOOST_REQUIRE((send(kMaster, "first").response_code() == ResponseCode::success));
  world.pass(2s);
  stop(0);
  stop(1);
  // It had more when it last knew.
  const std::string note = configs[1].store.root + "/config/replicationConfirmed";
  replication::History history(
      replication::disk_state_file(configs[1].store.root + "/config/replication"));
  history.note_confirmed(1'000'000);
  std::ofstream(note, std::ios::trunc) << history.confirmed_note();
  start(1);
  world.pass(10s);
  const RemotingCommand refused = ask(kSlave, fields(RequestCode::promote_broker, {}));
  BOOST_TEST(refused.code == 1);
  BOOST_TEST(refused.remark.find("bytes that the master has acknowledged are not here") !=
                 std::string::npos,
             refused.remark);
  const RemotingCommand taken =
      ask(kSlave, fields(RequestCode::promote_broker, {{"force", "true"}}));
  BOOST_TEST(taken.code == 0, taken.remark);
}

BOOST_AUTO_TEST_CASE(a_slave_copies_anew_when_it_is_told_to) {
  start_both();
  for (int i = 0; i < 5; ++i)
    BOOST_REQUIRE((send(kMaster, "m").response_code() == ResponseCode::success));
  BOOST_TEST(ask(kMaster, fields(RequestCode::resync_broker, {})).code == 1);
  const RemotingCommand refused = ask(kSlave, fields(RequestCode::resync_broker, {}));
  BOOST_TEST(refused.code == 1);
  BOOST_TEST(refused.remark.find("nothing to mend") != std::string::npos, refused.remark);
  const RemotingCommand taken =
      ask(kSlave, fields(RequestCode::resync_broker, {{"force", "true"}}));
  BOOST_TEST(taken.code == 0, taken.remark);
  stop(1);
  start(1);
  world.pass(8s);
  BOOST_TEST(brokers[1]->store().appended_end() == brokers[0]->store().appended_end());
  BOOST_TEST(brokers[1]->store().max_offset("orders", 0) == 5);
  int kept = 0;
  for (const auto& entry : std::filesystem::directory_iterator(configs[1].store.root)) {
    kept += entry.path().filename().string().starts_with("before-resync-") ? 1 : 0;
  }
  BOOST_TEST(kept == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
