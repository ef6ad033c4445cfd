// The index: messages by key and unique key, whatever happened to the files.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <future>
#include <limits>
#include <map>
#include <thread>

#include "comet/base/bytes.hpp"
#include "comet/base/timer.hpp"
#include "comet/message/sys_flag.hpp"
#include "index_file.hpp"
#include "store_support.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

constexpr std::int32_t kEntries = 64;

class World {
 public:
  World() {
    files.skip_syncs = true;
    config.index_slots = 16;
    config.index_entries = kEntries;
    config.commit_log_file_size = 64 * 1024;
    open();
  }
  void open() { core.emplace(config, time, files); }
  void close() {
    core->close();
    core.reset();
  }
  // What kill -9 leaves.
  void crash() {
    copy_store(config.root, config.root + ".killed");
    core.reset();
    fs::remove_all(config.root);
    fs::rename(config.root + ".killed", config.root);
  }
  // Message `number` carries its own key, the key of its remainder by 7, and a unique key.
  void append(int number) {
    time.step_wall_clock(std::chrono::milliseconds(700));
    std::string properties = "KEYS\1k" + std::to_string(number) + " r" +
                             std::to_string(number % 7) + "\2UNIQ_KEY\1u" + std::to_string(number);
    must_append(*core, record_of("T", number % 3, std::to_string(number), properties));
  }
  void fill(int from, int to) {
    for (int i = from; i < to; ++i) append(i);
  }
  std::vector<std::string> find(std::string_view key, int max_count = 1000,
                                std::string_view topic = "T") {
    KeyQuery query;
    query.topic = topic;
    query.key = key;
    query.max_count = max_count;
    return bodies_of_query(query);
  }
  std::vector<std::string> bodies_of_query(const KeyQuery& query) {
    KeyQueryResult result = core->query(query);
    std::vector<std::string> bodies;
    for (const MessageExt& message : decode_records(result.records.to_string())) {
      bodies.push_back(message.body());
    }
    BOOST_TEST_REQUIRE(bodies.size() == static_cast<std::size_t>(result.count));
    return bodies;
  }
  void check_all(int count) {
    for (int i = 0; i < count; ++i) {
      std::string number = std::to_string(i);
      BOOST_TEST_REQUIRE((find("k" + number) == std::vector<std::string>{number}), number);
      BOOST_TEST_REQUIRE((find("u" + number) == std::vector<std::string>{number}), number);
    }
    for (int rest = 0; rest < 7; ++rest) {
      std::vector<std::string> expected;
      for (int i = rest; i < count; i += 7) expected.push_back(std::to_string(i));
      BOOST_TEST_REQUIRE((find("r" + std::to_string(rest)) == expected));
    }
    BOOST_TEST(find("k" + std::to_string(count)).empty());
  }
  std::vector<fs::path> index_files() const {
    std::vector<fs::path> paths;
    if (!fs::exists(config.root + "/index")) return paths;
    for (const auto& entry : fs::directory_iterator(config.root + "/index")) {
      paths.push_back(entry.path());
    }
    std::ranges::sort(paths);
    return paths;
  }
  std::map<std::string, std::string> index_bytes() const {
    std::map<std::string, std::string> bytes;
    for (const fs::path& path : index_files()) bytes[path.filename()] = read_whole(path);
    return bytes;
  }

  TempDirectory directory;
  StoreConfig config = small_config(directory);
  VirtualTime time;
  FaultyFiles files;
  std::optional<StoreCore> core;
};

// Of a key that very many messages have.
class ManyWorld : public World {
 public:
  static constexpr int kMany = 200'000;

  // An hour passes after the first ten.
  ManyWorld() {
    close();
    config.index_slots = 1000;
    config.index_entries = 150'000;  // two files
    config.commit_log_file_size = 16 << 20;
    fs::remove_all(config.root);
    open();
    begin = time.wall_millis();
    append_many(10);
    time.step_wall_clock(std::chrono::hours(1));
    for (int left = kMany - 10; left > 0; left -= 10'000) append_many(std::min(left, 10'000));
    while (core->build_index()) {
    }
    BOOST_TEST(!core->write_checkpoint([] {}));
  }
  void append_many(int count) {
    append_all(*core, std::vector<RecordView>(static_cast<std::size_t>(count),
                                              record_of("T", 0, "x", "KEYS\1hot")));
  }
  KeyQuery of_the_first() const {
    KeyQuery query;
    query.topic = "T";
    query.key = "hot";
    query.begin = begin;
    query.end = begin + 60'000;
    return query;
  }

  std::int64_t begin = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(message_index)

BOOST_AUTO_TEST_CASE(hashes_are_apaches) {
  BOOST_TEST(index_hash("T1#k1") == 79072524);
  BOOST_TEST(index_hash("polygenelubricants") == 0);  // Java: Integer.MIN_VALUE
  BOOST_TEST(index_hash("T#Aa") == index_hash("T#BB"));
}

BOOST_FIXTURE_TEST_CASE(messages_are_found_by_key_and_by_unique_key, World) {
  fill(0, 200);
  check_all(200);
  BOOST_TEST(index_files().size() > 8U);  // three keys each
}

BOOST_FIXTURE_TEST_CASE(a_new_message_is_found_at_once, World) {
  for (int i = 0; i < 20; ++i) {
    append(i);
    BOOST_TEST((find("u" + std::to_string(i)) == std::vector<std::string>{std::to_string(i)}));
  }
}

BOOST_FIXTURE_TEST_CASE(the_newest_are_returned_in_the_order_of_the_log, World) {
  fill(0, 70);
  BOOST_TEST(find("r3", 4) == (std::vector<std::string>{"45", "52", "59", "66"}),
             boost::test_tools::per_element());
  BOOST_TEST(find("r3", 0).empty());
  BOOST_TEST(find("r3", -1).empty());
}

BOOST_FIXTURE_TEST_CASE(a_query_is_bounded_by_store_times, World) {
  std::int64_t start = time.wall_millis();
  fill(0, 70);  // number n is stored at start + 700 (n + 1)
  auto times_of = [&](std::int64_t begin, std::int64_t end) {
    KeyQuery query;
    query.topic = "T";
    query.key = "r0";
    query.max_count = 100;
    query.begin = begin;
    query.end = end;
    return bodies_of_query(query);
  };
  BOOST_TEST(times_of(0, start).empty());
  BOOST_TEST(times_of(start + 700 * 72, start + 1'000'000).empty());
  BOOST_TEST(times_of(start, start + 700).size() == 1U);
  // Exactly one message's time finds it, and whatever lies in the same second.
  for (int number = 0; number < 70; number += 7) {
    std::int64_t at = start + 700 * (number + 1);
    BOOST_TEST_REQUIRE((times_of(at, at) == std::vector<std::string>{std::to_string(number)}));
  }
  BOOST_TEST((times_of(start + 700 * 8, start + 700 * 15) == std::vector<std::string>{"7", "14"}));
}

BOOST_FIXTURE_TEST_CASE(equal_hashes_are_told_apart, World) {
  must_append(*core, record_of("T", 0, "Aa message", "KEYS\1Aa"));
  must_append(*core, record_of("T", 0, "BB message", "KEYS\1BB"));
  BOOST_TEST((find("Aa") == std::vector<std::string>{"Aa message"}));
  BOOST_TEST((find("BB") == std::vector<std::string>{"BB message"}));
  BOOST_TEST(find("C#").empty());  // the same hash again
  BOOST_TEST(find("Aa", 10, "U").empty());
}

BOOST_FIXTURE_TEST_CASE(a_key_given_twice_finds_a_message_once, World) {
  must_append(*core, record_of("T", 0, "x", "UNIQ_KEY\1a\2KEYS\1 a  a b "));
  BOOST_TEST((find("a") == std::vector<std::string>{"x"}));
  BOOST_TEST((find("b") == std::vector<std::string>{"x"}));
  BOOST_TEST(find("").empty());
}

BOOST_FIXTURE_TEST_CASE(rolled_back_messages_are_not_indexed_and_prepared_ones_are, World) {
  RecordView record = record_of("T", 0, "x", "KEYS\1a");
  record.sys_flag = sys_flag::kTransactionRollback;
  must_append(*core, record);
  BOOST_TEST(find("a").empty());
  record.sys_flag = sys_flag::kTransactionPrepared;
  must_append(*core, record);
  BOOST_TEST((find("a") == std::vector<std::string>{"x"}));
}

BOOST_FIXTURE_TEST_CASE(the_answer_tells_how_far_the_index_is, World) {
  KeyQuery query;
  query.topic = "T";
  query.key = "nothing";
  BOOST_TEST(core->query(query).last_update_timestamp == 0);
  append(0);
  append(1);
  KeyQueryResult result = core->query(query);
  BOOST_TEST(result.last_update_timestamp == time.wall_millis());
  BOOST_TEST(result.last_update_offset == core->queue_entries("T", 1, 0, 1).at(0).physical_offset);
}

BOOST_FIXTURE_TEST_CASE(without_index_nothing_is_found_and_nothing_written, World) {
  close();
  config.index_messages = false;
  open();
  fill(0, 3);
  BOOST_TEST(find("k1").empty());
  close();
  BOOST_TEST(!fs::exists(config.root + "/index"));
  // Switched on again, it covers the old messages too.
  config.index_messages = true;
  open();
  check_all(3);
}

BOOST_FIXTURE_TEST_CASE(an_orderly_stop_leaves_the_same_files_as_no_stop, World) {
  fill(0, 100);
  close();
  std::map<std::string, std::string> whole = index_bytes();
  fs::remove_all(config.root);
  VirtualTime().step_wall_clock(std::chrono::milliseconds(0));
  time.step_wall_clock(std::chrono::milliseconds(-70'000));
  open();
  for (int i = 0; i < 100; ++i) {
    append(i);
    if (i % 13 == 0) {
      close();
      open();
    }
  }
  close();
  BOOST_TEST((index_bytes() == whole));
  open();
  check_all(100);
}

BOOST_FIXTURE_TEST_CASE(after_a_crash_everything_is_found, World) {
  for (int round = 0; round < 12; ++round) {
    fill(round * 20, round * 20 + 13);
    if (round % 3 != 0) BOOST_TEST(!core->write_checkpoint([] {}));
    fill(round * 20 + 13, round * 20 + 20);
    if (round % 2 == 0) BOOST_TEST(find("k1").size() == 1U);
    crash();
    open();
    check_all(round * 20 + 20);
  }
}

BOOST_FIXTURE_TEST_CASE(a_crash_gives_the_same_files_as_an_orderly_stop, World) {
  fill(0, 50);
  BOOST_TEST(!core->write_checkpoint([] {}));
  fill(50, 100);
  while (core->build_index()) {
  }
  copy_store(config.root, config.root + ".killed");
  close();
  std::map<std::string, std::string> whole = index_bytes();
  fs::remove_all(config.root);
  fs::rename(config.root + ".killed", config.root);
  open();
  close();
  std::map<std::string, std::string> repaired = index_bytes();
  BOOST_TEST_REQUIRE(repaired.size() == whole.size());
  auto one = repaired.begin();
  for (const auto& [name, bytes] : whole) BOOST_TEST((bytes == (one++)->second), name);
}

BOOST_FIXTURE_TEST_CASE(a_lost_index_is_built_anew, World) {
  fill(0, 60);
  close();
  std::map<std::string, std::string> whole = index_bytes();
  fs::remove_all(config.root + "/index");
  open();
  check_all(60);
  close();
  std::map<std::string, std::string> repaired = index_bytes();
  BOOST_TEST_REQUIRE(repaired.size() == whole.size());
  auto one = repaired.begin();
  for (const auto& [name, bytes] : whole) BOOST_TEST((bytes == (one++)->second), name);
}

BOOST_FIXTURE_TEST_CASE(lost_and_short_files_are_built_anew, World) {
  fill(0, 100);
  close();
  std::size_t count = index_files().size();
  for (std::size_t victim = 0; victim < count; ++victim) {
    fs::path path = index_files().at(victim);
    if (victim % 2 == 0) {
      fs::remove(path);
    } else {
      fs::resize_file(path, 100);
    }
    open();
    // A file that is missing in the middle is not missed; one at the end or a short one is.
    if (victim + 1 == count || victim % 2 == 1) check_all(100);
    close();
    fs::remove_all(config.root + "/index");
    open();
    check_all(100);
    close();
  }
}

// The checkpoint knows of one by that name that had other messages.
BOOST_FIXTURE_TEST_CASE(the_name_of_a_lost_file_is_not_given_to_another, World) {
  config.index_entries = 20;
  core.reset();
  fs::remove_all(config.root);
  open();
  // Within one millisecond, so that names follow each other: four files.
  for (int i = 0; i < 20; ++i) {
    must_append(*core, record_of("T", 0, std::to_string(i), "KEYS\1x y z k" + std::to_string(i)));
  }
  while (core->build_index()) {
  }
  BOOST_TEST_REQUIRE(!core->write_checkpoint([] {}));
  crash();
  const std::vector<fs::path> known = index_files();
  BOOST_TEST_REQUIRE(known.size() > 2U);
  for (std::size_t i = 0; i + 1 < known.size(); ++i) fs::resize_file(known[i], 100);
  fs::remove(known.back());
  for (int starts = 0; starts < 3; ++starts) {
    open();
    for (int i = 0; i < 20; ++i) BOOST_TEST_REQUIRE(find("k" + std::to_string(i)).size() == 1U);
    crash();
  }
}

BOOST_FIXTURE_TEST_CASE(no_flipped_bit_shows_another_message, World) {
  fill(0, 30);
  close();
  const std::map<std::string, std::string> good = index_bytes();
  unsigned seed = 1;
  for (int round = 0; round < 300; ++round) {
    seed = seed * 1664525U + 1013904223U;
    auto file = std::next(good.begin(), (seed >> 8U) % static_cast<unsigned>(good.size()));
    std::string bytes = file->second;
    std::size_t at = (seed >> 4U) % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1U << (seed % 8)));
    write_at(fs::path(config.root) / "index" / file->first, 0, bytes);
    open();
    for (int i = 0; i < 30; ++i) {
      std::string number = std::to_string(i);
      std::vector<std::string> found = find("u" + number);
      BOOST_TEST_REQUIRE((found.empty() || found == std::vector<std::string>{number}));
    }
    core.reset();  // no orderly stop: the next round begins with these files
    fs::remove_all(config.root + "/index");
    fs::create_directory(config.root + "/index");
    fs::remove(config.root + "/abort");
    for (const auto& [name, content] : good) {
      std::ofstream(fs::path(config.root) / "index" / name, std::ios::binary) << content;
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_log_cut_short_takes_its_keys_along, World) {
  fill(0, 40);
  std::int64_t cut = core->queue_entries("T", 0, 10, 1).at(0).physical_offset;  // number 30
  close();
  fs::resize_file(log_file(config.root, 0), static_cast<std::uintmax_t>(cut));
  fs::remove(config.root + "/checkpoint");
  fs::remove(config.root + "/synced");
  open();
  BOOST_TEST(core->recovery_report().end == cut);
  check_all(30);
  fill(30, 40);
  check_all(40);
}

BOOST_FIXTURE_TEST_CASE(want_of_space_delays_the_index_only, World) {
  files.fail_when(fail_on(Call::create, "/index/", ENOSPC));
  fill(0, 10);
  BOOST_TEST(find("k1").empty());
  BOOST_TEST(core->read_only_reason().empty());
  BOOST_TEST(!core->write_checkpoint([] {}));
  files.fail_no_more();
  check_all(10);
  files.fail_when(fail_on(Call::write, "/index/", ENOSPC));
  fill(10, 100);
  BOOST_TEST(!core->write_checkpoint([] {}));
  files.fail_no_more();
  check_all(100);
  close();
  open();
  check_all(100);
}

BOOST_FIXTURE_TEST_CASE(an_io_error_of_the_index_stops_nothing_else, World) {
  for (Call call : {Call::create, Call::resize, Call::write, Call::sync_data}) {
    int count = static_cast<int>(core->max_offset("T", 0)) * 3;
    files.fail_when(fail_on(call, "/index/", EIO));
    fill(count, count + 90);
    while (core->build_index()) {
    }
    BOOST_TEST(!core->write_checkpoint([] {}));
    BOOST_TEST(core->read_only_reason().empty());
    files.fail_no_more();
    crash();
    open();
    check_all(count + 90);
  }
}

BOOST_FIXTURE_TEST_CASE(an_unreadable_index_does_not_refuse_the_start, World) {
  fill(0, 10);
  close();
  files.fail_when(fail_on(Call::open, "/index/", EIO));
  open();
  BOOST_TEST(find("k1").empty());
  fill(10, 20);
  close();
  files.fail_no_more();
  open();
  check_all(20);
}

BOOST_FIXTURE_TEST_CASE(another_shape_builds_it_anew, World) {
  fill(0, 30);
  close();
  config.index_slots = 5;
  open();
  check_all(30);
}

BOOST_FIXTURE_TEST_CASE(keys_of_unsynced_messages_are_not_found, World) {
  close();
  config.flush = FlushMode::sync_flush;
  open();
  append(0);
  BOOST_TEST(find("k0").empty());
  BOOST_TEST(!core->sync());
  BOOST_TEST(find("k0").size() == 1U);
}

// No checksum covers the time in a record.
BOOST_FIXTURE_TEST_CASE(a_damaged_store_time_hides_no_other_message, World) {
  constexpr std::int64_t kStoreTimeAt = 56;
  constexpr int kCount = 6;
  fill(0, kCount);
  const std::int64_t begin = time.wall_millis() - 1'000'000;
  close();
  fs::remove_all(config.root + "/index");
  copy_store(config.root, config.root + ".whole");
  for (int damaged = 0; damaged < kCount; ++damaged) {
    for (const std::string& bytes :
         {std::string(8, '\0'), std::string("\xff"), std::string("\x40")}) {
      copy_store(config.root + ".whole", config.root);
      open();
      const std::int64_t place =
          core->queue_entries("T", damaged % 3, damaged / 3, 1).at(0).physical_offset;
      write_at(log_file(config.root, 0), place + kStoreTimeAt, bytes);
      for (int i = 0; i < kCount; ++i) {
        const std::string number = std::to_string(i);
        BOOST_TEST_REQUIRE((find("k" + number) == std::vector{number}), damaged << " hides " << i);
        const std::string unique = "u" + number;
        KeyQuery query;
        query.topic = "T";
        query.key = unique;
        query.begin = begin;
        if (i != damaged) BOOST_TEST_REQUIRE(bodies_of_query(query).size() == 1U);
      }
      core.reset();
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_key_of_very_many_messages_is_searched_with_few_reads, ManyWorld) {
  int reads = 0;
  files.fail_when([&](Call call, const std::string& path) {
    reads += call == Call::read && path.find("/index/") != std::string::npos ? 1 : 0;
    return error_code();
  });
  BOOST_TEST(core->query(of_the_first()).count == 10);
  BOOST_TEST(reads < 110, reads << " reads of " << kMany << " entries of 20 bytes");
  reads = 0;
  KeyQuery newest;
  newest.topic = "T";
  newest.key = "hot";
  BOOST_TEST(core->query(newest).count == 32);
  BOOST_TEST(reads <= 3);
}

BOOST_FIXTURE_TEST_CASE(appends_and_the_building_of_the_index_do_not_wait_for_a_query, ManyWorld) {
  int reads = 0;
  int meanwhile = 0;
  std::thread::id query;
  files.fail_when([&](Call call, const std::string& path) {
    const bool is_read = call == Call::read && path.find("/index/") != std::string::npos;
    if (!is_read || std::this_thread::get_id() != query || ++reads % 10 != 5) return error_code();
    // In the middle of the search: what needs the index's lock gets it.
    auto work = std::async(std::launch::async, [&] {
      append_many(100);
      return core->build_index() && core->indexed_end() == core->readable_end();
    });
    const bool is_done = work.wait_for(std::chrono::seconds(30)) == std::future_status::ready;
    BOOST_TEST(is_done);
    if (is_done) BOOST_TEST(work.get());
    ++meanwhile;
    return error_code();
  });
  query = std::this_thread::get_id();
  BOOST_TEST(core->query(of_the_first()).count == 10);
  BOOST_TEST(meanwhile > 5);
}

BOOST_FIXTURE_TEST_CASE(messages_are_found_by_their_tag_and_by_no_key_that_looks_like_it, World) {
  must_append(*core, record_of("T", 0, "tagged", "TAGS\1red"));
  must_append(*core, record_of("T", 0, "with a key", "KEYS\1red T#red"));
  must_append(*core, record_of("U", 0, "of another topic", "TAGS\1red"));
  const auto check = [this] {
    KeyQuery query;
    query.topic = "T";
    query.key = "red";
    query.kind = KeyKind::tag;
    BOOST_TEST((bodies_of_query(query) == std::vector<std::string>{"tagged"}));
    query.max_count = 0;
    BOOST_TEST(bodies_of_query(query).empty());
    BOOST_TEST((find("red") == std::vector<std::string>{"with a key"}));
    BOOST_TEST((find("T#red") == std::vector<std::string>{"with a key"}));
  };
  check();
  close();
  open();
  check();
  crash();
  open();
  check();
}

BOOST_AUTO_TEST_CASE(a_search_ends_when_its_budget_is_spent) {
  TempDirectory directory;
  IndexShape shape;
  shape.slots = 10;
  shape.entries = 20'001;
  const std::string path = (directory.path() / "index").string();
  std::unique_ptr<IndexFile> file =
      std::move(*IndexFile::create(posix_files(), path, shape, IndexHeader()));
  for (int i = 0; i < 20'000; ++i) file->put(i % 5000 == 0 ? 7 : 3, 1000 + i, 1'600'000'000'000);
  BOOST_TEST(!file->write_entries());
  const auto found = [&](std::int32_t hash, IndexBudget& budget, std::size_t most = 100'000) {
    IndexSearch search;
    search.hash = hash;
    search.end = std::numeric_limits<std::int64_t>::max();
    search.max_count = most;
    std::vector<std::int64_t> offsets;
    Result<IndexWalk> walk = file->begin_search(search, offsets);
    BOOST_TEST_REQUIRE(walk.has_value());
    BOOST_TEST(!walk->go_on(offsets, budget));
    BOOST_TEST(std::ranges::is_sorted(offsets, std::greater()));
    return offsets.size();
  };
  IndexBudget all;
  BOOST_TEST(found(3, all) == 19'996U);
  BOOST_TEST(!all.is_spent());
  IndexBudget few;
  few.entries = 100;
  BOOST_TEST(found(3, few) == 100U);
  BOOST_TEST(few.is_spent());
  IndexBudget reads;
  reads.reads = 2;
  BOOST_TEST(found(7, reads) == 2U, "far from each other");
  BOOST_TEST(reads.is_spent());
  IndexBudget unspent;
  BOOST_TEST(found(7, unspent, 3) == 3U);
  BOOST_TEST(found(13, unspent) == 0U, "of the same slot, another hash");
}

BOOST_AUTO_TEST_SUITE_END()
