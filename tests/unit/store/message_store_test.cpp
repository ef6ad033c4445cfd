#include "store_fixture.hpp"

using namespace comet;
using namespace comet::test;
using store::ReadStatus;
using store::StoreErrc;

BOOST_FIXTURE_TEST_SUITE(message_store, StoreFixture)

BOOST_AUTO_TEST_CASE(what_is_appended_is_read_back_in_order_with_consecutive_offsets) {
  open();
  for (int i = 0; i < 250; ++i) {
    store::AppendResult result = append("T", i % 2, "body " + std::to_string(i));
    BOOST_TEST(!result.error);
    BOOST_TEST(result.queue_offset == i / 2);
  }
  std::vector<std::string> even = bodies("T", 0);
  BOOST_REQUIRE(even.size() == 125u);
  BOOST_TEST(even[124] == "body 248");
  BOOST_TEST(store->max_offset("T", 1) == 125);
  BOOST_TEST(store->min_offset("T", 1) == 0);
  BOOST_TEST(store->max_offset("none", 0) == 0);
  BOOST_TEST((bodies("T", 0, 120) == std::vector<std::string>{"body 240", "body 242", "body 244", "body 246", "body 248"}));
}

BOOST_AUTO_TEST_CASE(reads_say_where_the_asked_offset_lies) {
  open();
  auto status = [this](std::int64_t offset) { return store->read("T", 0, offset, store::ReadLimits()).status; };
  BOOST_TEST((status(0) == ReadStatus::no_matched_logic_queue));
  append("T", 0, "one");
  append("T", 0, "two");
  BOOST_TEST((status(0) == ReadStatus::found));
  BOOST_TEST((status(2) == ReadStatus::offset_overflow_one));
  BOOST_TEST((status(3) == ReadStatus::offset_overflow_badly));
  BOOST_TEST((status(-1) == ReadStatus::offset_too_small));
  BOOST_TEST(store->read("T", 0, 1000, store::ReadLimits()).next_offset == 2);
}

BOOST_AUTO_TEST_CASE(a_record_never_crosses_a_files_end_and_a_blank_fills_the_rest) {
  open();
  for (int i = 0; i < 100; ++i) BOOST_TEST(!append("T", 0, std::string(1500, static_cast<char>('a' + i % 26))).error);
  BOOST_TEST(std::filesystem::exists(log_file(64 * 1024)));
  std::string first = *read_file(log_file());
  BOOST_TEST(first.size() == 64u * 1024);
  // 1500 bytes of body, 91 of overhead, 1 of topic: 41 records and a blank
  constexpr std::size_t kEnd = 41 * 1592;
  BOOST_TEST((first.substr(kEnd + 4, 4) == "\xCB\xD4\x31\x94"));
  BOOST_TEST(bodies("T", 0).size() == 100u);
  store::AppendResult last = append("T", 0, "x");
  BOOST_TEST(last.physical_offset % (64 * 1024) == (100 - 82) * 1592);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused_and_leaves_no_trace) {
  config.max_message_size = 1000;
  open();
  BOOST_TEST((append("T", 0, std::string(1001, 'x')).error == StoreErrc::message_too_large));
  BOOST_TEST((append("T", 0, "x", std::string(32768, 'p')).error == StoreErrc::message_too_large));
  BOOST_TEST((append("../T", 0, "x").error == StoreErrc::illegal_queue));
  BOOST_TEST((append("T", -1, "x").error == StoreErrc::illegal_queue));
  BOOST_TEST(store->max_physical_offset() == 0);
  BOOST_TEST(!append("T", 0, std::string(1000, 'x')).error);
}

BOOST_AUTO_TEST_CASE(an_orderly_stop_and_a_crash_both_keep_every_message) {
  for (bool orderly : {true, false}) {
    open();
    std::vector<std::string> before = bodies("T", 0);
    for (int i = 0; i < 200; ++i) append("T", 0, "message " + std::to_string(i) + std::string(300, '.'));
    std::vector<std::string> expected = bodies("T", 0);
    BOOST_TEST(expected.size() == before.size() + 200);
    if (orderly) close(); else crash();
    open();
    BOOST_TEST((bodies("T", 0) == expected));
    BOOST_TEST(append("T", 0, "next").queue_offset == static_cast<std::int64_t>(expected.size()));
    close();
  }
}

BOOST_AUTO_TEST_CASE(queues_that_are_lost_or_damaged_are_rebuilt_from_the_log) {
  open();
  for (int i = 0; i < 300; ++i) append("T", i % 3, "message " + std::to_string(i));
  std::vector<std::string> expected[3] = {bodies("T", 0), bodies("T", 1), bodies("T", 2)};
  crash();
  std::filesystem::remove_all(config.root + "/consumequeue/T/0");
  overwrite(config.root + "/consumequeue/T/1/00000000000000000000", 40, std::string(200, '\x7f'));
  std::filesystem::resize_file(config.root + "/consumequeue/T/2/00000000000000000000", 100);
  open();
  for (int queue : {0, 1, 2}) BOOST_TEST((bodies("T", queue) == expected[queue]), "queue " << queue);
}

BOOST_AUTO_TEST_CASE(a_log_cut_anywhere_in_its_last_record_comes_back_with_all_before_it) {
  open();
  for (int i = 0; i < 5; ++i) append("T", 0, "message " + std::to_string(i));
  const std::int64_t end = store->max_physical_offset();
  store::AppendResult last = append("T", 0, "the last one");
  crash();
  const std::string whole = *read_file(log_file());
  const std::int64_t record_end = last.physical_offset + 91 + 1 + 12;
  for (std::int64_t cut = end; cut < record_end; ++cut) {
    for (char tail : {'\0', '\x55'}) {
      std::string damaged = whole;
      for (std::int64_t at = cut; at < record_end + 50; ++at) damaged[static_cast<std::size_t>(at)] = tail;
      if (damaged == whole) continue;
      std::filesystem::remove_all(config.root + "/consumequeue");
      BOOST_REQUIRE(!write_file_atomically(log_file(), damaged, false));
      BOOST_REQUIRE(!write_file_atomically(config.root + "/abort", "", false));
      open();
      const std::size_t found = bodies("T", 0).size();
      BOOST_TEST(found >= 5u, "cut at " << cut);
      if (tail != '\0' || cut < record_end - 12) BOOST_TEST(found <= 6u);
      BOOST_TEST((bodies("T", 0)[4] == "message 4"));
      BOOST_TEST(!append("T", 0, "goes on").error);
      BOOST_TEST(bodies("T", 0).back() == "goes on");
      close();
    }
  }
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_in_the_log_is_never_delivered) {
  open();
  for (int i = 0; i < 20; ++i) append("T", 0, "message " + std::to_string(i));
  crash();
  const std::string whole = *read_file(log_file());
  const std::size_t used = 20 * 101 + 10;
  for (std::size_t at = 0; at < used; at += 13) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    BOOST_REQUIRE(!write_file_atomically(log_file(), damaged, false));
    std::filesystem::remove_all(config.root + "/consumequeue");
    BOOST_REQUIRE(!write_file_atomically(config.root + "/abort", "", false));
    open();
    // The checksum covers the body; a flipped queue id or topic takes a message elsewhere.
    int last = -1;
    for (const std::string& body : bodies("T", 0)) {
      BOOST_REQUIRE_MESSAGE(body.starts_with("message "), "bit at " << at << ": " << body);
      const int number = std::stoi(body.substr(8));
      BOOST_TEST(body == "message " + std::to_string(number));
      BOOST_TEST(number > last, "bit at " << at);
      last = number;
    }
    close();
    std::filesystem::remove_all(config.root + "/commitlog");
    std::filesystem::create_directory(config.root + "/commitlog");
  }
}

BOOST_AUTO_TEST_CASE(a_directory_belongs_to_one_store_at_a_time) {
  open();
  BOOST_CHECK_EXCEPTION(store::MessageStore(config, context.get_executor(), real_time()), Error, [&](const Error& error) {
    return error.code() == StoreErrc::locked && std::string(error.what()).find(config.root) != std::string::npos;
  });
  close();
  open();
}

BOOST_AUTO_TEST_CASE(another_file_size_than_the_directorys_is_refused_with_the_way_out) {
  open();
  append("T", 0, "x");
  close();
  config.commit_log_file_size = 32 * 1024;
  BOOST_CHECK_EXCEPTION(open(), Error, [](const Error& error) {
    return error.code() == StoreErrc::wrong_file_size &&
           std::string(error.what()).find("mappedFileSizeCommitLog=32768") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(sync_flush_acknowledges_and_shows_messages_after_the_disk_has_them) {
  config.flush = store::FlushMode::sync_flush;
  open();
  std::vector<std::int64_t> arrived;
  store->observe_arrivals([&](const store::Arrival& arrival) { arrived.push_back(arrival.queue_offset); });
  for (int i = 0; i < 10; ++i) {
    BOOST_TEST(!append("T", 0, "durable " + std::to_string(i)).error);
    BOOST_TEST(bodies("T", 0).size() == static_cast<std::size_t>(i + 1));
  }
  context.restart();
  context.poll();
  BOOST_TEST(arrived.size() == 10u);
}

BOOST_AUTO_TEST_CASE(many_appenders_are_written_together_and_each_gets_its_own_place) {
  open();
  std::vector<std::string> texts;
  for (int i = 0; i < 500; ++i) texts.push_back("text " + std::to_string(i));
  std::vector<std::int64_t> offsets;
  for (const std::string& text : texts) {
    RecordView record;
    record.topic = "T";
    record.body = text;
    auto on_end = [&offsets](std::exception_ptr, store::AppendResult result) { offsets.push_back(result.queue_offset); };
    asio::co_spawn(context, store->append(record), on_end);
  }
  context.restart();
  while (offsets.size() < texts.size()) context.run_one();
  BOOST_TEST((bodies("T", 0) == texts));
  for (std::size_t i = 0; i < offsets.size(); ++i) BOOST_TEST(offsets[i] == static_cast<std::int64_t>(i));
}

BOOST_AUTO_TEST_SUITE_END()
