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

BOOST_AUTO_TEST_SUITE_END()
