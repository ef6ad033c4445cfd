// Directories of another kind of store are not begun anew.

#include "foreign_store.hpp"

#include <string>
#include <vector>

#include "checkpoint.hpp"
#include "store_directory.hpp"
#include "store_support.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

struct Directory {
  void write(const std::string& name, const std::string& text) const {
    const fs::path path = fs::path(directory.store()) / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  // What the start says; "accepted" when it goes on.
  [[nodiscard]] std::string start() const {
    try {
      const StoreDirectory opened(posix_files(), small_config(directory));
    } catch (const Error& problem) {
      BOOST_TEST((problem.code() == StoreErrc::foreign_format));
      return problem.context();
    }
    return "accepted";
  }
  TempDirectory directory;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(foreign_store, Directory)

BOOST_AUTO_TEST_CASE(rocksdb_that_holds_something_refuses_the_start_by_name) {
  for (const std::string path :
       {"consumequeue", "consumequeue_rocksdb", "config/topics", "config/subscriptionGroups",
        "config/consumerOffsets", "config/metadata", "config/rdb", "kvStore", "rocksdbstore"}) {
    const Directory fresh;
    fresh.write(path + "/CURRENT", "MANIFEST-000005\n");
    fresh.write(path + "/000004.log", "");
    BOOST_TEST(fresh.start() == "accepted");  // RocketMQ 5.5.0 makes such a rocksdbstore always
    fresh.write(path + "/000010.sst", "table");
    const std::string refusal = fresh.start();
    BOOST_TEST(refusal.starts_with(fresh.directory.store() + "/" + path + " holds RocketMQ's "),
               refusal);
    fs::remove(fs::path(fresh.directory.store()) / path / "000010.sst");
    fresh.write(path + "/000004.log", "open log");
    BOOST_TEST(fresh.start() == refusal);
  }
}

// RocketMQ 5.5.0 writes no log for RocksDB: a kill leaves nothing in it, but half messages of a
// topic that is not asked about.
BOOST_AUTO_TEST_CASE(half_messages_of_a_killed_rocksdb_refuse_the_start_unless_they_were_ours) {
  write("rocksdbstore/CURRENT", "MANIFEST-000005\n");
  write("rocksdbstore/000004.log", "");
  write("commitlog/00000000000000000000", "records");
  const std::string topic = "consumequeue/RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC";
  write(topic + "/0/00000000000000000000", "units");
  const std::string refusal = start();
  BOOST_TEST(refusal.starts_with(directory.store() + "/" + topic + " holds "), refusal);
  BOOST_TEST(refusal.find("transRocksDBEnable") != std::string::npos, refusal);
  // A start that was asked to go on without builds that queue from the log like any other.
  Checkpoint ours;
  ours.log_end = 7;
  BOOST_TEST(!write_checkpoint(posix_files(), directory.store() + "/checkpoint", ours));
  BOOST_TEST(start() == "accepted");
}

BOOST_AUTO_TEST_CASE(a_refused_start_leaves_the_directory_as_it_was) {
  write("config/topics/CURRENT", "MANIFEST-000005\n");
  write("config/topics/000010.sst", "table");
  BOOST_TEST(start() != "accepted");
  BOOST_TEST(!fs::exists(fs::path(directory.store()) / "commitlog"));
  BOOST_TEST(!fs::exists(fs::path(directory.store()) / "consumequeue"));
  BOOST_TEST(!fs::exists(fs::path(directory.store()) / "abort"));
}

BOOST_AUTO_TEST_CASE(a_log_of_dledgers_and_queues_with_extension_files_refuse_the_start) {
  write("dledger-n0/data/00000000000000000000", "entries");
  BOOST_TEST(start().find("dledger-n0 holds a log of DLedger's") != std::string::npos);
  const Directory other;
  other.write("consumequeue_ext/T/0/00000000000000000000", "tags");
  BOOST_TEST(other.start().find("enableConsumeQueueExt") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_topic_named_like_a_file_of_rocksdbs_is_a_topic) {
  write("commitlog/00000000000000000000", "records");
  write("consumequeue/CURRENT/0/00000000000000000000", "units");
  write("consumequeue/x.sst/0/00000000000000000000", "units");
  BOOST_TEST(start() == "accepted");
}

BOOST_AUTO_TEST_SUITE_END()
