// A CometMQ master and its replicas: our own handshake.

#include <boost/test/unit_test.hpp>

#include "log_lines.hpp"
#include "world.hpp"

using namespace comet;
using namespace comet::replication;
using namespace comet::replication::test;

namespace {

struct Fixture : World {
  Fixture() : master(*this), slave(*this) {}
  Master master;
  Slave slave;
};

constexpr auto kOk = Confirmation::put_ok;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pair, Fixture)

BOOST_AUTO_TEST_CASE(a_send_is_confirmed_after_one_round_trip) {
  master.start();
  slave.start();
  pass(1s);
  BOOST_TEST(master.set->size() == 2);
  const Instant begin = time.now();
  BOOST_TEST((master.send("a") == kOk));
  BOOST_TEST((time.now() - begin == 1ms));  // the network's, twice one way
  BOOST_TEST((slave.log.bytes() == master.log.bytes()));
  pass(100ms);
  BOOST_TEST(slave.log.read_limit() == master.log.end());  // it knows what is confirmed
  BOOST_TEST(slave.client->status().epoch == 1);
  BOOST_TEST((slave.client->status().wire == Wire::comet));
}

BOOST_AUTO_TEST_CASE(an_empty_replica_catches_up_from_the_first_byte) {
  while (master.log.end() < 3 * kFile) master.log.store(std::string(700, 'm'));
  master.log.delete_before(kFile);
  master.start();
  slave.start();
  pass(1s);
  BOOST_TEST(slave.log.begin() == kFile);
  BOOST_TEST((slave.log.bytes() == master.log.bytes()));
  BOOST_TEST(master.set->size() == 2);
}

BOOST_AUTO_TEST_CASE(an_empty_replica_gets_the_newest_file_when_that_is_set) {
  while (master.log.end() < 3 * kFile - 1500) master.log.store(std::string(700, 'm'));
  master.config.sync_from_last_file = true;
  master.start();
  slave.start();
  pass(1s);
  BOOST_TEST(slave.log.begin() == 2 * kFile);
  BOOST_TEST(slave.log.end() == master.log.end());
}

BOOST_AUTO_TEST_CASE(what_is_not_on_the_replicas_disk_is_not_confirmed) {
  Slave careful(*this, 2, std::make_shared<Disk>(), MemoryLog::Flush::sync);
  master.start();
  careful.start();
  pass(1s);
  BOOST_TEST((master.send("a", 1s) == Confirmation::flush_slave_timeout));
  BOOST_TEST(careful.log.end() == master.log.end());
  careful.log.sync();
  pass(10ms);
  BOOST_TEST(master.set->confirmed() == master.log.end());
}

BOOST_AUTO_TEST_CASE(after_a_cut_connection_it_goes_on_where_it_was) {
  network.set_max_read(7);
  master.start();
  slave.start();
  pass(1s);
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 5; ++i) master.log.store(std::string(300, 'x'));
    pass(std::chrono::microseconds(300 * round));
    network.cut_connections("10.0.0.2");
    pass(7s);
    BOOST_TEST((slave.log.bytes() == master.log.bytes()));
  }
  BOOST_TEST(slave.client->counters().reconnects.at("lost") == 20u);
}

BOOST_AUTO_TEST_CASE(a_restarted_replica_goes_on_and_a_restarted_master_begins_another_epoch) {
  auto slave_disk = std::make_shared<Disk>();
  {
    Slave before(*this, 2, slave_disk);
    master.start();
    before.start();
    pass(1s);
    BOOST_TEST((master.send("a") == kOk));
  }
  master.stop();
  Master again(*this, master.disk);
  again.start();
  BOOST_TEST(again.coordinator->mastership().epoch == 2);
  Slave after(*this, 2, slave_disk);
  after.start();
  pass(1s);
  BOOST_TEST((again.send("b") == kOk));
  BOOST_TEST(after.log.bytes() == again.log.bytes());
  BOOST_TEST(after.history.promised() == 2);
  BOOST_TEST((after.history.epochs().entries() == again.history.epochs().entries()));
}

BOOST_AUTO_TEST_CASE(another_file_size_is_refused_with_both_sizes) {
  const comet::test::LogLines lines;
  Slave other(*this, 2, std::make_shared<Disk>(), MemoryLog::Flush::async, 2 * kFile);
  master.log.store("a");
  master.start();
  other.start();
  pass(30s);
  BOOST_TEST((other.state() == PeerState::other_file_size));
  BOOST_TEST(other.log.appends() == 0);
  BOOST_TEST(other.client->status().problem.find("8192") != std::string::npos);
  BOOST_TEST(lines.count("HA: master 10.0.0.1:10912: the master says of this replica") == 1);
  const std::uint64_t tries = other.client->counters().reconnects.at("other_file_size");
  BOOST_TEST((tries >= 4u && tries <= 8u));  // the longest pause from the first on
  BOOST_TEST((master.send("b") == Confirmation::slave_not_available));
}

BOOST_AUTO_TEST_CASE(other_names_are_refused) {
  master.start();
  const auto refused = [&](auto change) {
    Slave other(*this, 2);
    change(other.config.self);
    other.start();
    pass(1s);
    return other.state() == PeerState::wrong_name;
  };
  BOOST_TEST(refused([](PeerName& self) { self.cluster = "another"; }));
  BOOST_TEST(refused([](PeerName& self) { self.broker_name = "broker-b"; }));
  BOOST_TEST(refused([](PeerName& self) { self.id = 0; }));
}

BOOST_AUTO_TEST_CASE(logs_with_nothing_in_common_are_left_as_they_are) {
  master.log.store("the master's");
  BOOST_TEST(!slave.history.begin_mastership(EpochEntry(1, 0, 77)));
  slave.log.store("the slave's own, and longer than the master's");
  const std::string before(slave.log.bytes());
  master.start();
  slave.start();
  pass(10s);
  BOOST_TEST((slave.state() == PeerState::wrong_log));
  BOOST_TEST(slave.log.bytes() == before);
  BOOST_TEST((master.send("b") == Confirmation::slave_not_available));
}

BOOST_AUTO_TEST_CASE(a_log_without_epochs_is_joined_when_its_last_record_is_the_same) {
  master.log.store("one");
  master.log.store("two");
  {  // as a Java slave, or a copy of the files, would have left it
    (void)run(slave.log.append(0, master.log.bytes()));
  }
  master.start();
  slave.start();
  pass(1s);
  BOOST_TEST((master.send("three") == kOk));
  BOOST_TEST((slave.log.bytes() == master.log.bytes()));
}

BOOST_AUTO_TEST_CASE(a_log_without_epochs_and_with_another_last_record_is_refused) {
  master.log.store("one");
  pass(5ms);
  slave.log.store("One");
  const std::string before(slave.log.bytes());
  master.start();
  slave.start();
  pass(10s);
  BOOST_TEST((slave.state() == PeerState::diverged));
  BOOST_TEST(slave.log.bytes() == before);
  BOOST_TEST(master.set->counters().refusals.at("diverged") >= 1u);
}

BOOST_AUTO_TEST_CASE(a_log_without_epochs_that_is_longer_is_ahead) {
  master.log.store("one");
  (void)run(slave.log.append(0, master.log.bytes()));
  slave.log.store("two");
  master.start();
  slave.start();
  pass(10s);
  BOOST_TEST((slave.state() == PeerState::ahead));
  BOOST_TEST(slave.disk->kept_aside.empty());
}

BOOST_AUTO_TEST_CASE(a_replica_below_the_masters_first_byte_needs_a_full_copy) {
  master.start();
  slave.start();
  pass(1s);
  BOOST_TEST((master.send("a") == kOk));
  slave.stop();
  while (master.log.end() < 3 * kFile) master.log.store(std::string(700, 'm'));
  master.log.delete_before(2 * kFile);
  slave.start();
  pass(10s);
  BOOST_TEST((slave.state() == PeerState::below_begin));
  BOOST_TEST(slave.log.end() < kFile);
}

BOOST_AUTO_TEST_CASE(a_master_that_came_back_with_less_does_not_get_acknowledged_messages_cut) {
  master.start();
  slave.start();
  pass(1s);
  BOOST_TEST((master.send("a") == kOk));
  const std::string older = master.disk->bytes;
  BOOST_TEST((master.send("b") == kOk));
  pass(200ms);
  master.stop();
  master.disk->bytes = older;  // a power cut under ASYNC_FLUSH
  const comet::test::LogLines lines;
  Master again(*this, master.disk);
  again.start();
  pass(10s);
  BOOST_TEST((slave.state() == PeerState::ahead));
  BOOST_TEST(slave.disk->kept_aside.empty());
  BOOST_TEST(lines.count("acknowledged messages would go") >= 1);
  BOOST_TEST((again.send("c") == Confirmation::slave_not_available));
}

BOOST_AUTO_TEST_CASE(a_secret_lets_in_who_knows_it) {
  master.config.secret = "s3cret";
  slave.config.secret = "s3cret";
  master.start();
  slave.start();
  Slave stranger(*this, 2);
  Slave wrong(*this, 3);
  wrong.config.secret = "guess";
  stranger.start();
  wrong.start();
  pass(2s);
  BOOST_TEST((slave.state() == PeerState::transfer));
  BOOST_TEST((stranger.state() == PeerState::wrong_secret));
  BOOST_TEST((wrong.state() == PeerState::wrong_secret));
  BOOST_TEST(master.set->size() == 2);
}

BOOST_AUTO_TEST_CASE(a_replica_with_a_secret_follows_no_master_without) {
  slave.config.secret = "s3cret";
  master.start();
  slave.start();
  pass(2s);
  BOOST_TEST((slave.state() == PeerState::wrong_secret));
  BOOST_TEST(slave.log.appends() == 0);
}

BOOST_AUTO_TEST_CASE(a_frozen_replica_leaves_the_set_and_comes_back) {
  master.start();
  slave.start();
  pass(1s);
  network.set_frozen("10.0.0.2", true);
  const Instant begin = time.now();
  BOOST_TEST((master.send("a", 10s) == Confirmation::slave_not_available));
  BOOST_TEST((time.now() - begin <= 3500ms));
  network.set_frozen("10.0.0.2", false);
  pass(3s);
  BOOST_TEST((master.send("b") == kOk));
  BOOST_TEST((slave.log.bytes() == master.log.bytes()));
}

BOOST_AUTO_TEST_CASE(a_frozen_master_is_noticed) {
  master.start();
  slave.start();
  pass(1s);
  network.set_frozen("10.0.0.1", true);
  pass(22s);
  BOOST_TEST(slave.client->counters().reconnects.at("lost") == 1u);
  network.set_frozen("10.0.0.1", false);
  pass(10s);
  BOOST_TEST((master.send("b") == kOk));
}

BOOST_AUTO_TEST_CASE(ten_minutes_at_rest_change_nothing) {
  master.start();
  slave.start();
  pass(1s);
  BOOST_TEST((master.send("a") == kOk));
  pass(10min);
  BOOST_TEST(master.set->counters().set_leaves == 0u);
  BOOST_TEST(slave.client->counters().reconnects.empty());
  BOOST_TEST((master.send("b") == kOk));
}

BOOST_AUTO_TEST_CASE(a_newer_connection_of_a_replica_takes_the_place_of_the_older) {
  master.start();
  slave.start();
  pass(1s);
  network.set_frozen("10.0.0.2", true);  // its host has gone and says nothing
  Slave restarted(*this, 1, slave.disk);
  const std::unique_ptr<Network> elsewhere = network.as_host("10.0.0.77");
  HaClient client(executor(), *elsewhere, time, restarted.config,
                  HaClientParts(restarted.log, restarted.history));
  client.set_master(kHaAddress);
  client.start();
  pass(1s);
  BOOST_TEST(master.service->connections() == 1u);
  BOOST_TEST((master.send("b") == kOk));
  run(client.stop());
  network.set_frozen("10.0.0.2", false);
}

BOOST_AUTO_TEST_CASE(metadata_travels_in_order_with_the_log) {
  master.tables.add("topics", 0);
  master.start();
  slave.start();
  pass(1s);
  BOOST_TEST(slave.tables.version() == 1);
  const std::int64_t before = master.log.store("a message");
  master.tables.add("a topic", before);
  master.log.store("a message of that topic");
  BOOST_TEST((run(master.set->wait_metadata_confirmed(2, time.now() + 3s)) == kOk));
  pass(100ms);
  BOOST_REQUIRE(slave.tables.items.size() == 2u);
  BOOST_TEST(slave.tables.items[1].bytes == "a topic");
  BOOST_TEST(slave.tables.ends[1] == before);  // behind what came before it, in front of the rest
  BOOST_TEST((slave.log.bytes() == master.log.bytes()));
}

BOOST_AUTO_TEST_CASE(metadata_that_is_not_taken_is_not_confirmed) {
  master.start();
  slave.start();
  pass(1s);
  slave.tables.refusal = make_error_code(boost::system::errc::no_space_on_device);
  master.tables.add("a topic", 0);
  const Confirmation answer = run(master.set->wait_metadata_confirmed(1, time.now() + 2s));
  BOOST_TEST((answer != kOk));
  BOOST_TEST((slave.state() == PeerState::failed));
  slave.tables.refusal = {};
  pass(10s);
  BOOST_TEST((run(master.set->wait_metadata_confirmed(1, time.now() + 3s)) == kOk));
}

BOOST_AUTO_TEST_CASE(changed_bytes_on_the_way_are_not_stored) {
  master.start();
  std::unique_ptr<Listener> proxy = network.listen(executor(), Address("10.0.0.50", 1));
  slave.start(Address("10.0.0.50", 1));
  std::unique_ptr<Stream> from_slave;
  const auto accept = [&]() -> asio::awaitable<void> {
    from_slave = co_await proxy->accept(executor());
  };
  run(accept());
  Bytes to_slave(*this, std::move(from_slave));
  Bytes to_master = Bytes::connect(*this);
  const auto forward = [&](bool change) {
    for (int i = 0; i < 6; ++i) {
      to_master.send(to_slave.receive(65536, 2ms));
      std::string bytes = to_master.receive(65536, 2ms);
      if (change && bytes.size() > 60) bytes[bytes.size() - 20] ^= 1;
      if (!bytes.empty()) to_slave.send(std::move(bytes));
    }
  };
  forward(false);
  BOOST_TEST((slave.state() == PeerState::transfer));
  master.log.store("a message whose bytes change on the way");
  forward(true);
  BOOST_TEST((slave.state() == PeerState::bad_bytes));
  BOOST_TEST(slave.log.end() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
