#include "comet/replication/history.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "comet/base/files.hpp"
#include "memory_log.hpp"
#include "temp_directory.hpp"

using namespace comet;
using namespace comet::replication;
using comet::replication::test::Disk;
using comet::replication::test::MemoryStateFile;

BOOST_AUTO_TEST_SUITE(history)

BOOST_AUTO_TEST_CASE(what_was_promised_and_begun_is_there_after_a_restart) {
  const comet::test::TempDirectory directory;
  const std::string path = directory.path() + "/config/replication";
  std::string log_id;
  {
    History before(disk_state_file(path));
    BOOST_TEST(before.promised() == 0);
    BOOST_TEST(!before.promise(3));
    BOOST_TEST(!before.begin_mastership(EpochEntry(4, 1000, 0xABCDEF)));
    before.note_confirmed(900);
    BOOST_TEST(!before.save());
    log_id = before.log_id();
  }
  const History after(disk_state_file(path));
  BOOST_TEST(after.promised() == 4);
  BOOST_TEST(after.confirmed() == 900);
  BOOST_TEST(after.log_id() == log_id);
  BOOST_TEST(log_id.size() == 32u);
  BOOST_TEST((after.epochs().entries() == std::vector{EpochEntry(4, 1000, 0xABCDEF)}));
}

BOOST_AUTO_TEST_CASE(a_damaged_file_stops_the_start) {
  auto disk = std::make_shared<Disk>();
  BOOST_TEST(!History(std::make_unique<MemoryStateFile>(disk)).promise(77));
  const std::string good = disk->state;
  for (std::size_t at = 0; at < good.size(); ++at) {
    disk->state = good;
    disk->state[at] = static_cast<char>(disk->state[at] ^ 1);
    BOOST_CHECK_THROW(History(std::make_unique<MemoryStateFile>(disk)), Error);
    disk->state = good.substr(0, at);
    if (at > 0) BOOST_CHECK_THROW(History(std::make_unique<MemoryStateFile>(disk)), Error);
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_has_not_happened) {
  auto disk = std::make_shared<Disk>();
  auto file = std::make_unique<MemoryStateFile>(disk);
  MemoryStateFile& handle = *file;
  History state(std::move(file));
  handle.fails = true;
  BOOST_TEST(state.promise(5).failed());
  BOOST_TEST(state.promised() == 0);
  BOOST_TEST(state.begin_mastership(EpochEntry(6, 0, 1)).failed());
  BOOST_TEST(state.epochs().empty());
}

BOOST_AUTO_TEST_CASE(a_log_of_one_broker_alone_has_no_file_until_its_first_replica_comes) {
  auto disk = std::make_shared<Disk>();
  std::string log_id;
  {
    History state(std::make_unique<MemoryStateFile>(disk));
    state.begin_unshared_mastership(EpochEntry(1, 500, 77));
    state.note_confirmed(600);
    BOOST_TEST(!state.is_shared());
    BOOST_TEST(disk->state.empty());
    BOOST_TEST(!state.note_replica(1, "10.0.0.2:10911"));
    BOOST_TEST(state.is_shared());
    log_id = state.log_id();
  }
  const History after(std::make_unique<MemoryStateFile>(disk));
  BOOST_TEST(after.is_shared());
  BOOST_TEST(after.log_id() == log_id);
  BOOST_TEST((after.epochs().entries() == std::vector{EpochEntry(1, 500, 77)}));
  BOOST_TEST((after.replicas() == History::Replicas{{1, "10.0.0.2:10911"}}));
}

BOOST_AUTO_TEST_CASE(a_replica_that_is_known_is_not_written_again) {
  auto disk = std::make_shared<Disk>();
  auto file = std::make_unique<MemoryStateFile>(disk);
  MemoryStateFile& handle = *file;
  History state(std::move(file));
  BOOST_TEST(!state.note_replica(2, "10.0.0.3:10911"));
  handle.fails = true;
  BOOST_TEST(!state.note_replica(2, "10.0.0.3:10911"));
  BOOST_TEST(state.note_replica(2, "10.0.0.4:10911").failed());
  BOOST_TEST(state.note_replica(3, "10.0.0.3:10911").failed());
  BOOST_TEST((state.replicas() == History::Replicas{{2, "10.0.0.3:10911"}}));
}

BOOST_AUTO_TEST_CASE(what_peers_say_of_themselves_breaks_no_line_and_is_bounded) {
  auto disk = std::make_shared<Disk>();
  {
    History state(std::make_unique<MemoryStateFile>(disk));
    BOOST_TEST(!state.note_replica(1, "a b\nepoch 9 9 9"));
    BOOST_TEST(!state.note_replica(2, ""));
    for (int id = 3; id < 200; ++id) BOOST_TEST(!state.note_replica(id, "h:1"));
  }
  const History after(std::make_unique<MemoryStateFile>(disk));
  BOOST_TEST(after.epochs().empty());
  BOOST_TEST(after.replicas().size() == History::kMostReplicas);
  BOOST_TEST(after.replicas().contains(199));
}

BOOST_AUTO_TEST_CASE(what_is_confirmed_has_a_note_of_its_own) {
  auto disk = std::make_shared<Disk>();
  History state(std::make_unique<MemoryStateFile>(disk));
  BOOST_TEST(!state.begin_mastership(EpochEntry(4, 1000, 1)));
  state.note_confirmed(1200);
  const std::string note = state.confirmed_note();
  History after(std::make_unique<MemoryStateFile>(disk));
  BOOST_TEST(after.confirmed() == 0);
  for (std::size_t at = 0; at < note.size(); ++at) {
    std::string damaged = note;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    after.take_confirmed_note(damaged);
    after.take_confirmed_note(note.substr(0, at));
  }
  BOOST_TEST(after.confirmed() == 0);
  after.take_confirmed_note(note);
  BOOST_TEST(after.confirmed() == 1200);
  History other(std::make_unique<MemoryStateFile>(std::make_shared<Disk>()));
  BOOST_TEST(!other.begin_mastership(EpochEntry(4, 1000, 1)));
  other.take_confirmed_note(note);
  BOOST_TEST(other.confirmed() == 0);
}

BOOST_AUTO_TEST_CASE(a_mastership_knows_nothing_to_be_confirmed_behind_its_start) {
  History state(std::make_unique<MemoryStateFile>(std::make_shared<Disk>()));
  state.note_confirmed(1000);
  BOOST_TEST(!state.begin_mastership(EpochEntry(2, 800, 1)));
  BOOST_TEST(state.confirmed() == 800);
}

BOOST_AUTO_TEST_SUITE_END()
