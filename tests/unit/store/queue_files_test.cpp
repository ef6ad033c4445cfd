// What a power cut leaves of the files of the queues: the start builds from the log what is
// missing.

#include <boost/test/unit_test.hpp>

#include "consume_queue.hpp"
#include "store_support.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

class QueueFilesLeft : public StoreOnDisk {
 public:
  QueueFilesLeft() {
    config.commit_log_file_size = 64 * 1024;
    open();
  }
  static std::string body_of(int i) { return "message " + std::to_string(i); }
  void fill(int count) {
    for (int i = 0; i < count; ++i) must_append(*core, record_of("T", 0, body_of(i)));
  }
  void check(int count) {
    const std::vector<std::string> bodies = bodies_of(*core, "T", 0);
    BOOST_TEST_REQUIRE(bodies.size() == static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
      BOOST_TEST_REQUIRE(bodies[static_cast<std::size_t>(i)] == body_of(i));
    }
  }
  void kill() {
    write_units(*core);
    core.reset();
  }
  // Of the messages up to here the log has none any more; killed.
  void let_log_expire() {
    const std::string large(30'000, 'u');
    for (int i = 0; i < 3; ++i) must_append(*core, record_of("U", 0, large));
    BOOST_TEST_REQUIRE(!core->write_checkpoint([] {}));
    kill();
    fs::remove(log_file(config.root, 0));
  }
  fs::path file(std::int64_t queue_offset) const {
    return queue_file(config.root, "T", 0, queue_offset * QueueUnit::kSize);
  }
  // `bytes` of one more.
  void resize(std::int64_t queue_offset, int units, int bytes = 0) const {
    fs::resize_file(file(queue_offset),
                    static_cast<std::uintmax_t>(units) * 20 + static_cast<std::uintmax_t>(bytes));
  }
};

constexpr int kPerFile = 20;

}  // namespace

BOOST_AUTO_TEST_SUITE(queue_files_left)

// The one that is left has units that look as if the checkpoint vouched for them.
BOOST_FIXTURE_TEST_CASE(messages_of_a_lost_first_file_are_found_beside_torn_units, QueueFilesLeft) {
  must_append(*core, record_of("U", 0, "in front of the checkpoint"));
  BOOST_TEST_REQUIRE(!core->write_checkpoint([] {}));
  fill(30);
  kill();
  fs::remove(file(0));
  QueueUnit torn;
  torn.size = 1;
  std::string bytes(QueueUnit::kSize, '\0');
  torn.encode_to(bytes.data());
  for (int i = 0; i < 10; ++i) write_at(file(kPerFile), i * QueueUnit::kSize, bytes);
  for (int starts = 0; starts < 3; ++starts) {
    open();
    check(30);
    core.reset();
  }
}

// A cut and the growth that follows it are two steps of the file system.
BOOST_FIXTURE_TEST_CASE(a_short_file_in_front_of_others_tells_of_offsets_that_were_given,
                        QueueFilesLeft) {
  fill(30);
  let_log_expire();
  resize(0, 5, 7);
  resize(kPerFile, 0);
  for (int starts = 0; starts < 3; ++starts) {
    open();
    BOOST_TEST(core->max_offset("T", 0) >= 5);
    core.reset();
  }
  open();
  BOOST_TEST(must_append(*core, record_of("T", 0, "next")).queue_offset >= 5);
}

BOOST_FIXTURE_TEST_CASE(offsets_go_on_when_the_size_of_queue_files_is_another, QueueFilesLeft) {
  fill(2 * kPerFile + 10);
  let_log_expire();
  for (int units : {kPerFile / 2, kPerFile, 5 * kPerFile, 7, 2 * kPerFile, kPerFile}) {
    config.consume_queue_file_size = units * QueueUnit::kSize;
    for (int starts = 0; starts < 2; ++starts) {
      open();
      BOOST_TEST_CONTEXT("files of " << units << " units") {
        BOOST_TEST(core->max_offset("T", 0) == 2 * kPerFile + 10);
      }
      if (starts == 0) core->close();
      core.reset();
    }
  }
}

BOOST_FIXTURE_TEST_CASE(messages_are_found_when_the_size_of_queue_files_is_another,
                        QueueFilesLeft) {
  fill(2 * kPerFile + 10);
  for (int units : {kPerFile / 2, kPerFile, 5 * kPerFile, 7, 2 * kPerFile, kPerFile}) {
    core->close();
    config.consume_queue_file_size = units * QueueUnit::kSize;
    for (int starts = 0; starts < 2; ++starts) {
      open();
      BOOST_TEST_CONTEXT("files of " << units << " units") { check(2 * kPerFile + 10); }
      for (const auto& entry : fs::directory_iterator(file(0).parent_path())) {
        BOOST_TEST(fs::file_size(entry) == static_cast<std::uintmax_t>(units) * 20);
      }
    }
  }
}

// Of messages that the checkpoint vouches for, and behind which the queue has got no other.
BOOST_FIXTURE_TEST_CASE(a_queue_with_a_lost_or_a_short_file_is_built_from_the_log, QueueFilesLeft) {
  config.commit_log_file_size = 4096;
  fs::remove_all(config.root);
  open();
  fill(3 * kPerFile);
  const std::string large(3000, 'u');
  for (int i = 0; i < 5; ++i) must_append(*core, record_of("U", 0, large));
  core->close();
  core.reset();
  const fs::path kept = directory.path() / "kept";
  copy_store(config.root, kept);
  for (int size : {-1, 0, 1, 5, kPerFile - 1}) {
    for (int first : {0, kPerFile, 2 * kPerFile}) {
      // Of what a queue begins or ends with nothing tells when it is gone.
      if (size < 0 && first != kPerFile) continue;
      copy_store(kept, config.root);
      if (size < 0) fs::remove(file(first));
      if (size >= 0) resize(first, size, size);
      open();
      BOOST_TEST_CONTEXT("file " << first << " with " << size << " units") {
        check(3 * kPerFile);
        core.reset();
        open();
        check(3 * kPerFile);
      }
    }
  }
}

// A kill between the making of a file and its growth: what the checkpoint does not vouch for is
// looked for behind that, as always.
BOOST_FIXTURE_TEST_CASE(a_file_that_was_just_made_has_no_start_read_the_whole_log, QueueFilesLeft) {
  config.commit_log_file_size = 4096;
  fs::remove_all(config.root);
  open();
  fill(3 * kPerFile);
  BOOST_TEST_REQUIRE(!core->write_checkpoint([] {}));
  must_append(*core, record_of("New", 0, "first"));
  kill();
  fs::resize_file(queue_file(config.root, "New", 0, 0), 0);
  int reads = 0;
  files.fail_when([&](Call call, const std::string& path) {
    reads += call == Call::read && path == log_file(config.root, 0) ? 1 : 0;
    return error_code();
  });
  open();
  files.fail_no_more();
  BOOST_TEST(reads <= 1);  // the store time of its first record
  BOOST_TEST((bodies_of(*core, "New", 0) == std::vector<std::string>{"first"}));
  check(3 * kPerFile);
}

// Whatever a start has done of it, the next one finds all.
BOOST_FIXTURE_TEST_CASE(a_start_that_ends_half_way_takes_no_message_and_no_offset, QueueFilesLeft) {
  fill(3 * kPerFile);
  core->close();
  core.reset();
  const fs::path kept = directory.path() / "kept";
  copy_store(config.root, kept);
  for (int size : {1, 5 * kPerFile}) {
    bool has_failed = true;
    for (int call = 0; has_failed; ++call) {
      copy_store(kept, config.root);
      has_failed = false;
      resize(0, size);
      files.fail_when([&, calls = 0](Call kind, const std::string& path) mutable {
        const bool changes = kind == Call::create || kind == Call::write || kind == Call::resize ||
                             kind == Call::remove;
        if (!changes || path.find("consumequeue") == std::string::npos || calls++ < call) {
          return error_code();
        }
        has_failed = true;
        return system_error(EIO);
      });
      try {
        open();
      } catch (const Error&) {
        core.reset();
      }
      files.fail_no_more();
      open();
      BOOST_TEST_CONTEXT("file of " << size << " units, call " << call) { check(3 * kPerFile); }
      BOOST_TEST_REQUIRE(call < 100);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
