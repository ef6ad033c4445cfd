#include "comet/replication/in_sync_set.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "log_lines.hpp"
#include "loop.hpp"
#include "world.hpp"

using namespace comet;
using namespace comet::replication;
using namespace comet::replication::test;

namespace {

// A coordinator that answers when and what the test says.
class Scripted final : public Coordinator {
 public:
  explicit Scripted(World& world) : changed(world.executor(), world.time) {}
  EpochEntry mastership() const override { return {5, start, 1}; }
  bool is_master() const override { return heard <= 5; }
  void heard_epoch(std::int64_t epoch, const std::string&) override { heard = epoch; }
  std::vector<MemberId> members() const override { return first; }
  bool admits_unnamed() const override { return admits; }
  asio::awaitable<SetChange> change_set(std::vector<MemberId> from,
                                        std::vector<MemberId> to) override {
    asked.emplace_back(std::move(from), to);
    while (!answer) (void)co_await changed.wait();
    const SetChange outcome = *answer;
    if (outcome == SetChange::granted) held = to;
    co_return outcome;
  }
  asio::awaitable<std::vector<MemberId>> settle() override {
    while (!settled) (void)co_await changed.wait();
    co_return *settled;
  }
  void say(SetChange outcome) {
    answer = outcome;
    changed.notify_all();
  }

  std::int64_t start = 0;
  std::int64_t heard = 5;
  bool admits = true;
  std::vector<MemberId> first;
  std::optional<SetChange> answer = SetChange::granted;
  std::optional<std::vector<MemberId>> settled;
  std::vector<std::pair<std::vector<MemberId>, std::vector<MemberId>>> asked;
  std::vector<MemberId> held;
  Event changed;
};

struct Fixture : World {
  Fixture()
      : disk(std::make_shared<Disk>()),
        log(executor(), time, disk, 1 << 20),
        history(std::make_unique<MemoryStateFile>(disk)),
        coordinator(*this) {}
  ~Fixture() {
    if (set) run(set->stop());
  }
  void start() {
    set = std::make_unique<InSyncSet>(executor(), time, rule, log, coordinator, history);
    set->start();
    settle();
  }
  std::uint64_t connect(MemberId id, std::int64_t confirmed, bool flushed = true) {
    InSyncSet::Replica replica;
    replica.address = "10.0.0.2:1";
    replica.wire = flushed ? Wire::comet : Wire::apache;
    replica.flushed = flushed;
    const std::uint64_t token = set->connected(id, replica);
    set->set_state(token, PeerState::transfer);
    set->confirmed_by(token, confirmed, 0);
    settle();
    return token;
  }
  // Starts a send; its answer comes into the returned place.
  std::shared_ptr<std::optional<Confirmation>> send(Duration patience = 3s) {
    auto answer = std::make_shared<std::optional<Confirmation>>();
    const std::int64_t end = log.store("m");
    asio::co_spawn(context, wait_for(end, time.now() + patience, answer),
                   [](std::exception_ptr) {});
    settle();
    return answer;
  }
  asio::awaitable<void> wait_for(std::int64_t end, Instant deadline,
                                 std::shared_ptr<std::optional<Confirmation>> answer) {
    *answer = co_await set->wait_confirmed(end, deadline);
  }
  void confirm(std::uint64_t token, std::int64_t end) {
    set->confirmed_by(token, end, 0);
    settle();
  }

  std::shared_ptr<Disk> disk;
  MemoryLog log;
  History history;
  Scripted coordinator;
  InSyncConfig rule;
  std::unique_ptr<InSyncSet> set;
};

constexpr auto kOk = Confirmation::put_ok;
constexpr auto kNotAvailable = Confirmation::slave_not_available;
constexpr auto kTimeout = Confirmation::flush_slave_timeout;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(in_sync_set, Fixture)

BOOST_AUTO_TEST_CASE(alone_every_send_is_answered_11_at_once) {
  start();
  BOOST_TEST((*send() == kNotAvailable));
  BOOST_TEST(set->confirmed() == 0);
  BOOST_TEST(set->counters().slave_not_available == 1u);
}

BOOST_AUTO_TEST_CASE(a_send_is_answered_0_when_the_slave_has_said_so) {
  start();
  const std::uint64_t slave = connect(1, 0);
  BOOST_TEST(set->size() == 2);
  const auto answer = send();
  pass(500ms);
  BOOST_TEST(!answer->has_value());
  confirm(slave, log.end());
  BOOST_TEST((*answer == kOk));
  BOOST_TEST(set->confirmed() == log.end());
}

BOOST_AUTO_TEST_CASE(the_masters_own_copy_must_be_durable_too) {
  MemoryLog careful(executor(), time, std::make_shared<Disk>(), 1 << 20, MemoryLog::Flush::sync);
  set = std::make_unique<InSyncSet>(executor(), time, rule, careful, coordinator, history);
  set->start();
  const std::uint64_t slave = connect(1, 0);
  const std::int64_t end = careful.store("m");
  confirm(slave, end);
  BOOST_TEST(set->confirmed() == 0);
  careful.sync();
  settle();
  BOOST_TEST(set->confirmed() == end);
  run(set->stop());
  set.reset();
}

BOOST_AUTO_TEST_CASE(a_late_slave_means_12_at_the_deadline) {
  rule.member_silence = 10s;
  start();
  connect(1, 0);
  const auto answer = send(2s);
  pass(1999ms);
  BOOST_TEST(!answer->has_value());
  pass(2ms);
  BOOST_TEST((*answer == kTimeout));
}

BOOST_AUTO_TEST_CASE(a_member_that_confirms_nothing_for_three_seconds_leaves) {
  start();
  connect(1, 0);
  pass(60s);  // at rest there is nothing to confirm
  BOOST_TEST(set->size() == 2);
  const auto answer = send(10s);
  pass(2500ms);
  BOOST_TEST(!answer->has_value());
  pass(800ms);
  BOOST_TEST((*answer == kNotAvailable));
  BOOST_TEST(set->size() == 1);
}

// Its disk is full, say: it comes back every few seconds with what it had.
BOOST_AUTO_TEST_CASE(who_left_without_getting_further_is_not_waited_for_until_it_does) {
  start();
  std::uint64_t slave = connect(1, 0);
  const std::int64_t had = log.end();
  const auto first = send(10s);
  pass(3500ms);
  BOOST_TEST((*first == kNotAvailable));
  for (int again = 0; again < 5; ++again) {
    set->disconnected(slave);
    pass(5s);
    slave = connect(1, had);
    pass(500ms);
    BOOST_TEST(set->size() == 1);
    const auto answer = send(2s);
    BOOST_TEST((*answer == kNotAvailable));
  }
  confirm(slave, had + 1);
  confirm(slave, log.end());
  pass(500ms);
  BOOST_TEST(set->size() == 2);
}

BOOST_AUTO_TEST_CASE(one_of_two_slaves_is_late_and_the_other_is_enough_when_it_has_left) {
  start();
  connect(1, 0);
  const std::uint64_t good = connect(2, 0);
  BOOST_TEST(set->size() == 3);
  const auto answer = send(10s);
  confirm(good, log.end());
  BOOST_TEST(!answer->has_value());  // every member of the set
  pass(3500ms);
  BOOST_TEST((*answer == kOk));
  BOOST_TEST(set->size() == 2);
}

BOOST_AUTO_TEST_CASE(a_vanished_member_leaves_after_its_time_and_what_it_said_does_not_count) {
  start();
  const std::uint64_t slave = connect(1, 0);
  const auto first = send();
  confirm(slave, log.end());
  BOOST_TEST((*first == kOk));
  set->disconnected(slave);
  const auto second = send();
  pass(1s);
  BOOST_TEST(!second->has_value());
  pass(1s);
  BOOST_TEST((*second == kNotAvailable));
  // Back with less than it had confirmed: it is no member until it has that again.
  const std::uint64_t back = connect(1, 0);
  BOOST_TEST(set->size() == 1);
  confirm(back, log.end());
  BOOST_TEST(set->size() == 2);
}

BOOST_AUTO_TEST_CASE(a_member_that_is_back_quickly_keeps_its_place) {
  start();
  std::uint64_t slave = connect(1, 0);
  set->disconnected(slave);
  const auto answer = send();
  pass(400ms);
  slave = connect(1, 0);
  confirm(slave, log.end());
  BOOST_TEST((*answer == kOk));
  BOOST_TEST(set->counters().set_leaves == 0u);
}

BOOST_AUTO_TEST_CASE(a_member_that_lost_what_it_confirmed_leaves_at_once) {
  start();
  const std::uint64_t slave = connect(1, 0);
  send();
  confirm(slave, log.end());
  set->disconnected(slave);
  connect(1, 0);
  BOOST_TEST(set->counters().set_leaves == 1u);
}

BOOST_AUTO_TEST_CASE(a_replica_without_a_name_leaves_with_its_connection) {
  start();
  const std::uint64_t java = connect(0, 0, false);
  BOOST_TEST(set->size() == 2);
  set->disconnected(java);
  settle();
  BOOST_TEST(set->size() == 1);
}

BOOST_AUTO_TEST_CASE(reports_above_the_end_have_no_effect) {
  start();
  const std::uint64_t slave = connect(1, 0);
  const auto answer = send();
  BOOST_TEST(!set->confirmed_by(slave, log.end() + 1, 0));
  settle();
  BOOST_TEST(!answer->has_value());
  BOOST_TEST(set->confirmed() == 0);
}

BOOST_AUTO_TEST_CASE(who_joins_has_all_that_is_confirmed_and_the_start_of_the_mastership) {
  log.store("old");
  coordinator.start = log.end();
  start();
  const std::uint64_t slave = connect(1, 0);
  BOOST_TEST(set->size() == 1);  // it has all that is confirmed, which is nothing
  confirm(slave, log.end());
  BOOST_TEST(set->size() == 2);
}

BOOST_AUTO_TEST_CASE(a_replica_far_behind_does_not_make_sends_wait) {
  rule.join_lag = 1000;
  start();
  while (log.end() < 5000) log.store("old");
  const std::uint64_t slave = connect(1, 0);
  BOOST_TEST((*send() == kNotAvailable));
  confirm(slave, log.end() - 900);
  BOOST_TEST(set->size() == 2);
}

BOOST_AUTO_TEST_CASE(under_load_a_replica_joins_because_it_is_waited_for) {
  rule.in_sync_replicas = 1;
  start();
  const std::uint64_t slave = connect(1, 0);
  run(set->wait_confirmed(0, time.now()));
  set->disconnected(slave);
  pass(3s);
  const std::int64_t before = log.end();
  BOOST_TEST((*send() == kOk));  // alone, as it was told
  const std::uint64_t back = connect(1, before);
  confirm(back, before + 1);  // it has got further, and is always behind
  const auto first = send();
  BOOST_TEST(!first->has_value());  // counted already
  BOOST_TEST(set->size() == 1);
  confirm(back, log.end());
  BOOST_TEST((*first == kOk));
  BOOST_TEST(set->size() == 2);
}

BOOST_AUTO_TEST_CASE(who_does_not_come_up_in_time_is_not_waited_for_any_longer) {
  rule.in_sync_replicas = 1;
  start();
  send();
  BOOST_TEST(set->confirmed() == log.end());
  connect(1, 0);
  const auto answer = send(10s);
  pass(900ms);
  BOOST_TEST(!answer->has_value());
  pass(500ms);
  BOOST_TEST((*answer == kOk));
  BOOST_TEST(set->size() == 1);
}

BOOST_AUTO_TEST_CASE(members_of_the_set_that_was_elected_confirm_or_leave) {
  coordinator.first = {1, 2};
  start();
  BOOST_TEST(set->size() == 3);
  const auto answer = send();
  const std::uint64_t first = connect(1, 0);
  confirm(first, log.end());
  BOOST_TEST(!answer->has_value());
  pass(2s);
  BOOST_TEST((*answer == kOk));
  BOOST_TEST((set->members() == std::vector<MemberId>{1}));
}

BOOST_AUTO_TEST_CASE(a_smaller_set_counts_when_the_coordinator_has_it_and_not_before) {  // R1
  start();
  connect(1, 0);
  const std::uint64_t good = connect(2, 0);
  coordinator.answer.reset();
  const auto answer = send(60s);
  confirm(good, log.end());
  pass(20s);
  BOOST_TEST(coordinator.asked.size() == 3u);  // two joined, one is to leave
  BOOST_TEST(!answer->has_value());
  coordinator.say(SetChange::granted);
  settle();
  BOOST_TEST((*answer == kOk));
}

BOOST_AUTO_TEST_CASE(who_joins_counts_from_the_moment_the_coordinator_is_asked) {  // R2
  start();
  const std::uint64_t first = connect(1, 0);
  coordinator.answer.reset();
  const std::uint64_t second = connect(2, 0);
  const auto answer = send();
  confirm(first, log.end());
  BOOST_TEST(!answer->has_value());
  BOOST_TEST(set->size() == 2);
  confirm(second, log.end());
  BOOST_TEST((*answer == kOk));
}

BOOST_AUTO_TEST_CASE(after_no_answer_the_asked_set_counts_until_the_coordinator_says_which) {  // R3
  start();
  const std::uint64_t first = connect(1, 0);
  coordinator.answer.reset();
  const std::uint64_t second = connect(2, 0);
  coordinator.say(SetChange::unknown);
  settle();
  const auto answer = send(60s);
  confirm(first, log.end());
  pass(2s);
  BOOST_TEST(!answer->has_value());
  coordinator.settled = std::vector<MemberId>{1};
  coordinator.answer.reset();
  coordinator.changed.notify_all();
  settle();
  BOOST_TEST(set->size() == 2);
  BOOST_TEST((*answer == kOk));
  (void)second;
}

BOOST_AUTO_TEST_CASE(a_deposed_master_answers_nothing_0) {
  start();
  const std::uint64_t slave = connect(1, 0);
  const auto answer = send();
  coordinator.heard_epoch(6, "somebody");
  set->deposed();
  settle();
  BOOST_TEST((*answer == kTimeout));
  confirm(slave, log.end());
  BOOST_TEST(set->confirmed() == 0);
  BOOST_TEST((*send() == kTimeout));
}

BOOST_AUTO_TEST_CASE(too_few_are_refused_before_anything_is_stored_where_that_is_set) {
  rule.min_in_sync_replicas = 2;
  start();
  BOOST_TEST(!set->may_store());
  connect(1, 0);
  BOOST_TEST(set->may_store());
}

BOOST_AUTO_TEST_CASE(one_replica_is_honoured_with_a_warning) {
  const comet::test::LogLines lines;
  rule.in_sync_replicas = 1;
  start();
  BOOST_TEST(lines.count("inSyncReplicas=1") == 1);
  BOOST_TEST((*send() == kOk));
  // A member is waited for all the same.
  const std::uint64_t slave = connect(1, log.end());
  const auto answer = send();
  BOOST_TEST(!answer->has_value());
  confirm(slave, log.end());
  BOOST_TEST((*answer == kOk));
}

BOOST_AUTO_TEST_CASE(unflushed_reports_do_not_count_where_that_is_set) {
  rule.count_unflushed_reports = false;
  start();
  connect(0, 0, false);
  BOOST_TEST(set->size() == 1);
}

BOOST_AUTO_TEST_CASE(a_coordinator_may_want_names) {
  coordinator.admits = false;
  start();
  connect(0, 0, false);
  BOOST_TEST(set->size() == 1);
}

BOOST_AUTO_TEST_CASE(readers_see_the_confirmed_part_and_never_go_back) {
  log.store("old");
  start();
  BOOST_TEST(log.read_limit() == kNoLimit);  // too few: as Apache
  const std::int64_t seen = log.store("uncopied");
  const std::uint64_t slave = connect(1, 0);
  BOOST_TEST(log.read_limit() == seen);  // may have been seen
  const std::int64_t next = log.store("next");
  settle();
  BOOST_TEST(log.read_limit() == seen);
  confirm(slave, next);
  BOOST_TEST(log.read_limit() == next);
}

BOOST_AUTO_TEST_CASE(strict_readers_never_see_what_is_not_confirmed) {
  log.store("old");
  rule.read_confirmed_only = true;
  start();
  BOOST_TEST(log.read_limit() == 0);
  const std::uint64_t slave = connect(1, 0);
  confirm(slave, log.end());
  BOOST_TEST(log.read_limit() == log.end());
}

BOOST_AUTO_TEST_CASE(metadata_is_confirmed_like_data_and_java_replicas_are_not_waited_for) {
  start();
  connect(0, 0, false);
  BOOST_TEST((run(set->wait_metadata_confirmed(7, time.now() + 1s)) == kOk));
  const std::uint64_t slave = connect(1, 0);
  BOOST_TEST((run(set->wait_metadata_confirmed(7, time.now() + 1s)) == kTimeout));
  set->confirmed_by(slave, 0, 7);
  BOOST_TEST((run(set->wait_metadata_confirmed(7, time.now() + 1s)) == kOk));
}

BOOST_AUTO_TEST_CASE(status_says_who_is_where) {
  start();
  const std::uint64_t slave = connect(1, 0);
  send();
  pass(2s);
  const MasterStatus status = set->status();
  BOOST_TEST(status.epoch == 5);
  BOOST_TEST(status.in_sync == 2);
  BOOST_TEST(status.log_end == log.end());
  BOOST_REQUIRE(status.replicas.size() == 1u);
  BOOST_TEST(status.replicas[0].lag_bytes == log.end());
  BOOST_TEST((status.replicas[0].lag_time >= 1700ms && status.replicas[0].lag_time <= 2300ms));
  BOOST_TEST(status.replicas[0].in_sync);
  confirm(slave, log.end());
  BOOST_TEST((set->status().replicas[0].lag_time == Duration::zero()));
}

BOOST_AUTO_TEST_CASE(ha_status_is_apaches) {
  MasterStatus status;
  status.log_end = 1119;
  status.in_sync = 2;
  ReplicaStatus replica;
  replica.address = "127.0.0.1:59432";
  replica.in_sync = true;
  replica.confirmed = replica.sent = 1119;
  replica.state = PeerState::transfer;
  status.replicas.push_back(replica);
  BOOST_TEST(
      ha_status_json(status) ==
      R"({"haClientRuntimeInfo":{"lastReadTimestamp":0,"lastWriteTimestamp":0,"masterFlushOffset":0,"maxOffset":0,"transferredByteInSecond":0},"haConnectionInfo":[{"addr":"127.0.0.1:59432","diff":0,"flushed":false,"inSync":true,"name":"","slaveAckOffset":1119,"state":"transfer","transferFromWhere":1119,"transferredByteInSecond":0}],"inSyncSlaveNums":1,"master":true,"masterCommitLogMaxOffset":1119})");
  FollowerStatus follower;
  follower.master_address = "10.0.0.1:10912";
  follower.state = PeerState::transfer;
  follower.log_end = 7;
  BOOST_TEST(
      ha_status_json(follower) ==
      R"({"haClientRuntimeInfo":{"lastReadTimestamp":0,"lastWriteTimestamp":0,"masterAddr":"10.0.0.1:10912","masterFlushOffset":0,"maxOffset":7,"problem":"","state":"transfer","transferredByteInSecond":0},"haConnectionInfo":[],"inSyncSlaveNums":0,"master":false,"masterCommitLogMaxOffset":0})");
}

BOOST_AUTO_TEST_CASE(an_async_masters_readers_see_all_and_only_what_a_replica_has_is_known) {
  rule.in_sync_replicas = 1;
  rule.limits_readers = false;
  start();
  log.store("alone");
  settle();
  BOOST_TEST(set->readable() == kNoLimit);
  BOOST_TEST(history.confirmed() == 0);
  const std::uint64_t slave = connect(1, log.end());
  const std::int64_t copied = log.store("copied");
  settle();
  confirm(slave, copied);
  log.store("not copied");
  settle();
  BOOST_TEST(set->readable() == kNoLimit);
  BOOST_TEST(history.confirmed() == copied);
}

BOOST_AUTO_TEST_CASE(a_send_may_wait_on_another_executor) {
  comet::test::Loop home;
  comet::test::Loop senders;
  auto own_disk = std::make_shared<Disk>();
  MemoryLog own(home.executor(), real_time(), own_disk, 1 << 20);
  LocalCoordinator local(history, own);
  InSyncConfig one;
  one.in_sync_replicas = 1;
  InSyncSet shared(home.executor(), real_time(), one, own, local, history);
  std::promise<void> started;
  asio::post(home.context, [&] {
    shared.start();
    own.store("m");
    started.set_value();
  });
  started.get_future().get();
  const Confirmation answer = comet::test::wait_for(
      senders.spawn(shared.wait_confirmed(10, real_time().now() + std::chrono::seconds(5))));
  BOOST_TEST((answer == kOk));
  const auto stopping = [](InSyncSet& which) -> asio::awaitable<bool> {
    co_await which.stop();
    co_return true;
  };
  comet::test::wait_for(home.spawn(stopping(shared)));
}

BOOST_AUTO_TEST_SUITE_END()
