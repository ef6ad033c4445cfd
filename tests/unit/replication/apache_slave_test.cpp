// Our replica under a master on Apache's wire: bytes from a script (ha.md 3, 13, 14).

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>

#include "log_lines.hpp"
#include "world.hpp"

using namespace comet;
using namespace comet::replication;
using namespace comet::replication::test;

namespace {

struct Fixture : World {
  Fixture()
      : listener(network.listen(executor(), kHaAddress)),
        slave(*this),
        source(executor(), time, std::make_shared<Disk>(), kFile) {
    slave.config.wire = WirePolicy::apache;
    slave.master_end = [this]() -> asio::awaitable<std::int64_t> { return answer_end(); };
  }
  asio::awaitable<std::int64_t> answer_end() {
    ++asked;
    if (master_end < 0) throw Error(asio::error::timed_out, "ask for the end");
    co_return master_end;
  }
  // The next connection of the replica.
  Bytes accept(Duration within = 30s) {
    std::unique_ptr<Stream> stream;
    run(accept_into(stream), within);
    return {*this, std::move(stream)};
  }
  asio::awaitable<void> accept_into(std::unique_ptr<Stream>& stream) {
    stream = co_await listener->accept(executor());
  }
  std::int64_t report(Bytes& peer, Duration within = 10s) {
    const std::string bytes = peer.receive(8, within);
    return bytes.size() == 8 ? load_be<std::int64_t>(bytes.data()) : -1;
  }
  // Connections within the time; each is closed at once.
  int count_connects(Duration within) {
    int count = 0;
    const Instant end = time.now() + within;
    while (time.now() < end) {
      std::unique_ptr<Stream> stream;
      try {
        run(with_deadline(accept_into(stream), end, time, "accept"));
      } catch (const Error&) {
        break;
      }
      stream->close();
      ++count;
    }
    return count;
  }

  std::unique_ptr<Listener> listener;
  Slave slave;
  MemoryLog source;  // what the master has
  std::int64_t master_end = 0;
  int asked = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(apache_slave, Fixture)

BOOST_AUTO_TEST_CASE(it_reports_at_once_copies_and_reports_what_it_has) {
  source.store("first");
  const std::int64_t end = source.store("second");
  slave.start();
  Bytes master = accept();
  BOOST_TEST(report(master, 10ms) == 0);
  master.send(frame_of(0, source.bytes()));
  BOOST_TEST(report(master, 10ms) == end);
  BOOST_TEST((slave.log.bytes() == source.bytes()));
  BOOST_TEST((slave.state() == PeerState::transfer));
  BOOST_TEST(asked == 0);  // an empty log is never ahead
  master.send(frame_of(end, ""));
  const Instant begin = time.now();
  BOOST_TEST(report(master) == end);
  BOOST_TEST((time.now() - begin <= 5s));
}

BOOST_AUTO_TEST_CASE(frames_cut_anywhere_and_split_heads_are_put_together) {
  for (int i = 0; i < 20; ++i) source.store(std::string(static_cast<std::size_t>(17 * i), 'x'));
  network.set_max_read(5);
  slave.start();
  Bytes master = accept();
  const std::string log(source.bytes());
  for (std::size_t at = 0; at < log.size();) {
    const std::size_t room = static_cast<std::size_t>(kFile) - at % static_cast<std::size_t>(kFile);
    const std::size_t size = std::min({std::size_t{77}, log.size() - at, room});
    master.send(frame_of(static_cast<std::int64_t>(at), log.substr(at, size)));
    at += size;
  }
  pass(1s);
  BOOST_TEST((slave.log.bytes() == source.bytes()));
}

BOOST_AUTO_TEST_CASE(an_incomplete_record_is_not_reported_and_comes_again_after_a_cut) {
  const std::int64_t first = source.store("first");
  const std::int64_t end = source.store("second");
  master_end = end;
  slave.start();
  {
    Bytes master = accept();
    BOOST_TEST(report(master) == 0);
    master.send(frame_of(0, source.bytes().substr(0, static_cast<std::size_t>(first + 30))));
    BOOST_TEST(report(master) == first);
    master.close();
  }
  Bytes master = accept();
  BOOST_TEST(report(master) == first);
  master.send(frame_of(first, source.bytes().substr(static_cast<std::size_t>(first))));
  BOOST_TEST(report(master) == end);
  BOOST_TEST((slave.log.bytes() == source.bytes()));
}

BOOST_AUTO_TEST_CASE(only_what_is_on_disk_is_reported_where_it_flushes) {
  slave.start();
  slave.stop();
  Slave careful(*this, 2, std::make_shared<Disk>(), MemoryLog::Flush::sync);
  careful.config.wire = WirePolicy::apache;
  careful.master_end = slave.master_end;
  careful.start();
  Bytes dead = accept();  // the first one's
  Bytes master = accept();
  const std::int64_t end = source.store("first");
  BOOST_TEST(report(master) == 0);
  master.send(frame_of(0, source.bytes()));
  BOOST_TEST(report(master, 4s) == -1);
  BOOST_TEST(report(master, 2s) == 0);  // it is time to report, and there is nothing new
  careful.log.sync();
  BOOST_TEST(report(master, 10ms) == end);
}

BOOST_AUTO_TEST_CASE(the_newest_file_first_is_where_an_empty_log_begins) {
  while (source.end() < 2 * kFile + 100) source.store(std::string(500, 'm'));
  slave.start();
  Bytes master = accept();
  BOOST_TEST(report(master) == 0);
  master.send(frame_of(2 * kFile, ""));  // an empty heartbeat may come first
  master.send(frame_of(2 * kFile, source.bytes().substr(2 * kFile)));
  BOOST_TEST(report(master) == source.end());
  BOOST_TEST(slave.log.begin() == 2 * kFile);
}

BOOST_AUTO_TEST_CASE(it_never_reports_more_than_the_master_has) {
  const comet::test::LogLines lines;
  const std::int64_t end = slave.log.store("mine");
  master_end = end - 1;
  slave.start();
  Bytes master = accept();
  BOOST_TEST(report(master, 4s) == -1);
  BOOST_TEST((slave.state() == PeerState::ahead));
  BOOST_TEST(asked >= 1);
  const int connects = count_connects(30s);
  BOOST_TEST((connects >= 5 && connects <= 8));  // at the longest pause, not in a loop
  BOOST_TEST(lines.count(fmt::format("this log ends at {}, behind the master's end {}", end,
                                     end - 1)) == 1);
  BOOST_TEST(slave.log.appends() == 0);
}

BOOST_AUTO_TEST_CASE(without_an_answer_about_the_end_nothing_is_reported) {
  slave.log.store("mine");
  master_end = -1;
  slave.start();
  Bytes master = accept();
  BOOST_TEST(report(master, 4s) == -1);
  BOOST_TEST(slave.client->status().problem.find("does not say where its log ends") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_frame_elsewhere_ends_the_connection_and_changes_nothing) {
  const std::int64_t end = slave.log.store("mine");
  const std::string before(slave.log.bytes());
  master_end = end;
  slave.start();
  for (const std::int64_t at : {end + 1, end - 1}) {
    Bytes master = accept();
    BOOST_TEST(report(master) == end);
    source.store("x");
    master.send(frame_of(at, source.bytes()));
    BOOST_TEST(master.closes(1s).has_value());
  }
  BOOST_TEST((slave.state() == PeerState::diverged));
  BOOST_TEST(slave.client->status().problem ==
             fmt::format("the master goes on at {}, this log ends at {}", end - 1, end));
  BOOST_TEST(slave.log.bytes() == before);
  BOOST_TEST(slave.client->counters().reconnects.at("diverged") == 2u);
}

BOOST_AUTO_TEST_CASE(another_file_size_is_seen_before_anything_is_stored) {
  slave.start();
  {
    Bytes master = accept();
    BOOST_TEST(report(master) == 0);
    master.send(frame_of(1024, "x"));
    BOOST_TEST(master.closes(1s).has_value());
    BOOST_TEST((slave.state() == PeerState::other_file_size));
  }
  Bytes master = accept();
  BOOST_TEST(report(master) == 0);
  master.send(frame_of(0, std::string(kFile + 1, 'x')));
  BOOST_TEST(master.closes(1s).has_value());
  BOOST_TEST((slave.state() == PeerState::other_file_size));
  BOOST_TEST(slave.log.appends() == 0);
}

BOOST_AUTO_TEST_CASE(foreign_bytes_end_the_connection) {
  slave.start();
  Bytes master = accept();
  BOOST_TEST(report(master) == 0);
  master.send("HTTP/1.1 400 Bad Request\r\n\r\n");
  BOOST_TEST(master.closes(1s).has_value());
  BOOST_TEST((slave.state() == PeerState::bad_bytes));
  BOOST_TEST(slave.log.appends() == 0);
}

BOOST_AUTO_TEST_CASE(a_mute_master_is_noticed) {
  slave.start();
  Bytes master = accept();
  const Instant begin = time.now();
  BOOST_TEST(report(master) == 0);
  std::optional<Duration> took = master.closes(25s);
  BOOST_REQUIRE(took);
  BOOST_TEST((time.now() - begin >= 20s && time.now() - begin <= 21s));
  Bytes again = accept(1s);
  BOOST_TEST(report(again) == 0);
}

BOOST_AUTO_TEST_CASE(a_master_that_accepts_and_closes_is_called_five_times_in_ten_seconds) {
  slave.start();
  const int connects = count_connects(10s);
  BOOST_TEST((connects >= 4 && connects <= 5));
  BOOST_TEST(slave.client->counters().reconnects.at("lost") >= 4u);
}

BOOST_AUTO_TEST_CASE(nobody_there_is_tried_less_and_less_and_found_when_he_comes) {
  listener.reset();
  slave.start();
  pass(60s);
  const std::uint64_t tries = slave.client->counters().reconnects.at("unreachable");
  BOOST_TEST((tries >= 12u && tries <= 20u));
  listener = network.listen(executor(), kHaAddress);
  Bytes master = accept(7s);
  BOOST_TEST(report(master) == 0);
}

BOOST_AUTO_TEST_CASE(a_full_disk_means_no_report) {
  slave.start();
  Bytes master = accept();
  BOOST_TEST(report(master) == 0);
  source.store("first");
  slave.log.refuse_appends(make_error_code(store::StoreErrc::disk_full));
  master.send(frame_of(0, source.bytes()));
  BOOST_TEST(report(master, 1s) == -1);
  BOOST_TEST((slave.state() == PeerState::failed));
  BOOST_TEST(slave.client->status().problem.find("no space left") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(another_address_is_followed_at_once) {
  slave.start();
  Bytes old = accept();
  BOOST_TEST(report(old) == 0);
  const Address other("10.0.0.8", 10912);
  listener = network.listen(executor(), other);
  slave.client->set_master(other);
  BOOST_TEST(old.closes(10ms).has_value());
  Bytes now = accept(1s);
  BOOST_TEST(report(now) == 0);
  slave.client->set_master(std::nullopt);  // nobody knows: the connection that works stays
  BOOST_TEST(!now.closes(1s).has_value());
}

BOOST_AUTO_TEST_CASE(ours_is_tried_first_and_apaches_after_five_seconds_of_silence) {
  const comet::test::LogLines lines;
  slave.config.wire = WirePolicy::automatic;
  slave.start();
  const Instant begin = time.now();
  {
    Bytes probed = accept();
    BOOST_TEST(probed.receive(8, 1s) == "\x8F\x43OMETHA");
    BOOST_TEST(probed.closes(6s).has_value());
    BOOST_TEST((time.now() - begin >= 5s && time.now() - begin < 5100ms));
  }
  Bytes master = accept(1s);
  BOOST_TEST(report(master) == 0);
  BOOST_TEST((slave.client->status().wire == Wire::apache));
  BOOST_TEST(lines.count("Apache's wire from now on") == 1);
}

BOOST_AUTO_TEST_CASE(a_log_with_epochs_is_not_joined_unseen_to_a_master_without) {
  BOOST_TEST(!slave.history.begin_mastership(EpochEntry(1, 0, 1)));
  slave.config.wire = WirePolicy::automatic;
  slave.start();
  for (int i = 0; i < 3; ++i) {
    Bytes probed = accept();
    BOOST_TEST(probed.receive(8, 1s) == "\x8F\x43OMETHA");
    BOOST_TEST(probed.closes(6s).has_value());
  }
  BOOST_TEST((slave.state() == PeerState::bad_bytes));
}

BOOST_AUTO_TEST_SUITE_END()
