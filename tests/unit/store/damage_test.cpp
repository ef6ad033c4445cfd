// A byte that has changed on the disk costs the record that it was in, wherever it lies and however
// the store was left.

#include <boost/test/unit_test.hpp>

#include "comet/base/timer.hpp"
#include "store_support.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

enum class Left { stopped, killed };
enum class Vouched { all, nothing };

class World : public StoreOnDisk {
 public:
  World() {
    config.commit_log_file_size = 64 * 1024;
    config.flush = FlushMode::sync_flush;
  }
  void leave(Left left) {
    if (left == Left::stopped) core->close();
    core.reset();
  }
  // Messages 0 to `count` in T 0, all of them synced. Returns where each begins in the log.
  std::vector<std::int64_t> fill(int count) {
    std::vector<std::int64_t> places;
    for (int i = 0; i < count; ++i) {
      places.push_back(
          must_append(*core, record_of("T", 0, body_of(i), "KEYS\1k")).physical_offset);
    }
    BOOST_TEST_REQUIRE(!core->sync());
    return places;
  }
  static std::string body_of(int i) { return "message " + std::to_string(i); }
  void flip(std::int64_t log_offset) { flip_bits(log_offset, 0x10); }
  void flip_bits(std::int64_t log_offset, int bits) {
    const std::int64_t start = log_offset - log_offset % config.commit_log_file_size;
    std::string byte = read_whole(log_file(config.root, start))
                           .substr(static_cast<std::size_t>(log_offset - start), 1);
    byte[0] = static_cast<char>(byte[0] ^ bits);
    write_at(log_file(config.root, start), log_offset - start, byte);
  }
  // All of T 0 but one, at their offsets.
  void check_all_but(int lost, int count) {
    BOOST_TEST_REQUIRE(core->max_offset("T", 0) >= count);
    int next = 0;
    for (std::int64_t at = 0; at < core->max_offset("T", 0);) {
      ReadResult result = core->read("T", 0, at, ReadLimits(), {});
      for (const MessageExt& message : messages_of(result)) {
        if (next == lost) ++next;
        BOOST_TEST_REQUIRE(message.body() == body_of(next));
        BOOST_TEST_REQUIRE(message.queue_offset == next++);
      }
      at = result.next_offset;
    }
    BOOST_TEST_REQUIRE(next + (lost == next ? 1 : 0) == count);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(damage)

// The table of docs/store.md, for single bytes: fields of the header, lengths, body.
BOOST_FIXTURE_TEST_CASE(one_damaged_byte_costs_one_record_at_any_place_after_any_stop, World) {
  constexpr int kCount = 60;
  for (Left left : {Left::killed, Left::stopped}) {
    for (Vouched vouched : {Vouched::nothing, Vouched::all}) {
      fs::remove_all(config.root);
      open();
      if (vouched == Vouched::nothing) BOOST_TEST(!core->write_checkpoint([] {}));
      const std::vector<std::int64_t> places = fill(kCount);
      if (vouched == Vouched::all) BOOST_TEST(!core->write_checkpoint([] {}));
      write_units(*core);
      const std::int64_t end = core->readable_end();
      leave(left);
      copy_store(config.root, directory.path() / "original");
      for (int damaged : {0, 30, kCount - 1}) {
        for (std::int64_t field : {0, 3, 4, 7, 8, 28, 35, 84, 87, 90}) {
          BOOST_TEST_CONTEXT("record " << damaged << " field " << field << " stopped "
                                       << (left == Left::stopped) << " vouched "
                                       << (vouched == Vouched::all)) {
            copy_store(directory.path() / "original", config.root);
            flip(places[static_cast<std::size_t>(damaged)] + field);
            for (Left next : {Left::killed, Left::stopped, Left::killed}) {
              open();
              BOOST_TEST_REQUIRE(core->readable_end() == end);
              check_all_but(damaged, kCount);
              BOOST_TEST_REQUIRE(core->max_offset("T", 0) == kCount);
              leave(next);
            }
            open();
            BOOST_TEST_REQUIRE(must_append(*core, record_of("T", 0, "x")).queue_offset == kCount);
            BOOST_TEST_REQUIRE(!core->sync());
            leave(Left::killed);
            open();
            BOOST_TEST_REQUIRE(core->max_offset("T", 0) == kCount + 1);
            leave(Left::killed);
          }
        }
      }
    }
  }
}

// D1: the broker of b178787 gave the offsets behind the damage once more.
BOOST_FIXTURE_TEST_CASE(messages_sent_behind_a_damaged_header_stay_where_they_are, World) {
  open();
  const std::vector<std::int64_t> places = fill(200);
  BOOST_TEST(!core->write_checkpoint([] {}));
  leave(Left::killed);
  write_at(log_file(config.root, 0), places[100], std::string(8, '\0'));
  open();
  BOOST_TEST(core->damage_stats().skipped_ranges == 1);
  BOOST_TEST(core->damage_stats().lost_records == 1);
  for (int i = 200; i < 300; ++i) {
    BOOST_TEST_REQUIRE(must_append(*core, record_of("T", 0, body_of(i))).queue_offset == i);
  }
  leave(Left::stopped);
  open();
  BOOST_TEST(core->damage_stats().skipped_ranges == 0);  // is known
  check_all_but(100, 300);
}

BOOST_FIXTURE_TEST_CASE(a_body_that_holds_records_does_not_pass_for_the_log, World) {
  open();
  fill(5);
  std::string inner;
  encode_record(record_of("T", 0, "from inside"), inner);
  const std::int64_t place = core->readable_end();
  // One that says where it lies would be taken if it did not claim another one's offset.
  std::string right = inner;
  const std::int64_t inner_place = place + 88 + static_cast<std::int64_t>(inner.size());
  patch_record(right.data(), 2, inner_place, 1'900'000'000'000);
  must_append(*core, record_of("T", 0, inner + right));
  const std::int64_t behind = must_append(*core, record_of("T", 0, "behind")).physical_offset;
  BOOST_TEST(!core->write_checkpoint([] {}));
  leave(Left::killed);
  write_at(log_file(config.root, 0), place, std::string(8, '\0'));
  open();
  BOOST_TEST(core->recovery_report().damage.empty() == false);
  BOOST_TEST(core->recovery_report().damage.at(0).end == behind);
  BOOST_TEST(core->max_offset("T", 0) == 7);
  BOOST_TEST(messages_of(core->read("T", 0, 5, ReadLimits(), {})).at(0).body() == "behind");
}

BOOST_FIXTURE_TEST_CASE(more_damage_than_allowed_refuses_the_start_and_changes_nothing, World) {
  open();
  const std::vector<std::int64_t> places = fill(300);
  leave(Left::stopped);
  const std::string zeros(static_cast<std::size_t>(places[250] - places[50]), '\0');
  write_at(log_file(config.root, 0), places[50], zeros);
  const std::string before = read_whole(log_file(config.root, 0));
  for (int starts = 0; starts < 2; ++starts) {
    BOOST_CHECK_EXCEPTION(open(), Error, [](const Error& error) {
      return error.code() == make_error_code(StoreErrc::too_much_lost) &&
             error.context().find("maxRecordsLostAtStart is 100") != std::string::npos;
    });
  }
  BOOST_TEST((before == read_whole(log_file(config.root, 0))));
  config.max_records_lost_at_start = 1000;
  open();
  BOOST_TEST(core->max_offset("T", 0) == 300);
  leave(Left::killed);
  config.max_records_lost_at_start = 100;
  open();  // what was accepted once does not count again
  BOOST_TEST(core->max_offset("T", 0) == 300);
}

BOOST_FIXTURE_TEST_CASE(what_is_cut_off_is_kept_in_a_copy, World) {
  open();
  const std::vector<std::int64_t> places = fill(10);
  const std::int64_t end = core->readable_end();
  leave(Left::killed);
  write_at(log_file(config.root, 0), end, "half a record");
  open();
  const std::string copy = read_whole(config.root + "/damaged/" + offset_file_name(0) + ".damaged");
  BOOST_TEST(copy.substr(static_cast<std::size_t>(end)) == "half a record");
  check_all_but(-1, 10);
}

BOOST_FIXTURE_TEST_CASE(a_copy_that_finds_no_space_does_not_keep_the_store_from_starting, World) {
  open();
  fill(10);
  const std::int64_t end = core->readable_end();
  leave(Left::killed);
  write_at(log_file(config.root, 0), end, "half a record");
  files.fail_when(fail_on(store::test::Call::write, "/damaged/", ENOSPC));
  open();
  BOOST_TEST(core->recovery_report().truncated > 0);
  check_all_but(-1, 10);
}

// Neither with a unit that tells of it nor with nothing but the record's own header.
BOOST_FIXTURE_TEST_CASE(the_offset_of_a_damaged_last_record_is_not_given_again, World) {
  constexpr int kCount = 20;
  for (bool has_units : {false, true}) {
    fs::remove_all(config.root);
    open();
    const std::vector<std::int64_t> places = fill(kCount);
    if (has_units) write_units(*core);
    leave(Left::killed);
    copy_store(config.root, directory.path() / "original");
    // Size, magic, checksum, queue offset, place in the log, length of the body, the body.
    for (std::int64_t field : {0, 3, 5, 9, 20, 21, 22, 23, 24, 25, 26, 27, 30, 35, 84, 87, 90}) {
      BOOST_TEST_CONTEXT("field " << field << " with units " << has_units) {
        copy_store(directory.path() / "original", config.root);
        flip(places.back() + field);
        for (int starts = 0; starts < 3; ++starts) {
          open();
          const ReadResult result = core->read("T", 0, 0, ReadLimits(), {});
          BOOST_TEST_REQUIRE(result.count >= kCount - 1);
          BOOST_TEST_REQUIRE(messages_of(result).at(kCount - 2).body() == body_of(kCount - 2));
          leave(starts == 1 ? Left::stopped : Left::killed);
        }
        open();
        BOOST_TEST_REQUIRE(must_append(*core, record_of("T", 0, "x")).queue_offset >= kCount);
      }
    }
  }
}

// A queue id or a topic has no checksum: the queue's unit tells.
BOOST_FIXTURE_TEST_CASE(a_unit_keeps_the_offset_of_a_record_that_names_another_queue_now, World) {
  constexpr int kCount = 20;
  open();
  const std::vector<std::int64_t> places = fill(kCount);
  write_units(*core);
  leave(Left::killed);
  copy_store(config.root, directory.path() / "original");
  for (std::int64_t field : {12, 15}) {
    copy_store(directory.path() / "original", config.root);
    flip(places.back() + field);
    open();
    BOOST_TEST_REQUIRE(must_append(*core, record_of("T", 0, "x")).queue_offset == kCount);
  }
}

// Its size says that it ends behind those that were stored later. It is the last one of an index
// file, and the one behind that is lost.
BOOST_FIXTURE_TEST_CASE(messages_behind_a_damaged_size_are_found_by_key, World) {
  constexpr int kCount = 20;
  for (int entries = kCount; entries < kCount + 3; ++entries) {
    fs::remove_all(config.root);
    config.index_slots = 8;
    config.index_entries = entries;
    open();
    const std::vector<std::int64_t> places = fill(kCount);
    leave(Left::stopped);
    flip(places.back() + 2);
    open();
    for (int i = 0; i < 3; ++i) {
      must_append(*core, record_of("T", 0, "behind", "KEYS\1later" + std::to_string(i)));
    }
    BOOST_TEST_REQUIRE(!core->sync());
    while (core->build_index()) {
    }
    std::vector<fs::path> indexes;
    for (const auto& entry : fs::directory_iterator(config.root + "/index")) {
      indexes.push_back(entry.path());
    }
    fs::resize_file(std::ranges::max(indexes), 50);
    for (const char* key : {"later0", "later1", "later2"}) {
      KeyQuery query;
      query.topic = "T";
      query.key = key;
      BOOST_TEST_REQUIRE(core->query(query).count == 1, key << " with " << entries << " entries");
    }
    leave(Left::stopped);
  }
}

// The bits of a transaction's state have no checksum; a prepared message is in no queue.
BOOST_FIXTURE_TEST_CASE(a_record_that_says_now_that_it_is_prepared_is_shown_by_no_start, World) {
  constexpr int kCount = 20;
  open();
  const std::vector<std::int64_t> places = fill(kCount);
  write_units(*core);
  leave(Left::stopped);
  flip_bits(places.at(7) + 39, 0x04);
  for (int starts = 0; starts < 3; ++starts) {
    open();
    check_all_but(7, kCount);
    leave(starts == 1 ? Left::stopped : Left::killed);
    if (starts == 0) fs::remove_all(config.root + "/consumequeue");
  }
}

// The damaged record would fit into the queue that it names now, in front of that one's own
// message.
BOOST_FIXTURE_TEST_CASE(a_record_that_names_another_queue_now_takes_no_message_its_place, World) {
  constexpr int kCount = 8;
  open();
  for (int i = 0; i + 1 < kCount; ++i) must_append(*core, record_of("T", 1, "first"));
  const std::vector<std::int64_t> places = fill(kCount);
  write_units(*core);
  BOOST_TEST_REQUIRE(!core->write_checkpoint([] {}));
  must_append(*core, record_of("T", 1, "own message"));
  BOOST_TEST_REQUIRE(!core->sync());
  const std::int64_t log_end = core->readable_end();
  leave(Left::killed);
  flip_bits(places.back() + 15, 0x01);
  for (int starts = 0; starts < 3; ++starts) {
    open();
    BOOST_TEST_REQUIRE(core->readable_end() == log_end);
    check_all_but(kCount - 1, kCount);
    const ReadResult result = core->read("T", 1, kCount - 1, ReadLimits(), {});
    BOOST_TEST_REQUIRE(result.count == 1);
    BOOST_TEST_REQUIRE(messages_of(result).front().body() == "own message");
    BOOST_TEST(core->damage_stats().skipped_ranges == (starts == 0 ? 1 : 0));
    leave(starts == 1 ? Left::stopped : Left::killed);
  }
}

// The topic of the damaged record cannot be read: nothing but its unit tells of its offset, and
// the start writes the queue anew.
BOOST_FIXTURE_TEST_CASE(a_start_that_ends_at_any_call_takes_nothing_that_tells_of_an_offset,
                        World) {
  constexpr int kCount = 50;
  open();
  const std::vector<std::int64_t> places = fill(kCount);
  BOOST_TEST_REQUIRE(!core->write_checkpoint([] {}));
  leave(Left::killed);
  flip(places.back() + 84);
  copy_store(config.root, directory.path() / "original");
  bool has_ended = true;
  for (int calls = 0; has_ended; ++calls) {
    copy_store(directory.path() / "original", config.root);
    has_ended = false;
    int left = calls;
    files.fail_when([&](Call call, const std::string&) {
      if (call == Call::open || call == Call::read || call == Call::size) return error_code();
      has_ended = has_ended || left-- == 0;
      return has_ended ? system_error(EIO) : error_code();
    });
    try {
      open();
    } catch (const Error&) {
      BOOST_TEST_REQUIRE(has_ended);
    }
    leave(Left::killed);
    files.fail_no_more();
    open();
    BOOST_TEST_REQUIRE(must_append(*core, record_of("T", 0, "x")).queue_offset == kCount,
                       "given again after " << calls << " calls");
    leave(Left::killed);
  }
}

BOOST_FIXTURE_TEST_CASE(units_behind_a_missing_queue_file_tell_of_their_offsets, World) {
  constexpr int kCount = 50;
  for (Left left : {Left::killed, Left::stopped}) {
    fs::remove_all(config.root);
    open();
    const std::vector<std::int64_t> places = fill(kCount);
    BOOST_TEST_REQUIRE(!core->write_checkpoint([] {}));
    leave(left);
    flip(places.back() + 84);
    fs::remove(queue_file(config.root, "T", 0, config.consume_queue_file_size));
    for (int starts = 0; starts < 2; ++starts) {
      open();
      check_all_but(kCount - 1, kCount);
      leave(Left::killed);
    }
    open();
    BOOST_TEST(must_append(*core, record_of("T", 0, "x")).queue_offset == kCount);
    leave(Left::killed);
  }
}

// No checksum covers a queue offset. The message in front is damaged, so that its place is free.
BOOST_FIXTURE_TEST_CASE(a_record_that_claims_another_offset_is_shown_at_it_by_no_start, World) {
  constexpr int kCount = 8;
  open();
  must_append(*core, record_of("U", 0, "another queue"));
  const std::vector<std::int64_t> places = fill(kCount);
  BOOST_TEST_REQUIRE(!core->write_checkpoint([] {}));
  leave(Left::killed);
  flip(places.at(0) + 84);
  flip_bits(places.at(1) + 27, 0x01);
  for (int starts = 0; starts < 4; ++starts) {
    // Behind that no unit of the queues is trusted.
    if (starts < 2) fs::remove_all(config.root + "/consumequeue/U");
    open();
    const ReadResult result = core->read("T", 0, 0, ReadLimits(), {});
    BOOST_TEST_REQUIRE(result.count == kCount - 2);
    BOOST_TEST_REQUIRE(messages_of(result).front().body() == body_of(2));
    BOOST_TEST_REQUIRE(core->max_offset("T", 0) == kCount);
    leave(Left::killed);
  }
}

// Nor does it when the queue is written anew, in the order of the log.
BOOST_FIXTURE_TEST_CASE(a_record_that_claims_the_offset_of_another_does_not_displace_it, World) {
  constexpr int kCount = 8;
  open();
  const std::int64_t first = must_append(*core, record_of("U", 0, "another queue")).physical_offset;
  must_append(*core, record_of("T", 1, "message of T 1"));
  fill(kCount);
  for (int i = 0; i < 70; ++i) must_append(*core, record_of("U", 0, "another queue"));
  BOOST_TEST_REQUIRE(!core->write_checkpoint([] {}));
  leave(Left::killed);
  flip_bits(first + 88 + 13 + 1, 'U' ^ 'T');  // the topic, behind body and length
  for (int starts = 0; starts < 4; ++starts) {
    open();
    check_all_but(-1, kCount);
    leave(Left::killed);
    if (starts == 0) fs::remove_all(config.root + "/consumequeue/T/1");
  }
}

// A power cut has left one that was refused in front of the one that got its offset.
BOOST_FIXTURE_TEST_CASE(a_unit_that_gives_way_takes_no_others_with_it, World) {
  constexpr int kCount = 8;
  open();
  const std::vector<std::int64_t> places = fill(kCount);
  leave(Left::killed);
  write_at(log_file(config.root, 0), places.at(kCount - 2), std::string(8, '\0'));
  flip_bits(places.back() + 27, 0x01);  // 6 instead of 7
  fs::remove_all(config.root + "/consumequeue");
  open();
  const std::vector<MessageExt> shown = messages_of(core->read("T", 0, 0, ReadLimits(), {}));
  BOOST_TEST_REQUIRE(shown.size() == std::size_t{kCount - 1});
  for (int i = 0; i < kCount - 2; ++i)
    BOOST_TEST(shown[static_cast<std::size_t>(i)].body() == body_of(i));
  BOOST_TEST(shown.back().body() == body_of(kCount - 1));
}

// A power cut has taken the tail that it was in.
BOOST_FIXTURE_TEST_CASE(damage_that_was_cut_off_costs_no_message_that_lies_there_later, World) {
  constexpr int kCount = 8;
  open();
  BOOST_TEST(!core->write_checkpoint([] {}));
  const std::vector<std::int64_t> places = fill(kCount);
  const auto end = static_cast<std::size_t>(core->readable_end());
  leave(Left::killed);
  flip(places.at(6) + 90);
  open();
  BOOST_TEST(core->damage_stats().skipped_ranges == 1);
  leave(Left::killed);
  fs::remove(config.root + "/synced");
  fs::remove(config.root + "/checkpoint");
  const auto from = static_cast<std::size_t>(places.at(4));
  write_at(log_file(config.root, 0), places.at(4), std::string(end - from, '\0'));
  open();
  BOOST_TEST_REQUIRE(core->readable_end() == places.at(4));
  for (int i = 4; i < 12; ++i) must_append(*core, record_of("T", 0, body_of(i) + "!"));
  BOOST_TEST_REQUIRE(!core->sync());
  leave(Left::killed);
  open();
  BOOST_TEST(bodies_of(*core, "T", 0).size() == 12U);
}

// No checksum covers a store time.
BOOST_FIXTURE_TEST_CASE(a_store_time_far_ahead_costs_no_other_record, World) {
  constexpr int kCount = 8;
  open();
  const std::vector<std::int64_t> places = fill(kCount);
  const std::int64_t end = core->readable_end();
  leave(Left::killed);
  fs::remove(config.root + "/synced");  // nothing tells how much was on disk
  flip(places.at(kCount - 3) + 57);
  flip(places.at(kCount - 2) + 84);
  open();
  BOOST_TEST(core->readable_end() == end);
  check_all_but(kCount - 2, kCount);
}

BOOST_FIXTURE_TEST_CASE(the_clock_does_not_go_on_from_a_damaged_store_time, World) {
  constexpr int kCount = 8;
  for (Left left : {Left::killed, Left::stopped}) {
    fs::remove_all(config.root);
    open();
    const std::vector<std::int64_t> places = fill(kCount);
    leave(left);
    flip(places.back() + 57);
    open();
    const std::int64_t told = must_append(*core, record_of("T", 0, "x")).store_timestamp;
    BOOST_TEST(told < time.wall_millis() + 1000);
    leave(Left::killed);
  }
}

BOOST_AUTO_TEST_SUITE_END()
