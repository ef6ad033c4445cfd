// Our master as replicas on Apache's wire see it: bytes from a script (ha.md 3, 13, 14).

#include <boost/test/unit_test.hpp>

#include "log_lines.hpp"
#include "world.hpp"

using namespace comet;
using namespace comet::replication;
using namespace comet::replication::test;

namespace {

struct Fixture : World {
  Fixture() : master(*this) {}
  // The frames' bodies that come within the time, as one piece of log; checks that they go on.
  std::string receive_log(Bytes& peer, std::int64_t from, std::int64_t to) {
    std::string log;
    while (from + static_cast<std::int64_t>(log.size()) < to) {
      const std::string head = peer.receive(12);
      if (head.size() < 12) break;
      const auto offset = load_be<std::int64_t>(head.data());
      const auto size = load_be<std::int32_t>(head.data() + 8);
      BOOST_REQUIRE_EQUAL(offset, from + static_cast<std::int64_t>(log.size()));
      BOOST_REQUIRE_LE(size, 32768);
      if (size > 0) BOOST_REQUIRE_EQUAL(offset / kFile, (offset + size - 1) / kFile);
      log += peer.receive(static_cast<std::size_t>(size));
    }
    return log;
  }
  ReplicaStatus only_replica() {
    const MasterStatus status = master.set->status();
    BOOST_REQUIRE_EQUAL(status.replicas.size(), 1u);
    return status.replicas.front();
  }
  Master master;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(apache_master, Fixture)

BOOST_AUTO_TEST_CASE(it_says_nothing_before_the_first_eight_bytes) {
  master.log.store("a");
  master.start();
  Bytes peer = Bytes::connect(*this);
  BOOST_TEST(peer.receive(1, 15s).empty());
  peer.send(report_of(0).substr(0, 7));
  BOOST_TEST(peer.receive(1, 4s).empty());
  peer.send(report_of(0).substr(7));
  BOOST_TEST(receive_log(peer, 0, master.log.end()) == master.log.bytes());
}

BOOST_AUTO_TEST_CASE(an_exchange_is_the_recorded_one) {
  master.start();
  Bytes peer = Bytes::connect(*this);
  peer.send(report_of(0));
  pass(100ms);
  const std::int64_t end = master.log.store(std::string(200, 'x'));
  const std::string head = peer.receive(12);
  BOOST_TEST(head == frame_of(0, std::string(static_cast<std::size_t>(end), ' ')).substr(0, 12));
  const std::string body = peer.receive(static_cast<std::size_t>(end));
  BOOST_TEST(body == master.log.bytes());
  BOOST_TEST(load_be<std::uint32_t>(body.data() + 4) == 0xDAA320A7u);
  peer.send(report_of(end));
  BOOST_TEST(peer.receive(12, 6s) == frame_of(end, ""));  // the heartbeat, within 5 s
  BOOST_TEST(only_replica().confirmed == end);
}

BOOST_AUTO_TEST_CASE(data_comes_as_soon_as_it_is_stored) {
  master.start();
  Bytes peer = Bytes::connect(*this);
  peer.send(report_of(0));
  pass(1s);
  master.log.store("a");
  BOOST_TEST(peer.receive(12, 2ms).size() == 12u);
}

BOOST_AUTO_TEST_CASE(an_empty_replica_gets_three_files_from_the_first_byte) {
  while (master.log.end() < 2 * kFile + 100) master.log.store(std::string(500, 'm'));
  master.start();
  Bytes peer = Bytes::connect(*this);
  peer.send(report_of(0));
  BOOST_TEST(receive_log(peer, 0, master.log.end()) == master.log.bytes());
}

BOOST_AUTO_TEST_CASE(an_empty_replica_gets_the_newest_file_when_that_is_set) {
  while (master.log.end() < 2 * kFile + 100) master.log.store(std::string(500, 'm'));
  master.config.sync_from_last_file = true;
  master.start();
  Bytes peer = Bytes::connect(*this);
  peer.send(report_of(0));
  const std::string log = receive_log(peer, 2 * kFile, master.log.end());
  BOOST_TEST(log == master.log.bytes().substr(2 * kFile));
}

BOOST_AUTO_TEST_CASE(a_replica_goes_on_exactly_where_it_says_even_inside_a_record) {
  master.log.store("first");
  master.log.store("second");
  master.start();
  Bytes peer = Bytes::connect(*this);
  peer.send(report_of(50));
  BOOST_TEST(receive_log(peer, 50, master.log.end()) == master.log.bytes().substr(50));
}

BOOST_AUTO_TEST_CASE(a_hundred_reports_in_one_segment_count_as_the_last) {
  master.start();
  Bytes peer = Bytes::connect(*this);
  peer.send(report_of(0));
  const std::int64_t end = master.log.store("a");
  pass(10ms);
  std::string many;
  for (std::int64_t i = 0; i < 99; ++i) many += report_of(i % end);
  peer.send(many + report_of(end));
  pass(10ms);
  BOOST_TEST(only_replica().confirmed == end);
}

BOOST_AUTO_TEST_CASE(a_replica_that_is_ahead_gets_nothing_and_counts_for_nothing) {
  const comet::test::LogLines lines;
  const std::int64_t end = master.log.store("a");
  master.start();
  for (const std::int64_t ahead : {end + 1, end + kFile}) {
    Bytes peer = Bytes::connect(*this);
    peer.send(report_of(ahead));
    // A heartbeat at its own offset keeps a Java replica quiet; nothing else comes.
    BOOST_TEST(peer.receive(1000, 6s) == frame_of(ahead, ""));
    BOOST_TEST((only_replica().state == PeerState::ahead));
    BOOST_TEST((master.send("b") == Confirmation::slave_not_available));
    // Not even when our log has grown past it: those are two histories.
    while (master.log.end() < ahead + 100) master.log.store("more");
    BOOST_TEST(peer.receive(1000, 6s) == frame_of(ahead, ""));
    peer.close();
    pass(1s);
    Bytes again = Bytes::connect(*this);
    again.send(report_of(ahead));
    BOOST_TEST(again.receive(1000, 6s) == frame_of(ahead, ""));
    again.close();
    pass(1s);
    // With an empty log it is welcome again.
    Bytes empty = Bytes::connect(*this);
    empty.send(report_of(0));
    BOOST_TEST(empty.receive(1).size() == 1u);
    empty.close();
    pass(1s);
  }
  BOOST_TEST(lines.count("gets nothing and counts for nothing") == 4);
  BOOST_TEST(master.set->counters().refusals.at("ahead") == 4u);
}

BOOST_AUTO_TEST_CASE(a_replica_below_the_first_byte_is_told_apart) {
  const comet::test::LogLines lines;
  while (master.log.end() < 2 * kFile + 100) master.log.store(std::string(500, 'm'));
  master.log.delete_before(kFile);
  master.start();
  Bytes peer = Bytes::connect(*this);
  peer.send(report_of(1000));
  BOOST_TEST(peer.receive(1000, 6s) == frame_of(1000, ""));
  BOOST_TEST((only_replica().state == PeerState::below_begin));
  BOOST_TEST(lines.count("its log ends at 1000, this master's first byte is 4096") == 1);
  BOOST_TEST((master.send("b") == Confirmation::slave_not_available));
}

BOOST_AUTO_TEST_CASE(a_later_report_of_what_was_not_sent_has_no_effect) {
  const comet::test::LogLines lines;
  master.start();
  Bytes peer = Bytes::connect(*this);
  peer.send(report_of(0));
  pass(10ms);
  peer.send(report_of(1'000'000));
  peer.send(report_of(2'000'000));
  pass(10ms);
  BOOST_TEST(only_replica().confirmed == 0);
  BOOST_TEST(lines.count("such reports have no effect") == 1);
  const std::int64_t end = master.log.store("a");
  BOOST_TEST(receive_log(peer, 0, end).size() == static_cast<std::size_t>(end));
}

BOOST_AUTO_TEST_CASE(a_silent_replica_is_given_up_after_twenty_seconds) {
  master.start();
  Bytes peer = Bytes::connect(*this);
  peer.send(report_of(0));
  const std::optional<Duration> took = peer.closes(30s);
  BOOST_REQUIRE(took);
  BOOST_TEST((*took >= 20s && *took <= 21s));
}

BOOST_AUTO_TEST_CASE(a_silent_connection_changes_no_answer) {
  master.start();
  Bytes check = Bytes::connect(*this);  // a port check
  pass(1s);
  const Instant begin = time.now();
  BOOST_TEST((master.send("a") == Confirmation::slave_not_available));
  BOOST_TEST((time.now() == begin));  // at once
  BOOST_REQUIRE(check.closes(30s));
}

BOOST_AUTO_TEST_CASE(foreign_bytes_are_named_and_closed) {
  const comet::test::LogLines lines;
  master.start();
  for (const std::string bytes :
       {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc"}) {
    Bytes peer = Bytes::connect(*this);
    peer.send(bytes + std::string(8, '\0'));
    const std::optional<Duration> took = peer.closes(1s);
    BOOST_TEST(took.has_value());
  }
  BOOST_TEST(lines.count("no replica speaks like that: \"GET / HT\"") == 1);
}

BOOST_AUTO_TEST_CASE(connections_are_limited) {
  master.config.max_connections = 2;
  master.start();
  Bytes first = Bytes::connect(*this);
  Bytes second = Bytes::connect(*this);
  pass(1s);
  Bytes third = Bytes::connect(*this);
  BOOST_TEST(third.closes(1s).has_value());
  BOOST_TEST(master.set->counters().connections_refused == 1u);
  first.send(report_of(0));
  master.log.store("a");
  BOOST_TEST(first.receive(12).size() == 12u);
}

BOOST_AUTO_TEST_CASE(a_message_larger_than_a_frame_comes_in_several) {
  master.config.transfer_batch = 100;
  master.log.store(std::string(3000, 'x'));
  master.start();
  Bytes peer = Bytes::connect(*this);
  peer.send(report_of(0));
  BOOST_TEST(receive_log(peer, 0, master.log.end()) == master.log.bytes());
}

BOOST_AUTO_TEST_CASE(files_that_a_replica_needs_are_kept_within_bounds) {
  while (master.log.end() < 2 * kFile + 100) master.log.store(std::string(500, 'm'));
  master.config.keep_for_replica_bytes = kFile;
  master.start();
  pass(2s);
  BOOST_TEST(master.log.kept_from() == kNoLimit);
  Bytes peer = Bytes::connect(*this);
  peer.send(report_of(master.log.end()));
  pass(2s);
  BOOST_TEST(master.log.kept_from() == master.log.end());
  peer.close();
  pass(2s);
  BOOST_TEST(master.log.kept_from() == kNoLimit);
}

BOOST_AUTO_TEST_CASE(a_java_replica_counts_unless_that_is_off) {
  for (const bool counts : {true, false}) {
    Master other(*this);
    other.config.listen_at = Address("10.0.0.9", 10912);
    other.rule.count_unflushed_reports = counts;
    other.start();
    Bytes peer = Bytes::connect(*this, other.config.listen_at);
    peer.send(report_of(0));
    pass(1s);
    BOOST_TEST(other.set->size() == (counts ? 2 : 1));
    BOOST_TEST(!other.set->status().replicas.front().flushed);
    peer.close();
    pass(1s);
    BOOST_TEST(other.set->size() == 1);
  }
}

BOOST_AUTO_TEST_CASE(apaches_wire_is_refused_where_a_secret_is_set) {
  master.config.secret = "s3cret";
  master.start();
  Bytes peer = Bytes::connect(*this);
  peer.send(report_of(0));
  BOOST_TEST(peer.closes(1s).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
