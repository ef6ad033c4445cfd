// Records that are handed out as pages of the log: only the kernel reads them, so that a file that
// is cut costs an error where it would have killed the process (D8).

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <optional>
#include <stdexcept>
#include <thread>

#include "comet/base/timer.hpp"
#include "consume_queue.hpp"
#include "store_support.hpp"
#include "unit_sums.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

constexpr int kCount = 300;
constexpr std::size_t kBodySize = 700;

std::string body_of(std::int64_t number) {
  std::string body = std::to_string(number) + ' ';
  return body.append(kBodySize - body.size(), static_cast<char>('a' + number % 26));
}

// What the kernel takes of the pages: all of them, or nothing. Throws where it should not: several
// threads send, and Boost.Test's checks are for one.
class Sending {
 public:
  ~Sending() { ::close(file_); }
  std::optional<std::string> send(const Body& body) {
    std::vector<iovec> pieces;
    for (const std::span<const char> part : body.pages()->parts()) {
      pieces.push_back({const_cast<char*>(part.data()), part.size()});  // NOLINT
    }
    const ssize_t n = ::pwritev(file_, pieces.data(), static_cast<int>(pieces.size()), 0);
    if (n != static_cast<ssize_t>(body.size())) {
      // It has taken what lies before the cut, or nothing.
      if (n < 0 && errno != EFAULT) throw std::runtime_error("pwritev: neither sent nor EFAULT");
      for (const std::span<const char> part : body.pages()->parts()) {
        (void)body.pages()->file().note_unsendable(part.data());
        break;
      }
      return std::nullopt;
    }
    std::string bytes(body.size(), '\0');
    if (::pread(file_, bytes.data(), bytes.size(), 0) != n) throw std::runtime_error("pread");
    return bytes;
  }

 private:
  int file_ = ::memfd_create("sent", 0);
};

// Queue T 0 with kCount messages, between those of T 1, in several files of the log.
class World {
 public:
  World() {
    files.skip_syncs = true;
    config.commit_log_file_size = 64 * 1024;
    config.consume_queue_file_size = 64 * 20;
    open();
    for (int i = 0; i < kCount; ++i) append(i);
  }
  void open() {
    if (core) core->close();
    core.reset();
    core.emplace(config, time, files);
  }
  void append(std::int64_t number) {
    must_append(*core, record_of("T", 0, body_of(number), number % 10 == 5 ? "TAGS\1TagA" : ""));
    must_append(*core, record_of("T", 1, body_of(number)));
  }
  ReadResult read(std::int64_t offset, bool in_pages = true, const TagFilter& filter = {},
                  const RecordFilter& exact_filter = {}) const {
    ReadLimits limits;
    limits.in_pages = in_pages;
    return core->read("T", 0, offset, limits, filter, exact_filter);
  }
  // The numbers of messages that pages brought, from the queue's begin to its end.
  std::vector<std::int64_t> read_all_in_pages(const TagFilter& filter = {}) {
    std::vector<std::int64_t> numbers;
    for (std::int64_t at = 0; at < core->max_offset("T", 0);) {
      const ReadResult result = read(at, true, filter);
      BOOST_TEST_REQUIRE(result.next_offset > at);
      at = result.next_offset;
      if (result.count == 0) continue;
      BOOST_TEST_REQUIRE(result.records.pages());
      const std::optional<std::string> bytes = sending.send(result.records);
      BOOST_TEST_REQUIRE(bytes.has_value());
      BOOST_TEST(result.records.to_string() == *bytes);
      add_checked(*bytes, result, numbers);
    }
    return numbers;
  }
  static void add_checked(const std::string& bytes, const ReadResult& result,
                          std::vector<std::int64_t>& numbers) {
    const std::vector<MessageExt> messages = decode_records(bytes);
    BOOST_TEST(std::ssize(messages) == result.count);
    for (const MessageExt& message : messages) {
      BOOST_TEST_REQUIRE(message.body() == body_of(message.queue_offset));
      BOOST_TEST_REQUIRE(message.queue_id == 0);
      numbers.push_back(message.queue_offset);
    }
  }
  std::vector<fs::path> log_files() const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(fs::path(config.root) / "commitlog")) {
      paths.push_back(entry.path());
    }
    std::ranges::sort(paths);
    return paths;
  }
  // In the files there is a message's unit, 20 bytes.
  fs::path queue_file_of(std::int64_t offset) const {
    return queue_file(config.root, "T", 0, offset / 64 * 64 * 20);
  }

  TempDirectory directory;
  StoreConfig config = small_config(directory);
  VirtualTime time;
  FaultyFiles files;
  std::optional<StoreCore> core;
  Sending sending;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pages)

BOOST_FIXTURE_TEST_CASE(what_this_process_has_stored_is_handed_out_as_pages, World) {
  const auto is_whole = [this] {
    const std::vector<std::int64_t> numbers = read_all_in_pages();
    BOOST_TEST_REQUIRE(numbers.size() == static_cast<std::size_t>(core->max_offset("T", 0)));
    BOOST_TEST(std::ranges::is_sorted(numbers));
  };
  is_whole();  // most units are in memory
  write_units(*core);
  is_whole();  // in files
  for (int i = 0; i < 7; ++i) append(kCount + i);
  write_units(*core);
  for (int i = 0; i < 9; ++i) append(kCount + 7 + i);
  is_whole();
  const int reads = files.count(Call::read);
  (void)read(0);
  BOOST_TEST(files.count(Call::read) == reads + 2, "units, and the last one's head");
}

BOOST_FIXTURE_TEST_CASE(pages_hold_to_the_limits_and_to_the_filter, World) {
  write_units(*core);
  const TagFilter tag_a = [](std::int64_t code) { return code == 2598919; };
  const std::vector<std::int64_t> tagged = read_all_in_pages(tag_a);
  BOOST_TEST_REQUIRE(tagged.size() == kCount / 10U);
  BOOST_TEST(tagged.at(1) == 15);
  const ReadResult none = read(0, true, [](std::int64_t) { return false; });
  BOOST_TEST((none.status == ReadStatus::no_matched_message));
  BOOST_TEST(none.next_offset == kCount);
  ReadLimits limits;
  limits.in_pages = true;
  limits.max_count = 5;
  BOOST_TEST(core->read("T", 0, 100, limits, {}).next_offset == 105);
  limits.max_count = 32;
  limits.max_bytes = 2 * 850;
  BOOST_TEST(core->read("T", 0, 1, limits, {}).count == 2);
  limits.max_bytes = 1;
  BOOST_TEST(core->read("T", 0, 1, limits, {}).count == 1);
}

BOOST_FIXTURE_TEST_CASE(what_somebody_has_to_look_at_is_read_into_memory, World) {
  const auto in_memory = [](const ReadResult& result) {
    return result.count > 0 && !result.records.pages();
  };
  BOOST_TEST(in_memory(read(3, false)));
  BOOST_TEST(in_memory(read(3, true, {}, [](const RecordView&) { return true; })));
  must_append(*core, record_of("small", 0, "x"));
  must_append(*core, record_of("T", 1, body_of(kCount)));
  must_append(*core, record_of("small", 0, "x"));
  ReadLimits limits;
  limits.in_pages = true;
  BOOST_TEST(in_memory(core->read("small", 0, 0, limits, {})), "a copy costs less");
  open();  // no unit of the last life is certain
  BOOST_TEST(in_memory(read(3)));
  BOOST_TEST(in_memory(read(kCount - 1)));
  append(kCount);
  BOOST_TEST(read(kCount).records.pages());
  write_units(*core);
  BOOST_TEST(in_memory(read(kCount)), "the last life's are summed up with it");
  for (int i = 1; i < 64; ++i) append(kCount + i);
  write_units(*core);
  BOOST_TEST(in_memory(read(kCount)));
  BOOST_TEST(read(kCount + 20).records.pages(), "it is 320");
}

BOOST_FIXTURE_TEST_CASE(a_unit_that_is_changed_in_the_files_makes_no_other_message_appear, World) {
  write_units(*core);
  const std::string bytes = comet::store::test::read_whole(queue_file_of(70));
  const auto unit = [&](std::int64_t offset) {
    return bytes.substr(static_cast<std::size_t>(offset % 64) * 20, 20);
  };
  for (const std::string& wrong : {unit(71), unit(90), std::string(20, '\0')}) {
    write_at(queue_file_of(70), 70 % 64 * 20, wrong);
    const ReadResult result = read(68);
    BOOST_TEST(!result.records.pages());
    for (const MessageExt& message : messages_of(result)) {
      BOOST_TEST_REQUIRE(message.queue_offset != 70);
      BOOST_TEST_REQUIRE(message.body() == body_of(message.queue_offset));
    }
    BOOST_TEST(read(130).records.pages());
  }
  write_at(queue_file_of(70), 70 % 64 * 20, unit(70));
  BOOST_TEST(read_all_in_pages().size() == kCount);
}

BOOST_FIXTURE_TEST_CASE(a_file_that_is_cut_is_not_sent_from_pages_any_more, World) {
  write_units(*core);
  const ReadResult before = read(0);
  BOOST_TEST_REQUIRE(before.records.pages());
  fs::resize_file(log_files().at(0), 5000);
  BOOST_TEST(!sending.send(before.records).has_value());
  BOOST_TEST(core->damage_stats().read_faults == 1);
  BOOST_TEST((read(10).status == ReadStatus::read_failed), "as without pages");
  BOOST_TEST(!read(0).records.pages());
  BOOST_TEST(read(kCount / 2).records.pages(), "the others are");
  BOOST_CHECK_THROW((void)before.records.to_string(), Error);
}

BOOST_FIXTURE_TEST_CASE(a_cut_that_has_been_made_good_with_zeros_shows, World) {
  write_units(*core);
  const fs::path victim = log_files().at(0);
  const std::uintmax_t size = fs::file_size(victim);
  BOOST_TEST(read(0).records.pages());
  fs::resize_file(victim, 5000);
  fs::resize_file(victim, size);
  const ReadResult result = read(0);
  BOOST_TEST(!result.records.pages());
  for (const MessageExt& message : messages_of(result)) {
    BOOST_TEST_REQUIRE(message.body() == body_of(message.queue_offset));
  }
  BOOST_TEST(read(kCount - 1).records.pages());
  // The one that is written goes on behind the hole.
  fs::resize_file(log_files().back(), 10);
  append(kCount);
  BOOST_TEST(decode_records(read(kCount).records.to_string()).at(0).body() == body_of(kCount));
}

BOOST_FIXTURE_TEST_CASE(a_record_that_is_not_there_to_its_end_is_not_sent_from_pages, World) {
  for (const std::size_t size : {700U, 20'000U}) {
    must_append(*core, record_of("T", 2, std::string(size, 'z')));
    must_append(*core, record_of("T", 2, std::string(size, 'z')));
    ReadLimits limits;
    limits.in_pages = true;
    const std::int64_t last = core->max_offset("T", 2) - 1;
    const ReadResult before = core->read("T", 2, last, limits, {});
    BOOST_TEST_REQUIRE(before.records.pages());
    const std::int64_t end = core->appended_end() % config.commit_log_file_size;
    fs::resize_file(log_files().back(), static_cast<std::uintmax_t>(end - 1));
    const ReadResult after = core->read("T", 2, last, limits, {});
    BOOST_TEST(!after.records.pages(), size);
    BOOST_TEST((after.status == ReadStatus::read_failed), size);
    open();
  }
}

BOOST_FIXTURE_TEST_CASE(a_removed_file_stays_as_long_as_an_answer_lies_in_it, World) {
  write_units(*core);
  BOOST_TEST(!core->write_checkpoint([] {}));
  const ReadResult answer = read(0);
  std::vector<ReadResult> others;
  for (std::int64_t at = 0; at < kCount; at += 20) others.push_back(read(at));
  core->request_deletion();
  core->clean(4'000'000'000'000);
  BOOST_TEST_REQUIRE(core->min_physical_offset() > 0);
  BOOST_TEST(core->read("T", 0, 0, ReadLimits(), {}).count == 0);
  std::vector<std::int64_t> numbers;
  const std::optional<std::string> bytes = sending.send(answer.records);
  BOOST_TEST_REQUIRE(bytes.has_value());
  add_checked(*bytes, answer, numbers);
  core.reset();
  for (const ReadResult& other : others) {
    BOOST_TEST(sending.send(other.records).has_value());
  }
}

BOOST_FIXTURE_TEST_CASE(few_files_are_mapped_and_none_that_nobody_reads, World) {
  BOOST_TEST(core->mapped_files() == 0U);
  BOOST_TEST(log_files().size() > 5U);
  BOOST_TEST(read_all_in_pages().size() == kCount);
  BOOST_TEST(core->mapped_files() == 4U);
  core->clean(0);
  (void)read(kCount - 1);
  core->clean(0);
  BOOST_TEST(core->mapped_files() == 1U);
  core->clean(0);
  BOOST_TEST(core->mapped_files() == 0U);
  BOOST_TEST(read_all_in_pages().size() == kCount);
}

BOOST_FIXTURE_TEST_CASE(threads_that_send_meet_files_that_are_cut_and_live, World) {
  write_units(*core);
  std::atomic<bool> stop{false};
  std::atomic<int> rounds{0};
  std::atomic<int> wrong{0};
  std::atomic<int> unsent{0};
  const auto send_all = [&] {
    Sending own;
    while (!stop || rounds < 12) {
      std::vector<ReadResult> answers;  // on their way
      for (std::int64_t at = 0; at < kCount; at += 16) answers.push_back(read(at));
      std::this_thread::yield();
      for (const ReadResult& answer : answers) {
        if (!answer.records.pages()) continue;
        const std::optional<std::string> bytes = own.send(answer.records);
        unsent += bytes ? 0 : 1;
        if (!bytes) continue;
        for (const MessageExt& message : decode_records(*bytes)) {
          if (message.body() != body_of(message.queue_offset)) ++wrong;
        }
      }
      ++rounds;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(send_all);
  while (rounds < 4) std::this_thread::yield();
  const std::vector<fs::path> logs = log_files();
  for (std::size_t i = 0; i + 1 < logs.size(); ++i) {
    fs::resize_file(logs.at(i), i % 2 == 0 ? 5000 : 0);
    if (i % 3 == 2) fs::remove(logs.at(i));
    append(kCount + static_cast<std::int64_t>(i));
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(wrong == 0);
  BOOST_TEST(core->read_only_reason().empty());
  const std::int64_t last = core->max_offset("T", 0) - 1;
  const ReadResult newest = read(last);
  BOOST_TEST_REQUIRE(newest.count == 1);
  BOOST_TEST(decode_records(newest.records.to_string()).at(0).body() == body_of(last));
}

BOOST_AUTO_TEST_CASE(sums_tell_units_that_were_written_from_all_others) {
  const auto unit = [](std::int64_t number) {
    QueueUnit made;
    made.physical_offset = number * 100;
    made.size = 100;
    std::string bytes(QueueUnit::kSize, '\0');
    made.encode_to(bytes.data());
    return bytes;
  };
  const auto units = [&](std::int64_t begin, std::int64_t end) {
    std::string bytes;
    for (; begin < end; ++begin) bytes += unit(begin);
    return bytes;
  };
  UnitSums sums;
  sums.begin_at(40);
  sums.add(units(40, 150));
  sums.add(units(150, 170));
  BOOST_TEST(!sums.expect(32, 64).is(units(32, 64)), "its begin is not known");
  BOOST_TEST(sums.expect(64, 96).is(units(64, 96)));
  BOOST_TEST(sums.expect(64, 170).is(units(64, 170)));
  BOOST_TEST(sums.expect(160, 170).is(units(160, 170)));
  BOOST_TEST(!sums.expect(160, 169).is(units(160, 169)), "a part has no sum");
  BOOST_TEST(!sums.expect(160, 192).is(units(160, 192)), "not written");
  BOOST_TEST(!sums.expect(64, 96).is(units(65, 97)));
  BOOST_TEST(!sums.expect(64, 96).is(units(64, 95)));
  std::string bytes = units(64, 128);
  for (std::size_t at = 0; at < bytes.size(); at += 7) {
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    BOOST_TEST(!sums.expect(64, 128).is(bytes));
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
  }
  BOOST_TEST(sums.expect(64, 128).is(bytes));
  constexpr std::int64_t kMany = 32LL * 3 * UnitSums::kMost;
  for (std::int64_t at = 170; at < kMany; at += 1000)
    sums.add(units(at, std::min(at + 1000, kMany)));
  BOOST_TEST(!sums.expect(64, 128).is(bytes), "old ones are forgotten");
  BOOST_TEST(sums.expect(kMany - 128, kMany).is(units(kMany - 128, kMany)));
  sums.begin_at(0);
  BOOST_TEST(!sums.expect(0, 32).is(units(0, 32)));
}

BOOST_AUTO_TEST_SUITE_END()
