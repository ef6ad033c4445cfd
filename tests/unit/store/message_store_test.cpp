// The awaitable store: bursts, threads, waiting for the disk, closing.

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <map>
#include <thread>

#include "comet/base/burst.hpp"
#include "store_support.hpp"
#include "virtual_world.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

// Holds calls of sync_data on the log back until told otherwise.
class Gate {
 public:
  explicit Gate(FaultyFiles& files) : files_(files) {
    files.fail_when([this](Call call, const std::string& path) {
      if (call == Call::sync_data && path.find("commitlog") != std::string::npos) pass();
      return error_code();
    });
  }
  ~Gate() {
    open();
    files_.fail_no_more();
  }
  void shut() {
    std::lock_guard lock(mutex_);
    open_ = false;
  }
  void open() {
    {
      std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  // Until somebody stands at the gate.
  void wait_for_visitor() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }
  int passed() {
    std::lock_guard lock(mutex_);
    return passed_;
  }

 private:
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    --waiting_;
    ++passed_;
  }

  FaultyFiles& files_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int waiting_ = 0;
  int passed_ = 0;
};

class World {
 public:
  World() {
    files.skip_syncs = true;
    config.commit_log_file_size = 1 << 20;
    config.consume_queue_file_size = 20 * 1000;
    // Only what is asked for is synced while a test looks.
    config.flush_interval = std::chrono::hours(1);
  }
  ~World() {
    if (store) store->close();
    // Handlers run before the context goes.
    context.restart();
    context.poll();
  }
  void open(FlushMode flush = FlushMode::async_flush) {
    config.flush = flush;
    store.emplace(config, context.get_executor(), real_time(), files);
  }

  // Starts an append whose result appears in `results`.
  void start(std::string topic, int queue_id, std::string body, bool wait_flush = true) {
    asio::co_spawn(context, append(std::move(topic), queue_id, std::move(body), wait_flush),
                   [](std::exception_ptr problem) { BOOST_TEST(!problem); });
  }
  asio::awaitable<void> append(std::string topic, int queue_id, std::string body, bool wait_flush) {
    RecordView record = record_of(topic, queue_id, body);
    AppendResult result = co_await store->append(record, wait_flush);
    results.push_back(std::move(result));
  }
  // Runs until that many results are there.
  void run_until(std::size_t count) {
    auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (results.size() < count && std::chrono::steady_clock::now() < limit) {
      context.restart();
      context.run_one_for(std::chrono::milliseconds(100));
    }
    BOOST_TEST_REQUIRE(results.size() >= count, "did not finish");
  }
  void poll() {
    context.restart();
    context.poll();
  }

  TempDirectory directory;
  StoreConfig config = small_config(directory);
  FaultyFiles files;
  asio::io_context context{1};
  std::optional<MessageStore> store;
  std::vector<AppendResult> results;
};

std::vector<std::string> bodies(const MessageStore& store, std::string_view topic, int queue_id) {
  std::vector<std::string> found;
  for (std::int64_t at = 0; at < store.max_offset(topic, queue_id);) {
    ReadResult result = store.read(topic, queue_id, at, ReadLimits());
    BOOST_TEST_REQUIRE((result.status == ReadStatus::found));
    for (const MessageExt& message : messages_of(result)) found.push_back(message.body());
    at = result.next_offset;
  }
  return found;
}

int log_writes(FaultyFiles& files, const std::function<void()>& action) {
  std::atomic<int> writes{0};
  files.fail_when([&](Call call, const std::string& path) {
    if (call == Call::write && path.find("commitlog") != std::string::npos) ++writes;
    return error_code();
  });
  action();
  files.fail_no_more();
  return writes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(message_store)

BOOST_FIXTURE_TEST_CASE(appends_of_one_burst_go_down_in_one_write, World) {
  open();
  int writes = log_writes(files, [&] {
    for (int i = 0; i < 100; ++i) start("T", i % 4, std::to_string(i));
    run_until(100);
  });
  BOOST_TEST(writes == 1);
  for (int i = 0; i < 100; ++i) {
    BOOST_TEST(!results[static_cast<std::size_t>(i)].error);
    BOOST_TEST(results[static_cast<std::size_t>(i)].queue_offset == i / 4);
  }
  BOOST_TEST(bodies(*store, "T", 3).at(24) == "99");
}

namespace {

// What a burst of requests does: each starts an append.
void burst_of(World& world, int count) {
  const asio::any_io_executor executor = world.context.get_executor();
  asio::post(executor, [&world, executor, count] {
    const Burst burst(executor);
    for (int i = 0; i < count; ++i) {
      const RecordView record = record_of("T", 0, "x");
      world.store->append(std::span(&record, 1), true, executor, [&world](AppendResult result) {
        world.results.push_back(std::move(result));
      });
    }
  });
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_burst_that_is_alone_is_written_and_answered_at_its_end, World) {
  open();
  const int writes = log_writes(files, [&] {
    burst_of(*this, 10);
    context.restart();
    BOOST_TEST(context.poll_one() == 1u);
    BOOST_TEST(results.size() == 10u);
  });
  BOOST_TEST(writes == 1);
}

BOOST_FIXTURE_TEST_CASE(bursts_that_come_together_share_their_writes_soon, World) {
  open();
  constexpr int kBursts = 1000;
  const int writes = log_writes(files, [&] {
    for (int round = 0; round < kBursts / 50; ++round) {
      for (int i = 0; i < 50; ++i) burst_of(*this, 1);
      poll();
    }
  });
  BOOST_TEST(results.size() == static_cast<std::size_t>(kBursts));
  BOOST_TEST(writes <= 64 + kBursts / 50);  // those of the first bursts, then one a round
  for (int i = 0; i < kBursts; ++i) {
    BOOST_TEST_REQUIRE(results[static_cast<std::size_t>(i)].queue_offset == i);
  }
}

// One write in 64 is posted, to see whether others come with it; when none do, nothing changes.
BOOST_FIXTURE_TEST_CASE(bursts_that_stay_alone_are_written_at_their_ends_but_for_one_in_64, World) {
  open();
  int posted = 0;
  for (int i = 0; i < 256; ++i) {
    burst_of(*this, 1);
    context.restart();
    context.poll_one();
    posted += results.size() == static_cast<std::size_t>(i) ? 1 : 0;
    context.poll();
    BOOST_TEST_REQUIRE(results.size() == static_cast<std::size_t>(i + 1));
  }
  BOOST_TEST(posted == 4);
}

BOOST_FIXTURE_TEST_CASE(a_burst_that_is_alone_again_is_written_at_its_end_again, World) {
  open();
  for (int i = 0; i < 200; ++i) burst_of(*this, 1);
  poll();
  BOOST_TEST(results.size() == 200u);
  for (int i = 0; i < 2; ++i) {  // the first one finds out
    burst_of(*this, 1);
    poll();
  }
  burst_of(*this, 1);
  context.restart();
  BOOST_TEST(context.poll_one() == 1u);
  BOOST_TEST(results.size() == 203u);
}

BOOST_FIXTURE_TEST_CASE(a_batch_gets_consecutive_offsets, World) {
  open();
  auto task = [](MessageStore& target, AppendResult& result) -> asio::awaitable<void> {
    std::vector<RecordView> records{record_of("T", 0, "a"), record_of("T", 0, "b")};
    result = co_await target.append_batch(std::move(records));
  };
  results.resize(1);
  asio::co_spawn(context, task(*store, results[0]), [](std::exception_ptr p) { BOOST_TEST(!p); });
  poll();
  BOOST_TEST(!results[0].error);
  BOOST_TEST(results[0].batch_offsets.size() == 2U);
  std::vector<std::string> expected{"a", "b"};
  BOOST_TEST(bodies(*store, "T", 0) == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(views_need_not_outlive_the_call, World) {
  open();
  auto task = [](MessageStore& target) -> asio::awaitable<void> {
    std::string body = "short-lived";
    auto pending = target.append(record_of("T", 0, body));
    body.assign(body.size(), '#');
    AppendResult result = co_await std::move(pending);
    BOOST_TEST(!result.error);
  };
  asio::co_spawn(context, task(*store), [](std::exception_ptr p) { BOOST_TEST(!p); });
  poll();
  BOOST_TEST(bodies(*store, "T", 0).at(0) == "short-lived");
}

BOOST_FIXTURE_TEST_CASE(a_refused_append_is_a_result_and_no_exception, World) {
  open();
  start("../T", 0, "x");
  start("T", 0, std::string(5 << 20, 'x'));
  run_until(2);
  BOOST_TEST(results[0].error == make_error_code(StoreErrc::illegal_queue));
  BOOST_TEST(results[1].error == make_error_code(StoreErrc::message_too_large));
}

BOOST_FIXTURE_TEST_CASE(callbacks_get_the_results_that_coroutines_get_after_the_call, World) {
  open();
  auto done = [this](AppendResult result) { results.push_back(std::move(result)); };
  std::string body = "a";
  RecordView records[] = {record_of("T", 0, body), record_of("T", 0, "b")};
  store->append(records, true, context.get_executor(), done);
  body = "#";
  records[0].body = std::string_view();
  store->append(std::span(records).first(1), true, context.get_executor(), done);
  RecordView refused = record_of("../T", 0, "x");
  store->append(std::span(&refused, 1), true, context.get_executor(), done);
  BOOST_TEST(results.empty());
  run_until(3);
  std::ranges::stable_partition(results, [](const AppendResult& result) { return !result.error; });
  BOOST_TEST(results[0].batch_offsets.size() == 2U);
  BOOST_TEST(results[1].queue_offset == 2);
  BOOST_TEST(results[2].error == make_error_code(StoreErrc::illegal_queue));
  std::vector<std::string> expected{"a", "b", ""};
  BOOST_TEST(bodies(*store, "T", 0) == expected, boost::test_tools::per_element());
  store->close();
  store->append(std::span(records).first(1), true, context.get_executor(), done);
  run_until(4);
  BOOST_TEST(results[3].error == make_error_code(StoreErrc::closed));
}

BOOST_FIXTURE_TEST_CASE(observers_hear_of_messages_in_the_order_of_the_log, World) {
  open();
  std::vector<std::string> heard;
  store->observe_arrivals([&](const Arrival& arrival) {
    BOOST_TEST(store->max_offset(arrival.topic, arrival.queue_id) > arrival.queue_offset);
    heard.push_back(fmt::format("{} {} {} {}", arrival.topic, arrival.queue_id,
                                arrival.queue_offset, arrival.tags_code));
  });
  start("T", 0, "a");
  start("U", 3, "b");
  start("T", 0, "c");
  run_until(3);
  poll();
  std::vector<std::string> expected{"T 0 0 0", "U 3 0 0", "T 0 1 0"};
  BOOST_TEST(heard == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(
    an_observer_that_wants_some_topics_alone_hears_of_others_when_it_asks_for_all, World) {
  open();
  std::vector<std::string> heard;
  bool wants_all = false;
  ArrivalObserver observer([&](const Arrival& arrival) { heard.emplace_back(arrival.topic); });
  observer.wants_all = [&] { return wants_all; };
  observer.topics = {"U"};
  store->observe_arrivals(observer);
  for (const char* topic : {"T", "U", "V", "U"}) start(topic, 0, "x");
  run_until(4);
  poll();
  std::vector<std::string> expected{"U", "U"};
  BOOST_TEST(heard == expected, boost::test_tools::per_element());
  wants_all = true;
  start("T", 0, "x");
  run_until(5);
  poll();
  expected.emplace_back("T");
  BOOST_TEST(heard == expected, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(it_runs_on_virtual_time, World) {
  comet::test::VirtualWorld world;
  MessageStore virtual_store(config, world.executor(), world.time);
  RecordView record = record_of("T", 0, "x");
  AppendResult result = world.run(virtual_store.append(record));
  BOOST_TEST(!result.error);
  BOOST_TEST(result.store_timestamp == world.time.wall_millis());
}

// Waiting for the disk.
// ----------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(under_sync_flush_an_append_is_acknowledged_when_on_disk, World) {
  open(FlushMode::sync_flush);
  Gate gate(files);
  gate.shut();
  start("T", 0, "a");
  poll();
  gate.wait_for_visitor();
  poll();
  BOOST_TEST(results.empty());
  BOOST_TEST(store->max_offset("T", 0) == 0);
  gate.open();
  run_until(1);
  BOOST_TEST(!results[0].error);
  BOOST_TEST(store->max_offset("T", 0) == 1);
}

BOOST_FIXTURE_TEST_CASE(one_sync_serves_all_that_wait, World) {
  open(FlushMode::sync_flush);
  Gate gate(files);
  gate.shut();
  start("T", 0, "first");
  poll();
  gate.wait_for_visitor();
  for (int i = 0; i < 50; ++i) {
    start("T", 0, std::to_string(i));
    poll();  // one write each
  }
  gate.open();
  run_until(51);
  BOOST_TEST(gate.passed() == 2);
  BOOST_TEST(store->max_offset("T", 0) == 51);
}

BOOST_FIXTURE_TEST_CASE(who_does_not_wait_for_the_disk_is_answered_at_once, World) {
  open(FlushMode::sync_flush);
  Gate gate(files);
  gate.shut();
  start("T", 0, "a", false);
  run_until(1);
  BOOST_TEST(!results[0].error);
  BOOST_TEST(store->max_offset("T", 0) == 0);  // but nobody sees it yet
  gate.wait_for_visitor();
  gate.open();
  start("T", 0, "b");
  run_until(2);
  BOOST_TEST(store->max_offset("T", 0) == 2);
}

BOOST_FIXTURE_TEST_CASE(a_slow_disk_is_a_flush_timeout_and_the_message_stays, World) {
  config.sync_flush_timeout = std::chrono::milliseconds(5);
  open(FlushMode::sync_flush);
  Gate gate(files);
  gate.shut();
  start("T", 0, "slow");
  run_until(1);
  BOOST_TEST(results[0].error == make_error_code(StoreErrc::flush_timeout));
  BOOST_TEST(results[0].queue_offset == 0);
  gate.open();
  store->close();
  BOOST_TEST(bodies(*store, "T", 0).at(0) == "slow");
}

BOOST_FIXTURE_TEST_CASE(nothing_is_left_to_run_when_the_disk_has_answered, World) {
  open(FlushMode::sync_flush);
  start("T", 0, "a");
  run_until(1);
  // A timer of five seconds would keep the context busy.
  auto begin = std::chrono::steady_clock::now();
  context.restart();
  context.run_for(std::chrono::seconds(4));
  BOOST_TEST(context.stopped());
  BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::seconds(4)));
}

BOOST_FIXTURE_TEST_CASE(a_failed_sync_is_never_acknowledged, World) {
  open(FlushMode::sync_flush);
  files.fail_when(fail_on(Call::sync_data, "commitlog", EIO));
  for (int i = 0; i < 10; ++i) start("T", 0, "x");
  run_until(10);
  for (const AppendResult& result : results) {
    BOOST_TEST(result.error == make_error_code(StoreErrc::read_only));
  }
  files.fail_no_more();
  start("T", 0, "x");
  run_until(11);
  BOOST_TEST(results[10].error == make_error_code(StoreErrc::read_only));
  BOOST_TEST(!store->read_only_reason().empty());
  BOOST_TEST(store->max_offset("T", 0) == 0);
}

BOOST_FIXTURE_TEST_CASE(a_cancelled_append_goes_on_and_its_coroutine_learns_later, World) {
  open(FlushMode::sync_flush);
  Gate gate(files);
  gate.shut();
  asio::cancellation_signal cancel;
  bool appended = false;
  bool went_on = false;
  auto task = [](MessageStore& target, bool& done, bool& after) -> asio::awaitable<void> {
    RecordView record = record_of("T", 0, "cancelled");
    AppendResult result = co_await target.append(record);
    done = !result.error;
    auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);
    after = true;
  };
  std::exception_ptr problem;
  bool ended = false;
  auto on_end = [&](std::exception_ptr p) {
    problem = p;
    ended = true;
    results.emplace_back();
  };
  asio::co_spawn(context, task(*store, appended, went_on),
                 asio::bind_cancellation_slot(cancel.slot(), on_end));
  poll();
  gate.wait_for_visitor();
  cancel.emit(asio::cancellation_type::terminal);
  poll();
  BOOST_TEST(!ended);
  gate.open();
  run_until(1);
  BOOST_TEST(appended);
  BOOST_TEST(!went_on);
  BOOST_CHECK_THROW(std::rethrow_exception(problem), boost::system::system_error);
  BOOST_TEST(bodies(*store, "T", 0).at(0) == "cancelled");
}

// The end.
// -----------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(close_finishes_what_was_begun_and_refuses_the_rest, World) {
  for (FlushMode flush : {FlushMode::async_flush, FlushMode::sync_flush}) {
    results.clear();
    open(flush);
    std::int64_t before = store->max_offset("T", 0);
    for (int i = 0; i < 10; ++i) start("T", 0, "begun");
    context.restart();
    for (int i = 0; i < 10; ++i) context.poll_one();  // all started, nothing written
    BOOST_TEST(store->max_offset("T", 0) == before);
    store->close();
    start("T", 0, "too late");
    run_until(11);
    for (int i = 0; i < 10; ++i) BOOST_TEST(!results[static_cast<std::size_t>(i)].error);
    BOOST_TEST(results[10].error == make_error_code(StoreErrc::closed));
    BOOST_TEST(store->max_offset("T", 0) == before + 10);  // reads go on
    store.reset();
  }
  open();
  BOOST_TEST(bodies(*store, "T", 0).size() == 20U);
}

BOOST_FIXTURE_TEST_CASE(close_may_be_called_twice_and_before_any_append, World) {
  open();
  store->close();
  store->close();
  store.reset();
  open(FlushMode::sync_flush);
}

BOOST_FIXTURE_TEST_CASE(a_store_may_go_while_its_appends_are_unanswered, World) {
  open(FlushMode::sync_flush);
  for (int i = 0; i < 5; ++i) start("T", 0, "x");
  poll();
  store.reset();
  run_until(5);
  for (const AppendResult& result : results) BOOST_TEST(!result.error);
}

BOOST_FIXTURE_TEST_CASE(the_flusher_syncs_by_itself_under_async_flush, World) {
  config.flush_interval = std::chrono::milliseconds(1);
  open();
  Gate gate(files);
  start("T", 0, "a");
  run_until(1);
  auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (gate.passed() == 0 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  BOOST_TEST(gate.passed() > 0);
}

// Threads.
// -----------------------------------------------------------------------------------------

namespace {

asio::awaitable<void> produce(MessageStore& store, std::string topic, int count,
                              std::atomic<int>& failures) {
  for (int i = 0; i < count; ++i) {
    std::string body = std::to_string(i);
    RecordView record = record_of(topic, i % 2, body);
    AppendResult result = co_await store.append(record);
    if (result.error || result.queue_offset != i / 2) ++failures;
  }
}

// Reads a queue until it has seen `count` messages; every one must be the next.
void consume(const MessageStore& store, const std::string& topic, int queue_id, int count,
             std::atomic<int>& failures) {
  auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  std::int64_t at = 0;
  while (at < count && std::chrono::steady_clock::now() < limit) {
    ReadResult result = store.read(topic, queue_id, at, ReadLimits());
    for (const MessageExt& message : messages_of(result)) {
      if (message.body() != std::to_string(at * 2 + queue_id)) ++failures;
      ++at;
    }
    if (result.count == 0) std::this_thread::yield();
  }
  if (at < count) ++failures;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(many_threads_append_and_read_together, World) {
  constexpr int kProducers = 6;
  constexpr int kEach = 200;
  for (FlushMode flush : {FlushMode::async_flush, FlushMode::sync_flush}) {
    fs::remove_all(config.root);
    config.commit_log_file_size = 16 * 1024;
    config.consume_queue_file_size = 20 * 32;
    config.flush_interval = std::chrono::milliseconds(1);
    open(flush);
    std::atomic<int> arrivals{0};
    store->observe_arrivals([&](const Arrival&) { ++arrivals; });
    std::atomic<int> failures{0};
    std::vector<std::unique_ptr<asio::io_context>> contexts;
    for (int i = 0; i < 2; ++i) contexts.push_back(std::make_unique<asio::io_context>(1));
    for (int i = 0; i < kProducers; ++i) {
      asio::co_spawn(*contexts[static_cast<std::size_t>(i % 2)],
                     produce(*store, "T" + std::to_string(i), kEach, failures),
                     // Boost.Test's checks are for one thread.
                     [&failures](std::exception_ptr problem) { failures += problem ? 1 : 0; });
    }
    std::vector<std::thread> threads;
    auto work = asio::make_work_guard(context);
    context.restart();
    threads.emplace_back([this] { context.run(); });
    for (auto& one : contexts) threads.emplace_back([&one] { one->run(); });
    consume(*store, "T0", 0, kEach / 2, failures);
    consume(*store, "T5", 1, kEach / 2, failures);
    for (std::size_t i = 1; i < threads.size(); ++i) threads[i].join();
    store->close();
    work.reset();
    threads[0].join();
    BOOST_TEST(failures == 0);
    BOOST_TEST(arrivals == kProducers * kEach);
    for (int i = 0; i < kProducers; ++i) {
      std::string topic = "T" + std::to_string(i);
      BOOST_TEST(store->max_offset(topic, 0) == kEach / 2);
      BOOST_TEST(store->max_offset(topic, 1) == kEach / 2);
    }
    store.reset();
  }
}

BOOST_AUTO_TEST_SUITE_END()
