// A store that is fed with the bytes of another one's log has the same log, the same queues and the
// same messages, however the bytes are cut.

#include <boost/test/unit_test.hpp>
#include <string>

#include "comet/base/bytes.hpp"
#include "replica_support.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

BOOST_AUTO_TEST_SUITE(replicated_log)

BOOST_AUTO_TEST_CASE(pieces_of_any_size_give_the_same_files_and_queues) {
  for (std::int64_t piece : {1, 2, 3, 7, 8, 9, 90, 91, 92, 500, 4095, 4096, 4097, 1 << 20}) {
    BOOST_TEST_CONTEXT("pieces of " << piece) {
      Replicas replicas;
      append_mixed(*replicas.master.core, 0, 60);
      BOOST_TEST_REQUIRE(!replicas.feed(piece));
      BOOST_TEST(replicas.slave.core->appended_end() == replicas.master.core->appended_end());
      replicas.check_same_files();
      replicas.check_same_queues();
      BOOST_TEST(found_by_key(*replicas.slave.core, "A", "k33") == 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(batches_prepared_and_delayed_messages_are_what_they_were) {
  Replicas replicas;
  StoreCore& master = *replicas.master.core;
  append_all(master, {record_of("T", 0, "one"), record_of("T", 0, "two")});
  RecordView half = record_of("T", 0, "half");
  half.sys_flag = 4;  // TRANSACTION_PREPARED: in no queue
  must_append(master, half);
  must_append(master, record_of("SCHEDULE_TOPIC_XXXX", 2, "late", "DELAY\0013"));
  must_append(master, record_of("T", 0, "three"));
  BOOST_TEST_REQUIRE(!replicas.feed(100));
  replicas.check_same_files();
  replicas.check_same_queues();
  const auto entries = master.queue_entries("SCHEDULE_TOPIC_XXXX", 2, 0, 1);
  const auto ours = replicas.slave.core->queue_entries("SCHEDULE_TOPIC_XXXX", 2, 0, 1);
  BOOST_TEST_REQUIRE(ours.size() == 1U);
  BOOST_TEST(ours.front().tags_code == entries.front().tags_code);
}

BOOST_AUTO_TEST_CASE(the_end_counts_whole_records_only) {
  Replicas replicas;
  const std::int64_t first =
      must_append(*replicas.master.core, record_of("T", 0, "one")).physical_offset;
  must_append(*replicas.master.core, record_of("T", 0, "two"));
  const std::int64_t end = replicas.master.core->appended_end();
  const std::int64_t one = end / 2;
  StoreCore& slave = *replicas.slave.core;
  const std::string bytes = raw_bytes(*replicas.master.core, first, end);
  BOOST_TEST_REQUIRE(!slave.append_raw(0, std::string_view(bytes).substr(0, 60)));
  BOOST_TEST(slave.appended_end() == 0);
  BOOST_TEST(slave.max_offset("T", 0) == 0);
  BOOST_TEST_REQUIRE(!slave.append_raw(60, std::string_view(bytes).substr(60, 70)));
  BOOST_TEST(slave.appended_end() == one);
  BOOST_TEST(slave.max_offset("T", 0) == 1);
  // Begun once more at the end, as behind a lost connection.
  BOOST_TEST((slave.append_raw(one + 5, bytes) == StoreErrc::not_contiguous));
  BOOST_TEST_REQUIRE(
      !slave.append_raw(one, std::string_view(bytes).substr(static_cast<std::size_t>(one))));
  BOOST_TEST(slave.appended_end() == end);
  replicas.check_same_queues();
}

BOOST_AUTO_TEST_CASE(what_is_no_record_of_that_place_is_refused_and_what_precedes_it_stays) {
  Replicas replicas;
  for (int i = 0; i < 3; ++i) must_append(*replicas.master.core, record_of("T", 0, "body"));
  const std::int64_t end = replicas.master.core->appended_end();
  const std::int64_t one = end / 3;
  const std::string good = raw_bytes(*replicas.master.core, 0, end);
  const auto with = [&](std::size_t at, char byte) {
    std::string bad = good;
    bad[static_cast<std::size_t>(one) + at] = byte;
    return bad;
  };
  const auto refused = [&](const std::string& bytes, const error_code& error) {
    StoreOnDisk slave;
    slave.open();
    BOOST_TEST(slave.core->append_raw(0, bytes) == error);
    BOOST_TEST(slave.core->appended_end() == one);
    BOOST_TEST(slave.core->max_offset("T", 0) == 1);
    // The right bytes go on from there.
    BOOST_TEST(!slave.core->append_raw(one, good.substr(static_cast<std::size_t>(one))));
    BOOST_TEST(slave.core->max_offset("T", 0) == 3);
  };
  refused(with(4, 'x'), RecordErrc::bad_magic);
  refused(with(0, 'x'), RecordErrc::bad_length);
  refused(with(88, 'x'), RecordErrc::bad_crc);                                      // the body
  refused(with(35, 'x'), StoreErrc::not_contiguous);                                // its place
  refused(with(static_cast<std::size_t>(one) - 3, '/'), StoreErrc::illegal_queue);  // the topic
}

BOOST_AUTO_TEST_CASE(bytes_that_do_not_continue_the_log_are_refused) {
  Replicas replicas;
  append_mixed(*replicas.master.core, 0, 20);
  BOOST_TEST_REQUIRE(!replicas.feed());
  StoreCore& slave = *replicas.slave.core;
  const std::int64_t end = slave.appended_end();
  const std::string bytes = raw_bytes(*replicas.master.core, 0, end);
  for (std::int64_t offset : {std::int64_t{0}, end - 1, end + 1, end + 4096, std::int64_t{-1}}) {
    BOOST_TEST((slave.append_raw(offset, bytes) == StoreErrc::not_contiguous), offset);
  }
  BOOST_TEST(!slave.append_raw(end, {}));
  replicas.check_same_files();
}

BOOST_AUTO_TEST_CASE(an_empty_log_begins_where_the_masters_bytes_do) {
  Replicas replicas;
  append_mixed(*replicas.master.core, 0, 60);
  const std::int64_t begin = 3 * replicas.master.config.commit_log_file_size;
  BOOST_TEST_REQUIRE(replicas.master.core->appended_end() > begin);
  const std::string bytes =
      raw_bytes(*replicas.master.core, begin, replicas.master.core->appended_end());
  BOOST_TEST((replicas.slave.core->append_raw(begin + 1, bytes) == StoreErrc::not_contiguous));
  BOOST_TEST_REQUIRE(!replicas.slave.core->append_raw(begin, bytes));
  for (bool is_open_again : {false, true}) {
    if (is_open_again) replicas.slave.open();
    StoreCore& slave = *replicas.slave.core;
    BOOST_TEST(slave.min_physical_offset() == begin);
    BOOST_TEST(slave.appended_end() == replicas.master.core->appended_end());
    replicas.check_same_files();
    for (std::int32_t id = 0; id < 4; ++id) {
      const std::int64_t min = slave.min_offset("B", id);
      BOOST_TEST(min > 0);
      BOOST_TEST(slave.max_offset("B", id) == replicas.master.core->max_offset("B", id));
      BOOST_TEST(
          (bodies_of(slave, "B", id, min) == bodies_of(*replicas.master.core, "B", id, min)));
    }
    BOOST_TEST(!fs::exists(log_file(replicas.slave.config.root, 0)));
  }
}

BOOST_AUTO_TEST_CASE(an_empty_log_may_begin_elsewhere_again) {
  StoreOnDisk slave;
  slave.open();
  Replicas replicas;
  append_mixed(*replicas.master.core, 0, 40);
  const std::int64_t size = slave.config.commit_log_file_size;
  const std::string front = raw_bytes(*replicas.master.core, size, size + 4);
  BOOST_TEST_REQUIRE(!slave.core->append_raw(size, front));  // no whole record
  BOOST_TEST(slave.core->appended_end() == size);
  slave.open();
  BOOST_TEST(slave.core->min_physical_offset() == size);
  const std::string all = raw_bytes(*replicas.master.core, 0, 2 * size);
  BOOST_TEST_REQUIRE(!slave.core->append_raw(0, all));
  BOOST_TEST(slave.core->min_physical_offset() == 0);
  BOOST_TEST(slave.core->appended_end() == 2 * size);
  slave.open();
  BOOST_TEST(slave.core->appended_end() == 2 * size);
  BOOST_TEST(slave.core->min_physical_offset() == 0);
}

BOOST_AUTO_TEST_CASE(a_replica_goes_on_as_a_master_without_a_jump) {
  Replicas replicas;
  append_mixed(*replicas.master.core, 0, 50);
  BOOST_TEST_REQUIRE(!replicas.feed(333));
  const std::int64_t last = replicas.master.core->now_millis();
  for (bool is_open_again : {false, true}) {
    if (is_open_again) replicas.slave.open();
    StoreCore& slave = *replicas.slave.core;
    const std::int64_t due = slave.max_offset("A", 0);
    const AppendResult result = must_append(slave, record_of("A", 0, "own"));
    BOOST_TEST(result.queue_offset == due);
    BOOST_TEST(result.store_timestamp >= last);
    BOOST_TEST(must_append(slave, record_of("new", 0, "own")).queue_offset ==
               (is_open_again ? 1 : 0));
  }
}

BOOST_AUTO_TEST_CASE(offsets_of_messages_that_the_log_has_no_more_are_not_given_again) {
  Replicas replicas;
  StoreOnDisk& master = replicas.master;
  master.files.used_percent = 10;
  master.config.file_reserved_time = std::chrono::hours(0);
  master.open();
  for (int i = 0; i < 30; ++i) must_append(*master.core, record_of("gone", 2, "old"));
  must_append(*master.core, record_of("T", 0, std::string(3000, 'x')));
  for (int i = 0; i < 2; ++i) must_append(*master.core, record_of("T", 0, std::string(3000, 'x')));
  BOOST_TEST(!master.core->sync());
  master.core->request_deletion();
  const auto hour_later = std::chrono::system_clock::now() + std::chrono::hours(1);
  master.core->clean(
      std::chrono::duration_cast<std::chrono::milliseconds>(hour_later.time_since_epoch()).count());
  const std::int64_t begin = master.core->min_physical_offset();
  BOOST_TEST_REQUIRE(begin > 0);
  const std::vector<QueueEnd> silent = master.core->silent_queues();
  BOOST_TEST_REQUIRE(silent.size() == 1U);
  BOOST_TEST(silent.front().topic == "gone");
  BOOST_TEST(silent.front().queue_offset == 30);
  const std::string bytes = raw_bytes(*master.core, begin, master.core->appended_end());
  BOOST_TEST_REQUIRE(!replicas.slave.core->append_raw(begin, bytes));
  BOOST_TEST(replicas.slave.core->max_offset("gone", 2) == 0);
  BOOST_TEST_REQUIRE(!replicas.slave.core->raise_silent_queues(silent));
  for (bool is_open_again : {false, true}) {
    if (is_open_again) replicas.slave.open();
    BOOST_TEST(replicas.slave.core->max_offset("gone", 2) == 30);
    BOOST_TEST(replicas.slave.core->min_offset("gone", 2) == 30);
  }
  BOOST_TEST(must_append(*replicas.slave.core, record_of("gone", 2, "new")).queue_offset == 30);
  BOOST_TEST((bodies_of(*replicas.slave.core, "gone", 2, 30) == std::vector<std::string>{"new"}));
  // What has messages is left alone.
  const std::vector<QueueEnd> low{{"T", 0, 1}};
  BOOST_TEST_REQUIRE(!replicas.slave.core->raise_silent_queues(low));
  BOOST_TEST(replicas.slave.core->max_offset("T", 0) == master.core->max_offset("T", 0));
}

BOOST_AUTO_TEST_CASE(the_store_clock_follows_the_records) {
  Replicas replicas;
  (void)replicas.master.time.advance_to_next(replicas.master.time.now() + std::chrono::hours(3));
  const std::int64_t time =
      must_append(*replicas.master.core, record_of("T", 0, "1")).store_timestamp;
  must_append(*replicas.master.core, record_of("T", 0, "2"));
  BOOST_TEST_REQUIRE(replicas.slave.time.wall_millis() < time);
  BOOST_TEST_REQUIRE(!replicas.feed());
  BOOST_TEST(replicas.slave.core->now_millis() >= time);
  BOOST_TEST(replicas.slave.core->store_time("T", 0, 0) == time);
}

BOOST_AUTO_TEST_CASE(a_queue_that_was_removed_begins_anew_at_the_replica_too) {
  Replicas replicas;
  for (int i = 0; i < 5; ++i) must_append(*replicas.master.core, record_of("T", 0, "old"));
  must_append(*replicas.master.core, record_of("other", 0, "stays"));
  replicas.master.core->remove_topic("T");
  must_append(*replicas.master.core, record_of("T", 0, "new"));
  must_append(*replicas.master.core, record_of("T", 0, "newer"));
  BOOST_TEST_REQUIRE(!replicas.feed());
  for (bool is_open_again : {false, true}) {
    if (is_open_again) replicas.slave.open();
    replicas.check_same_queues();
    BOOST_TEST(
        (bodies_of(*replicas.slave.core, "T", 0) == std::vector<std::string>{"new", "newer"}));
  }
}

BOOST_AUTO_TEST_CASE(half_a_record_at_the_end_is_gone_after_a_crash_and_comes_again) {
  Replicas replicas;
  append_mixed(*replicas.master.core, 0, 20);
  BOOST_TEST_REQUIRE(!replicas.feed());
  const std::int64_t end = replicas.slave.core->appended_end();
  const AppendResult next =
      must_append(*replicas.master.core, record_of("A", 0, std::string(500, 'x')));
  const std::string bytes =
      raw_bytes(*replicas.master.core, next.physical_offset, replicas.master.core->appended_end());
  // As a write that was cut off leaves it.
  replicas.slave.core.reset();
  const std::int64_t file = next.physical_offset - next.physical_offset % 4096;
  write_at(log_file(replicas.slave.config.root, file), next.physical_offset - file,
           std::string_view(bytes).substr(0, 300));
  replicas.slave.open();
  BOOST_TEST(replicas.slave.core->appended_end() == end);
  BOOST_TEST_REQUIRE(!replicas.feed());
  replicas.check_same_files();
  replicas.check_same_queues();
}

BOOST_AUTO_TEST_CASE(a_replicated_log_has_no_holes_after_a_crash) {
  for (bool is_replicated : {false, true}) {
    Replicas replicas;
    for (int i = 0; i < 3; ++i) must_append(*replicas.master.core, record_of("T", 0, "body"));
    BOOST_TEST_REQUIRE(!replicas.feed());
    const std::int64_t one = replicas.slave.core->appended_end() / 3;
    replicas.slave.core.reset();
    write_at(log_file(replicas.slave.config.root, 0), one, std::string(20, '\0'));
    replicas.slave.config.replicated = is_replicated;
    replicas.slave.open();
    BOOST_TEST(replicas.slave.core->appended_end() == (is_replicated ? one : 3 * one));
    if (!is_replicated) continue;
    BOOST_TEST_REQUIRE(!replicas.feed());
    replicas.check_same_files();
    replicas.check_same_queues();
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_confirmed_that_was_not_written) {
  for (int number : {ENOSPC, EIO}) {
    BOOST_TEST_CONTEXT("errno " << number) {
      Replicas replicas;
      append_mixed(*replicas.master.core, 0, 5);
      BOOST_TEST_REQUIRE(!replicas.feed());
      const std::int64_t end = replicas.slave.core->durable_end();
      append_mixed(*replicas.master.core, 5, 8);
      replicas.slave.files.fail_when(fail_on(Call::write, "commitlog", number));
      const error_code error = replicas.feed();
      BOOST_TEST((error == (number == ENOSPC ? StoreErrc::disk_full : StoreErrc::read_only)));
      BOOST_TEST(replicas.slave.core->appended_end() == end);
      BOOST_TEST(replicas.slave.core->durable_end() == end);
      replicas.slave.files.fail_no_more();
      if (number == EIO) {
        BOOST_TEST((replicas.feed() == StoreErrc::read_only));
        BOOST_TEST(!replicas.slave.core->read_only_reason().empty());
        replicas.slave.open();
      }
      BOOST_TEST_REQUIRE(!replicas.feed());
      replicas.check_same_files();
      replicas.check_same_queues();
    }
  }
}

BOOST_AUTO_TEST_CASE(under_sync_flush_the_durable_end_waits_for_the_disk) {
  Replicas replicas;
  replicas.slave.config.flush = FlushMode::sync_flush;
  replicas.slave.open();
  append_mixed(*replicas.master.core, 0, 5);
  BOOST_TEST_REQUIRE(!replicas.feed());
  StoreCore& slave = *replicas.slave.core;
  BOOST_TEST(slave.appended_end() == replicas.master.core->appended_end());
  BOOST_TEST(slave.durable_end() == 0);
  BOOST_TEST(slave.max_offset("B", 1) == 0);
  BOOST_TEST(!slave.sync());
  BOOST_TEST(slave.durable_end() == slave.appended_end());
  replicas.check_same_queues();
  append_mixed(*replicas.master.core, 5, 8);
  const std::int64_t end = slave.durable_end();
  BOOST_TEST_REQUIRE(!replicas.feed());
  replicas.slave.files.fail_when(fail_on(Call::sync_data, "commitlog", EIO));
  BOOST_TEST((slave.sync() == StoreErrc::read_only));
  BOOST_TEST(slave.durable_end() == end);
}

BOOST_AUTO_TEST_CASE(pieces_of_the_log_end_with_its_files_and_with_the_log) {
  Replicas replicas;
  StoreCore& master = *replicas.master.core;
  append_mixed(master, 0, 40);
  const std::int64_t size = replicas.master.config.commit_log_file_size;
  BOOST_TEST(master.read_raw(0, 1 << 20)->size() == static_cast<std::size_t>(size));
  BOOST_TEST(master.read_raw(size - 10, 1 << 20)->size() == 10U);
  BOOST_TEST(master.read_raw(100, 7)->size() == 7U);
  const std::int64_t end = master.appended_end();
  BOOST_TEST(master.read_raw(end, 100)->empty());
  BOOST_TEST(master.read_raw(end - 3, 100)->size() == 3U);
  BOOST_TEST((master.read_raw(end + 1, 100).error() == StoreErrc::not_kept));
  BOOST_TEST((master.read_raw(-1, 100).error() == StoreErrc::not_kept));
  BOOST_TEST((master.read_raw(0, 4096)->pages() != nullptr));
  BOOST_TEST((master.read_raw(0, 100)->pages() == nullptr));
}

BOOST_AUTO_TEST_CASE(the_record_in_front_of_a_place_is_found) {
  Replicas replicas;
  StoreCore& master = *replicas.master.core;
  BOOST_TEST(!master.record_before(RawLog::kNoLimit));
  std::vector<AppendResult> results;
  std::vector<std::int64_t> ends;
  for (int i = 0; i < 40; ++i) {
    const std::string body(static_cast<std::size_t>(i * 31), 'x');
    RecordView record = record_of("T", i % 3, body);
    if (i % 7 == 3) record.sys_flag = 4;  // in no queue
    results.push_back(must_append(master, record));
    ends.push_back(master.appended_end());
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    const bool is_last = i + 1 == results.size();
    const std::int64_t next = is_last ? ends[i] + 1000 : ends[i + 1];
    for (std::int64_t at : {ends[i], ends[i] + 1, next - 1}) {
      const std::optional<RawRecord> found = master.record_before(at);
      BOOST_TEST_REQUIRE(found.has_value());
      BOOST_TEST(found->offset == results[i].physical_offset);
      BOOST_TEST(found->offset + found->size == ends[i]);
      BOOST_TEST(found->store_timestamp == results[i].store_timestamp);
    }
  }
  BOOST_TEST(!master.record_before(ends[0] - 1));
  const error_code error = replicas.feed();
  BOOST_TEST_REQUIRE(!error, error.message());
  const auto ours = replicas.slave.core->record_before(ends[20]);
  BOOST_TEST_REQUIRE(ours.has_value());
  BOOST_TEST(ours->crc == master.record_before(ends[20])->crc);
  BOOST_TEST(ours->crc != master.record_before(ends[19])->crc);
}

BOOST_AUTO_TEST_SUITE_END()
