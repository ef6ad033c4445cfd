// Old files go, and what hangs on them; offsets stay.

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <future>

#include "retention.hpp"
#include "store_support.hpp"

#include "comet/base/timer.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

constexpr std::int64_t kHour = 3600 * 1000;

class World {
 public:
  World() {
    files.skip_syncs = true;
    files.used_percent = 10;
    config.index_slots = 16;
    config.index_entries = 32;
    config.delete_when = "";
    open();
  }
  void open() { core.emplace(config, time, files); }
  void reopen() {
    core->close();
    core.reset();
    open();
  }
  // One message to a file of the log, and to each of two queues in turn.
  void fill(int from, int to) {
    for (int i = from; i < to; ++i) {
      must_append(*core, record_of("T", i % 2, std::to_string(i) + std::string(3000, ' '),
                                   "KEYS\1k" + std::to_string(i)));
    }
    BOOST_TEST(!core->sync());
    while (core->build_index()) {
    }
  }
  std::int64_t log_files() const {
    return std::distance(fs::directory_iterator(config.root + "/commitlog"),
                         fs::directory_iterator());
  }
  // A time at which all files that exist are so many hours old.
  static std::int64_t in_hours(int hours) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
               .count() +
           hours * kHour;
  }
  int count_of_key(int number) const {
    KeyQuery query;
    query.topic = "T";
    std::string key = "k" + std::to_string(number);
    query.key = key;
    return core->query(query).count;
  }

  TempDirectory directory;
  StoreConfig config = small_config(directory);
  VirtualTime time;
  FaultyFiles files;
  std::optional<StoreCore> core;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(retention)

BOOST_AUTO_TEST_CASE(delete_hours_are_read_as_apache_writes_them) {
  BOOST_TEST((parse_delete_hours("04") == std::set<int>{4}));
  BOOST_TEST((parse_delete_hours("4; 16;23;") == std::set<int>{4, 16, 23}));
  BOOST_TEST(parse_delete_hours("").empty());
  for (const char* bad : {"24", "x", "-1", "4h", "4,16"}) {
    BOOST_CHECK_THROW((void)parse_delete_hours(bad), Error);
  }
}

BOOST_AUTO_TEST_CASE(the_plan_follows_hour_disk_and_request) {
  StoreConfig config;
  std::int64_t now = 1'700'000'000'000;
  std::set<int> this_hour{local_hour_of(now)};
  std::set<int> other_hour{(local_hour_of(now) + 1) % 24};
  BOOST_TEST(local_hour_of(now + kHour) == (local_hour_of(now) + 1) % 24);
  auto plan = [&](const std::set<int>& hours, int used, bool asked) {
    return plan_retention(config, hours, now, used, asked);
  };
  BOOST_TEST(!plan(other_hour, 75, false).delete_expired);
  BOOST_TEST(plan(this_hour, 75, false).delete_expired);
  BOOST_TEST(plan(other_hour, 75, true).delete_expired);
  BOOST_TEST(plan(other_hour, 76, false).delete_expired);
  BOOST_TEST(!plan(other_hour, 85, false).ignore_age);
  BOOST_TEST(plan(other_hour, 86, false).ignore_age);
  BOOST_TEST(!plan(other_hour, 90, false).refuse_appends);
  BOOST_TEST(plan(other_hour, 91, false).refuse_appends);
  config.clean_file_forcibly = false;
  BOOST_TEST(!plan(other_hour, 95, false).ignore_age);
}

BOOST_FIXTURE_TEST_CASE(expired_files_go_at_the_hour_and_not_before, World) {
  config.delete_when = std::to_string(local_hour_of(in_hours(73)));
  reopen();
  fill(0, 8);
  BOOST_TEST(log_files() == 8);
  core->clean(in_hours(74));  // old enough, another hour
  BOOST_TEST(log_files() == 8);
  core->clean(in_hours(73 - 24));  // the hour, but too young
  BOOST_TEST(log_files() == 8);
  core->clean(in_hours(73));
  BOOST_TEST(log_files() == 1);
  BOOST_TEST(core->min_physical_offset() == 7 * 4096);
}

BOOST_FIXTURE_TEST_CASE(at_most_ten_files_go_in_a_round_and_never_the_last, World) {
  fill(0, 25);
  core->request_deletion();
  core->clean(in_hours(100));
  BOOST_TEST(log_files() == 15);
  core->clean(in_hours(100));
  BOOST_TEST(log_files() == 5);
  core->clean(in_hours(100));
  BOOST_TEST(log_files() == 1);
  core->clean(in_hours(100));
  BOOST_TEST(log_files() == 1);
}

BOOST_FIXTURE_TEST_CASE(a_request_deletes_expired_files_for_twenty_rounds, World) {
  fill(0, 3);
  core->clean(in_hours(100));
  BOOST_TEST(log_files() == 3);
  core->request_deletion();
  for (int round = 0; round < 19; ++round) core->clean(in_hours(1));
  core->clean(in_hours(100));  // the twentieth
  BOOST_TEST(log_files() == 1);
  fill(3, 5);
  core->clean(in_hours(100));
  BOOST_TEST(log_files() == 3);
}

BOOST_FIXTURE_TEST_CASE(a_disk_that_fills_up_takes_old_files_then_young_ones, World) {
  fill(0, 5);
  files.used_percent = 80;
  core->clean(in_hours(71));
  BOOST_TEST(log_files() == 5);
  core->clean(in_hours(73));
  BOOST_TEST(log_files() == 1);
  fill(5, 10);
  files.used_percent = 86;
  core->clean(in_hours(0));
  BOOST_TEST(log_files() == 1);
}

BOOST_FIXTURE_TEST_CASE(young_files_go_only_until_there_is_space, World) {
  fill(0, 10);
  int removed = 0;
  files.used_percent = 88;
  files.fail_when([&](Call call, const std::string& path) {
    if (call == Call::remove && path.find("commitlog") != std::string::npos) {
      files.used_percent = 88 - ++removed;  // each file is one percent
    }
    return error_code();
  });
  core->clean(in_hours(0));
  BOOST_TEST(removed == 3);
  BOOST_TEST(log_files() == 7);
}

BOOST_FIXTURE_TEST_CASE(a_disk_too_full_refuses_appends_until_it_is_not, World) {
  config.clean_file_forcibly = false;
  reopen();
  fill(0, 3);
  files.used_percent = 91;
  core->clean(in_hours(0));
  BOOST_TEST(core->disk_state().full);
  BOOST_TEST(core->disk_state().commit_log_ratio == 0.91);
  BOOST_TEST(append_one(*core, record_of("T", 0, "x")).error ==
             make_error_code(StoreErrc::disk_full));
  BOOST_TEST(core->read_only_reason().empty());
  BOOST_TEST(bodies_of(*core, "T", 0).size() == 2U);
  files.used_percent = 90;
  core->clean(in_hours(0));
  BOOST_TEST(!core->disk_state().full);
  must_append(*core, record_of("T", 0, "x"));
}

BOOST_FIXTURE_TEST_CASE(a_file_that_could_not_be_removed_does_not_take_the_queue_back, World) {
  fill(0, 200);
  write_units(*core);
  const auto first = queue_file(config.root, "T", 0, 0);
  const std::string units = read_whole(first);
  core->request_deletion();
  for (int round = 0; round < 18; ++round) core->clean(in_hours(100));
  BOOST_TEST(!core->write_checkpoint([] {}));
  BOOST_TEST_REQUIRE(!fs::exists(first));
  BOOST_TEST_REQUIRE(!fs::exists(queue_file(config.root, "T", 0, 400)));
  std::ofstream(first, std::ios::binary) << units;
  core.reset();
  open();
  BOOST_TEST(core->min_offset("T", 0) == 90);
  BOOST_TEST(core->max_offset("T", 0) == 100);
  BOOST_TEST(!fs::exists(first));
}

BOOST_FIXTURE_TEST_CASE(queues_and_index_follow_the_log, World) {
  fill(0, 100);
  write_units(*core);
  BOOST_TEST(fs::exists(queue_file(config.root, "T", 0, 0)));
  auto index_files = [&] {
    return std::distance(fs::directory_iterator(config.root + "/index"), fs::directory_iterator());
  };
  BOOST_TEST(index_files() == 4);
  core->request_deletion();
  for (int round = 0; round < 6; ++round) core->clean(in_hours(100));
  // 40 files of the log are left, and 20 messages of each queue.
  BOOST_TEST(core->min_physical_offset() == 60 * 4096);
  BOOST_TEST(core->min_offset("T", 0) == 30);
  BOOST_TEST(core->max_offset("T", 0) == 50);
  BOOST_TEST(!fs::exists(queue_file(config.root, "T", 0, 0)));
  BOOST_TEST(fs::exists(queue_file(config.root, "T", 0, 400)));
  BOOST_TEST(index_files() == 3);
  BOOST_TEST(count_of_key(59) == 0);
  BOOST_TEST(count_of_key(60) == 1);
  BOOST_TEST(bodies_of(*core, "T", 1, 30).size() == 20U);
  ReadResult result = core->read("T", 0, 3, ReadLimits(), {});
  BOOST_TEST((result.status == ReadStatus::offset_too_small));
  BOOST_TEST(result.next_offset == 30);
  reopen();
  BOOST_TEST(core->min_offset("T", 0) == 30);
  BOOST_TEST(core->max_offset("T", 0) == 50);
  BOOST_TEST(core->recovery_report().rebuilt_units == 0);
  BOOST_TEST(count_of_key(60) == 1);
}

BOOST_FIXTURE_TEST_CASE(offsets_go_on_when_every_message_of_a_queue_is_gone, World) {
  for (int i = 0; i < 5; ++i) must_append(*core, record_of("Quiet", 7, std::string(3000, 'q')));
  fill(0, 3);
  core->request_deletion();
  core->clean(in_hours(100));
  BOOST_TEST(core->min_offset("Quiet", 7) == 5);
  BOOST_TEST(core->max_offset("Quiet", 7) == 5);
  for (int round = 0; round < 2; ++round) {
    if (round == 0) {
      reopen();
    } else {  // a crash
      copy_store(config.root, config.root + ".killed");
      core.reset();
      fs::remove_all(config.root);
      fs::rename(config.root + ".killed", config.root);
      open();
      BOOST_TEST(core->recovery_report().unclean);
    }
    BOOST_TEST(core->max_offset("Quiet", 7) == 5 + round);
    AppendResult result = must_append(*core, record_of("Quiet", 7, "next"));
    BOOST_TEST(result.queue_offset == 5 + round);
  }
}

BOOST_FIXTURE_TEST_CASE(a_reader_keeps_the_bytes_of_a_deleted_file, World) {
  fill(0, 4);
  ReadResult result = core->read("T", 0, 0, ReadLimits(), {});
  SharedBytes record = core->read_record(0);
  core->request_deletion();
  core->clean(in_hours(100));
  BOOST_TEST(!fs::exists(log_file(config.root, 0)));
  BOOST_TEST(core->read_record(0).empty());
  BOOST_TEST(messages_of(result).at(0).body().substr(0, 1) == "0");
  BOOST_TEST(parse_record(record.view(), CheckCrc::yes).has_value());
}

BOOST_FIXTURE_TEST_CASE(a_file_that_cannot_be_removed_is_tried_again, World) {
  fill(0, 4);
  files.fail_when(fail_on(Call::remove, "commitlog", EBUSY));
  core->request_deletion();
  core->clean(in_hours(100));
  BOOST_TEST(core->min_physical_offset() == 0);
  BOOST_TEST(bodies_of(*core, "T", 0).size() == 2U);
  files.fail_no_more();
  core->clean(in_hours(100));
  BOOST_TEST(log_files() == 1);
}

BOOST_FIXTURE_TEST_CASE(what_is_not_on_disk_yet_is_not_deleted, World) {
  for (int i = 0; i < 4; ++i) must_append(*core, record_of("T", 0, std::string(3000, 'x')));
  core->request_deletion();
  core->clean(in_hours(100));
  BOOST_TEST(log_files() == 4);
  BOOST_TEST(!core->sync());
  core->clean(in_hours(100));
  BOOST_TEST(log_files() == 1);
}

BOOST_FIXTURE_TEST_CASE(files_deleted_between_syncs_do_not_stop_the_store, World) {
  fill(0, 100);
  core->request_deletion();
  for (int round = 0; round < 10; ++round) core->clean(in_hours(100));
  BOOST_TEST(!core->write_checkpoint([] {}));
  BOOST_TEST(core->read_only_reason().empty());
  fill(100, 110);
  BOOST_TEST(!core->write_checkpoint([] {}));
  reopen();
  BOOST_TEST(core->max_offset("T", 0) == 55);
}

BOOST_FIXTURE_TEST_CASE(a_removed_topic_begins_anew_and_stays_removed, World) {
  config.commit_log_file_size = 1 << 20;
  reopen();
  fill(0, 10);
  must_append(*core, record_of("Other", 0, "other"));
  BOOST_TEST(core->remove_topic("T") == 2);
  BOOST_TEST(core->remove_topic("T") == 0);
  BOOST_TEST(core->max_offset("T", 0) == 0);
  BOOST_TEST((core->read("T", 0, 0, ReadLimits(), {}).status == ReadStatus::no_message_in_queue));
  BOOST_TEST(!fs::exists(config.root + "/consumequeue/T"));
  BOOST_TEST(!core->write_checkpoint([] {}));
  for (bool crash : {false, true}) {
    if (!crash) core->close();
    core.reset();
    open();
    BOOST_TEST(core->recovery_report().unclean == crash);
    BOOST_TEST(core->max_offset("T", 0) == 0);
    BOOST_TEST(core->max_offset("Other", 0) == 1);
  }
  BOOST_TEST(must_append(*core, record_of("T", 0, "new")).queue_offset == 0);
  core.reset();
  open();
  BOOST_TEST((bodies_of(*core, "T", 0) == std::vector<std::string>{"new"}));
  // Not needed any more when the log has forgotten the old messages too.
  BOOST_TEST(fs::file_size(config.root + "/removedQueues.json") > 2U);
}

BOOST_FIXTURE_TEST_CASE(a_topic_that_is_removed_while_its_first_offset_is_looked_for_begins_anew,
                        World) {
  fill(0, 100);
  core->request_deletion();
  for (int round = 0; round < 10; ++round) core->clean(in_hours(100));
  BOOST_TEST(core->min_offset("T", 1) > 1);
  bool is_removed = false;
  files.fail_when([&](Call call, const std::string& path) {
    if (call == Call::read && path.find("consumequeue/T/0") != std::string::npos &&
        !std::exchange(is_removed, true)) {
      core->remove_topic("T");  // as another thread would
    }
    return error_code();
  });
  (void)core->min_offset("T", 0);
  BOOST_TEST(is_removed);
  files.fail_no_more();
  must_append(*core, record_of("T", 0, "new"));
  BOOST_TEST(!core->sync());
  BOOST_TEST(core->max_offset("T", 0) == 1);
  BOOST_TEST(core->min_offset("T", 0) == 0);
  BOOST_TEST((bodies_of(*core, "T", 0) == std::vector<std::string>{"new"}));
}

BOOST_FIXTURE_TEST_CASE(the_list_of_removed_queues_is_cleared_with_the_log, World) {
  fill(0, 10);
  BOOST_TEST(core->remove_topic("T") == 2);
  fill(10, 12);
  core->request_deletion();
  core->clean(in_hours(100));
  BOOST_TEST(read_whole(config.root + "/removedQueues.json") == "{}");
  BOOST_TEST(core->max_offset("T", 0) == 1);
}

BOOST_FIXTURE_TEST_CASE(a_log_cut_behind_a_removal_hides_no_new_message, World) {
  config.commit_log_file_size = 1 << 20;
  reopen();
  fill(0, 4);
  std::int64_t third = core->queue_entries("T", 0, 1, 1).at(0).physical_offset;
  BOOST_TEST(core->remove_topic("T") == 2);
  core.reset();
  fs::remove(config.root + "/synced");
  fs::resize_file(log_file(config.root, 0), static_cast<std::uintmax_t>(third));
  open();
  BOOST_TEST(core->recovery_report().end == third);
  BOOST_TEST(must_append(*core, record_of("T", 0, "new")).physical_offset == third);
  core.reset();
  open();
  BOOST_TEST((bodies_of(*core, "T", 0) == std::vector<std::string>{"new"}));
}

BOOST_FIXTURE_TEST_CASE(unused_and_expired_queues_are_removed_on_demand, World) {
  must_append(*core, record_of("Gone", 0, std::string(3000, 'x')));
  must_append(*core, record_of("SCHEDULE_TOPIC_XXXX", 2, std::string(3000, 'x')));
  must_append(*core, record_of("RMQ_SYS_TRANS_OP_HALF_TOPIC", 0, std::string(3000, 'x')));
  fill(0, 2);
  BOOST_TEST(core->remove_expired_queues() == 0);
  core->request_deletion();
  core->clean(in_hours(100));
  BOOST_TEST(core->max_offset("Gone", 0) == 1);
  const auto is_known = [](std::string_view topic) { return topic == "Gone" || topic == "T"; };
  const auto is_gone = [](std::string_view topic) { return topic == "Gone"; };
  BOOST_TEST(core->remove_unused_topics(is_known) == 0);
  BOOST_TEST(core->remove_expired_queues() == 3);  // T 0 as well
  BOOST_TEST(core->max_offset("Gone", 0) == 0);
  BOOST_TEST(core->max_offset("SCHEDULE_TOPIC_XXXX", 2) == 1);
  BOOST_TEST(core->max_offset("T", 1) == 1);
  BOOST_TEST(core->remove_unused_topics(is_gone) == 1);
  BOOST_TEST(core->max_offset("T", 1) == 0);
}

// Topics are made, and messages stored, while it looks for those that nobody uses.
BOOST_FIXTURE_TEST_CASE(a_topic_that_has_become_used_meanwhile_keeps_its_messages, World) {
  must_append(*core, record_of("New", 0, "x"));
  int times = 0;
  const auto is_made_meanwhile = [&times](std::string_view) { return ++times > 1; };
  BOOST_TEST(core->remove_unused_topics(is_made_meanwhile) == 0);
  BOOST_TEST(times == 2);
  BOOST_TEST((bodies_of(*core, "New", 0) == std::vector<std::string>{"x"}));
}

BOOST_FIXTURE_TEST_CASE(unsynced_messages_of_a_removed_queue_do_not_appear_in_the_new_one, World) {
  config.flush = FlushMode::sync_flush;
  reopen();
  for (int i = 0; i < 5; ++i) must_append(*core, record_of("T", 0, "old"));
  BOOST_TEST(!core->sync());
  must_append(*core, record_of("T", 0, "unsynced"));
  BOOST_TEST(core->remove_topic("T") == 1);
  must_append(*core, record_of("T", 0, "new"));
  BOOST_TEST(core->max_offset("T", 0) == 0);
  BOOST_TEST(!core->sync());
  BOOST_TEST((bodies_of(*core, "T", 0) == std::vector<std::string>{"new"}));
}

BOOST_AUTO_TEST_CASE(the_stores_own_rounds_and_removals_run_beside_the_callers_loop) {
  TempDirectory directory;
  FaultyFiles files;
  files.used_percent = 95;
  VirtualTime time;
  asio::io_context context;
  StoreConfig config = small_config(directory);
  MessageStore store(config, context.get_executor(), time, files);
  asio::cancellation_signal stop;
  asio::co_spawn(context, store.run_retention(),
                 asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
  context.poll();
  std::future<std::int64_t> removed =
      asio::co_spawn(context, store.remove_topic("T"), asio::use_future);
  context.restart();
  while (removed.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    context.run_one_for(std::chrono::seconds(10));
  }
  BOOST_TEST(removed.get() == 0);
  BOOST_TEST(store.disk_state().full);  // the round was posted before
  files.used_percent = 20;
  BOOST_TEST(time.advance_to_next(time.now() + std::chrono::seconds(10)));
  context.poll();
  removed = asio::co_spawn(context, store.remove_expired_queues(), asio::use_future);
  while (removed.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    context.run_one_for(std::chrono::seconds(10));
  }
  BOOST_TEST(!store.disk_state().full);
  stop.emit(asio::cancellation_type::all);
  context.run_for(std::chrono::seconds(10));
  store.close();
  removed = asio::co_spawn(context, store.remove_topic("T"), asio::use_future);
  context.restart();
  context.run_for(std::chrono::seconds(10));
  BOOST_CHECK_THROW(removed.get(), Error);
}

// Appends that wait for a thread's turn when the topic goes: they are of the topic that was.
BOOST_AUTO_TEST_CASE(a_removed_topic_takes_with_it_what_was_appended_and_not_yet_written) {
  TempDirectory directory;
  VirtualTime time;
  asio::io_context loop;
  asio::io_context admin;
  MessageStore store(small_config(directory), admin.get_executor(), time);
  const RecordView record = record_of("T", 0, "of the topic that was");
  std::optional<AppendResult> stored;
  store.append(std::span(&record, 1), true, loop.get_executor(),
               [&stored](AppendResult result) { stored = std::move(result); });
  std::future<std::int64_t> removed =
      asio::co_spawn(admin, store.remove_topic("T"), asio::use_future);
  while (removed.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    admin.run_one_for(std::chrono::seconds(10));
  }
  BOOST_TEST(removed.get() == 1);
  loop.run();
  BOOST_TEST_REQUIRE(stored.has_value());
  BOOST_TEST(!stored->error);
  BOOST_TEST(store.max_offset("T", 0) == 0);
  store.close();
}

BOOST_AUTO_TEST_SUITE_END()
