// What a deposed master has and nobody else goes: for good, but for a copy, also when a crash comes
// in between.

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

#include "replica_support.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

// A slave that was master for a while: both have `common` bytes, then each its own.
class Diverged : public Replicas {
 public:
  explicit Diverged(int shared = 25, int own = 20) {
    append_mixed(*master.core, 0, shared);
    BOOST_TEST_REQUIRE(!feed());
    common = master.core->appended_end();
    append_mixed(*slave.core, 1000, 1000 + own);
    must_append(*slave.core, record_of("only here", 0, "lost", "KEYS\1gone"));
    dropped = own + 1;
    while (slave.core->build_index()) {
    }
  }
  // The master goes on, and the slave follows.
  void follow_and_check() {
    append_mixed(*master.core, 200, 240);
    BOOST_TEST_REQUIRE(!feed(777));
    check_same_files();
    for (const auto& [topic, count] : master.core->queue_counts()) {
      for (std::int32_t id = 0; id < count; ++id) {
        BOOST_TEST(slave.core->max_offset(topic, id) == master.core->max_offset(topic, id));
        BOOST_TEST((bodies_of(*slave.core, topic, id) == bodies_of(*master.core, topic, id)));
      }
    }
    BOOST_TEST(slave.core->max_offset("only here", 0) == 0);
    BOOST_TEST(found_by_key(*slave.core, "only here", "gone") == 0);
    BOOST_TEST(found_by_key(*slave.core, "A", "k12") == 1);
    BOOST_TEST(found_by_key(*slave.core, "A", "k210") == 1);
  }

  std::int64_t common = 0;
  std::int64_t dropped = 0;
};

bool has_note(const StoreOnDisk& store) { return fs::exists(store.config.root + "/logCut"); }

}  // namespace

BOOST_AUTO_TEST_SUITE(log_cut)

BOOST_AUTO_TEST_CASE(what_lies_behind_is_dropped_and_the_log_goes_on_there) {
  for (bool is_open_again : {false, true}) {
    Diverged pair;
    const Result<std::int64_t> dropped = pair.slave.core->cut(pair.common);
    BOOST_TEST_REQUIRE(dropped.has_value(), dropped.error().message());
    BOOST_TEST(*dropped == pair.dropped);
    BOOST_TEST(pair.slave.core->appended_end() == pair.common);
    BOOST_TEST(pair.slave.core->durable_end() == pair.common);
    BOOST_TEST(pair.slave.core->readable_end() == pair.common);
    BOOST_TEST(!has_note(pair.slave));
    if (is_open_again) pair.slave.open();
    pair.check_same_files();
    BOOST_TEST(pair.slave.core->appended_end() == pair.common);
    pair.follow_and_check();
    pair.slave.core->close();
    pair.slave.open();
    BOOST_TEST(!pair.slave.core->recovery_report().unclean);
    BOOST_TEST(pair.slave.core->recovery_report().truncated == 0);
    pair.check_same_files();
  }
}

BOOST_AUTO_TEST_CASE(a_copy_of_it_is_kept) {
  Diverged pair(3, 2);
  StoreCore& slave = *pair.slave.core;
  const std::string lost = raw_bytes(slave, pair.common, slave.appended_end());
  BOOST_TEST_REQUIRE(slave.cut(pair.common).has_value());
  const std::string copy =
      read_whole(pair.slave.config.root + "/damaged/00000000000000000000.damaged");
  BOOST_TEST(copy.substr(static_cast<std::size_t>(pair.common)) == lost);
}

BOOST_AUTO_TEST_CASE(a_cut_at_the_end_drops_nothing_and_one_within_a_record_is_refused) {
  Diverged pair(25, 5);
  StoreCore& slave = *pair.slave.core;
  const std::int64_t end = slave.appended_end();
  BOOST_TEST(*slave.cut(end) == 0);
  for (std::int64_t offset :
       {pair.common + 1, pair.common - 1, end - 1, end + 1, std::int64_t{-1}}) {
    BOOST_TEST((slave.cut(offset).error() == BaseErrc::bad_value), offset);
  }
  BOOST_TEST(slave.appended_end() == end);
  BOOST_TEST(!has_note(pair.slave));
  BOOST_TEST(slave.max_offset("only here", 0) == 1);
}

BOOST_AUTO_TEST_CASE(all_of_the_log_may_go) {
  Diverged pair;
  BOOST_TEST_REQUIRE(pair.slave.core->cut(0).has_value());
  BOOST_TEST(pair.slave.core->appended_end() == 0);
  BOOST_TEST(pair.slave.core->queue_counts().empty());
  BOOST_TEST_REQUIRE(!pair.feed());
  pair.follow_and_check();
}

BOOST_AUTO_TEST_CASE(the_begin_of_a_file_is_a_place_to_cut_at) {
  for (bool is_open_again : {false, true}) {
    Diverged pair;
    const std::int64_t file = pair.slave.config.commit_log_file_size;
    BOOST_TEST_REQUIRE(pair.common > file);
    BOOST_TEST_REQUIRE(pair.slave.core->cut(file).has_value());
    BOOST_TEST(pair.slave.core->appended_end() == file);
    if (is_open_again) pair.slave.open();
    BOOST_TEST(pair.slave.core->appended_end() == file);
    BOOST_TEST_REQUIRE(!pair.feed());
    pair.follow_and_check();
  }
}

BOOST_AUTO_TEST_CASE(own_messages_after_a_cut_get_the_next_offsets) {
  Diverged pair;
  const std::int64_t due = pair.master.core->max_offset("A", 0);
  BOOST_TEST_REQUIRE(pair.slave.core->max_offset("A", 0) > due);
  BOOST_TEST_REQUIRE(pair.slave.core->cut(pair.common).has_value());
  BOOST_TEST(must_append(*pair.slave.core, record_of("A", 0, "own")).queue_offset == due);
  BOOST_TEST(must_append(*pair.slave.core, record_of("only here", 0, "own")).queue_offset == 0);
}

BOOST_AUTO_TEST_CASE(a_cut_within_the_readers_limit_shows_nothing_more) {
  Diverged pair;
  pair.slave.core->set_read_limit(500);
  const std::int64_t seen = pair.slave.core->readable_end();
  BOOST_TEST_REQUIRE(pair.slave.core->cut(pair.common).has_value());
  BOOST_TEST(pair.slave.core->readable_end() == seen);
  pair.slave.core->set_read_limit(RawLog::kNoLimit);
  pair.follow_and_check();
}

BOOST_AUTO_TEST_CASE(reads_that_a_cut_meets_skip_nothing) {
  StoreOnDisk store;
  store.open();
  for (int i = 0; i < 20; ++i) must_append(*store.core, record_of("T", 0, std::string(200, 'c')));
  write_units(*store.core);
  const std::int64_t common = store.core->appended_end();
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::jthread reader([&] {
    while (!done) {
      for (std::int64_t from : {5, 19, 20, 21, 25}) {
        const ReadResult result = store.core->read("T", 0, from, ReadLimits(), {});
        const bool is_whole = result.next_offset == from + result.count ||
                              result.status == ReadStatus::offset_overflow_badly;
        if (!is_whole) ++wrong;
      }
    }
  });
  for (int round = 0; round < 40; ++round) {
    const std::string body = std::to_string(round) + std::string(500, 'o');
    for (int i = 0; i < 10; ++i) must_append(*store.core, record_of("T", 0, body));
    BOOST_TEST_REQUIRE(store.core->cut(common).has_value());
  }
  done = true;
  reader.join();
  BOOST_TEST(wrong == 0);
  BOOST_TEST(store.core->max_offset("T", 0) == 20);
}

BOOST_AUTO_TEST_CASE(every_call_of_a_cut_may_fail_and_the_next_start_finishes_it) {
  int failed = 0;
  for (int call = 0;; ++call) {
    BOOST_TEST_CONTEXT("call " << call) {
      Diverged pair;
      int calls = 0;
      pair.slave.files.fail_when([&](Call kind, const std::string&) {
        const bool changes = kind != Call::open && kind != Call::read && kind != Call::size;
        return changes && calls++ >= call ? system_error(EIO) : error_code();
      });
      const Result<std::int64_t> dropped = pair.slave.core->cut(pair.common);
      pair.slave.files.fail_no_more();
      if (dropped) break;
      ++failed;
      BOOST_TEST(!pair.slave.core->read_only_reason().empty());
      const bool was_begun = has_note(pair.slave);
      pair.slave.open();
      BOOST_TEST(!has_note(pair.slave));
      if (!was_begun) {
        // Nothing has happened, or all of it.
        const std::int64_t end = pair.slave.core->appended_end();
        if (end != pair.common) {
          BOOST_TEST(pair.slave.core->max_offset("only here", 0) == 1);
          BOOST_TEST_REQUIRE(pair.slave.core->cut(pair.common).has_value());
        }
      }
      BOOST_TEST(pair.slave.core->appended_end() == pair.common);
      pair.follow_and_check();
    }
  }
  BOOST_TEST(failed > 20);
}

BOOST_AUTO_TEST_CASE(a_note_that_another_broker_has_come_behind_is_left_alone) {
  Diverged pair;
  const std::int64_t end = pair.slave.core->appended_end();
  pair.slave.core->close();
  CutNote note;
  note.offset = pair.common;
  const std::string path = pair.slave.config.root + "/logCut";
  BOOST_TEST_REQUIRE(!write_cut_note(posix_files(), path, note));
  pair.slave.open();  // it ended in order
  BOOST_TEST(pair.slave.core->appended_end() == end);
  BOOST_TEST(!has_note(pair.slave));
}

// Apache's broker took the directory, added to the log and was killed before it wrote a checkpoint.
BOOST_AUTO_TEST_CASE(a_note_is_left_alone_when_later_records_lie_behind_it) {
  for (const bool is_late : {false, true}) {
    Diverged pair;
    const std::int64_t end = pair.slave.core->appended_end();
    pair.slave.core->close();
    CutNote note;
    note.offset = pair.common;
    note.timestamp = is_late ? 1 : std::numeric_limits<std::int64_t>::max() / 2;
    const std::string root = pair.slave.config.root;
    BOOST_TEST_REQUIRE(!write_cut_note(posix_files(), root + "/logCut", note));
    std::ofstream(root + "/abort").close();
    pair.slave.open();
    BOOST_TEST(pair.slave.core->appended_end() == (is_late ? end : pair.common));
    BOOST_TEST(!has_note(pair.slave));
  }
}

BOOST_AUTO_TEST_CASE(a_damaged_note_says_nothing) {
  TempDirectory directory;
  const std::string path = (directory.path() / "logCut").string();
  BOOST_TEST(!read_cut_note(posix_files(), path));
  CutNote note;
  note.offset = 1234;
  note.kind = CutNote::Kind::begin;
  BOOST_TEST_REQUIRE(!write_cut_note(posix_files(), path, note));
  const auto read = read_cut_note(posix_files(), path);
  BOOST_TEST_REQUIRE(read.has_value());
  BOOST_TEST(read->offset == 1234);
  BOOST_TEST((read->kind == CutNote::Kind::begin));
  write_at(path, 7, "3");
  BOOST_TEST(!read_cut_note(posix_files(), path));
}

BOOST_AUTO_TEST_SUITE_END()
