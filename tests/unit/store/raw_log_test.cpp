// Who waits for the log to go on.

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <optional>
#include <string>

#include "comet/store/raw_log.hpp"
#include "loop.hpp"
#include "replica_support.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;
using comet::test::Loop;
using comet::test::wait_for;

namespace {

class Opened {
 public:
  explicit Opened(FlushMode flush = FlushMode::async_flush) {
    files.skip_syncs = true;
    config.flush = flush;
    config.flush_interval = std::chrono::hours(1);
    store.emplace(config, loop.executor(), real_time(), files);
    log.emplace(store->raw_log());
  }
  ~Opened() { store->close(); }

  error_code append(std::string_view body) {
    const RecordView record = record_of("T", 0, body);
    return wait_for(loop.spawn(store->append(record))).error;
  }
  error_code append_raw(std::int64_t offset, std::string bytes) {
    return wait_for(loop.spawn(log->append(offset, bytes)));
  }

  TempDirectory directory;
  StoreConfig config = small_config(directory);
  FaultyFiles files;
  Loop loop;
  std::optional<MessageStore> store;
  std::optional<RawLog> log;
};

// Lets the loop do what it has.
void settle(Loop& loop) {
  std::promise<void> done;
  asio::post(loop.executor(), [&done] { done.set_value(); });
  wait_for(done.get_future());
}

bool is_done(const std::future<bool>& future) {
  return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

asio::awaitable<bool> wait_or_say(RawLog log, std::int64_t offset, bool& is_cancelled) {
  try {
    co_return co_await log.wait_for_end_beyond(offset);
  } catch (const boost::system::system_error& error) {
    is_cancelled = error.code() == asio::error::operation_aborted;
  }
  co_return false;
}

// -1: refused with `error`.
asio::awaitable<std::int64_t> cut_or_say(RawLog log, std::int64_t offset, error_code& error) {
  const Result<std::int64_t> dropped = co_await log.cut(offset);
  error = dropped.error();
  co_return dropped ? *dropped : -1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(raw_log)

BOOST_AUTO_TEST_CASE(a_wait_ends_when_the_log_goes_on) {
  Opened opened;
  RawLog log = *opened.log;
  std::future<bool> first = opened.loop.spawn(log.wait_for_end_beyond(0));
  std::future<bool> far = opened.loop.spawn(log.wait_for_end_beyond(150));
  settle(opened.loop);
  BOOST_TEST(!is_done(first));
  BOOST_TEST(!opened.append("one"));
  BOOST_TEST(wait_for(std::move(first)));
  settle(opened.loop);
  BOOST_TEST(!is_done(far));
  BOOST_TEST(wait_for(opened.loop.spawn(log.wait_for_end_beyond(log.end() - 1))));
  BOOST_TEST(!opened.append("two"));
  BOOST_TEST(wait_for(std::move(far)));
}

BOOST_AUTO_TEST_CASE(one_of_another_loop_completes_there) {
  Opened opened;
  Loop other;
  std::future<bool> waiting = other.spawn(opened.log->wait_for_durable_beyond(0));
  settle(other);
  BOOST_TEST(!opened.append("one"));
  BOOST_TEST(wait_for(std::move(waiting)));
}

BOOST_AUTO_TEST_CASE(under_sync_flush_durable_means_on_disk) {
  Opened opened(FlushMode::sync_flush);
  RawLog log = *opened.log;
  std::future<bool> waiting = opened.loop.spawn(log.wait_for_durable_beyond(0));
  BOOST_TEST(!opened.append("one"));
  BOOST_TEST(wait_for(std::move(waiting)));
  BOOST_TEST(log.durable_end() == log.end());
}

BOOST_AUTO_TEST_CASE(a_replicas_bytes_become_durable_without_a_send) {
  Opened master;
  BOOST_TEST(!master.append("one"));
  const std::string bytes = master.log->read(0, 1 << 20)->to_string();
  Opened slave(FlushMode::sync_flush);
  std::future<bool> waiting = slave.loop.spawn(slave.log->wait_for_durable_beyond(0));
  BOOST_TEST(!slave.append_raw(0, bytes));
  BOOST_TEST(wait_for(std::move(waiting)));
  BOOST_TEST(slave.log->durable_end() == master.log->end());
  BOOST_TEST(slave.store->max_offset("T", 0) == 1);
  BOOST_TEST(slave.log->newest_file_begin() == 0);
}

BOOST_AUTO_TEST_CASE(a_wait_that_is_cancelled_ends_and_others_go_on) {
  Opened opened;
  RawLog log = *opened.log;
  asio::cancellation_signal signal;
  bool is_cancelled = false;
  std::promise<bool> ended;
  asio::post(opened.loop.executor(), [&] {
    asio::co_spawn(
        opened.loop.context, wait_or_say(log, 0, is_cancelled),
        asio::bind_cancellation_slot(
            signal.slot(), [&](std::exception_ptr, bool result) { ended.set_value(result); }));
  });
  std::future<bool> other = opened.loop.spawn(log.wait_for_end_beyond(0));
  settle(opened.loop);
  asio::post(opened.loop.executor(), [&] { signal.emit(asio::cancellation_type::terminal); });
  BOOST_TEST(!wait_for(ended.get_future()));
  BOOST_TEST(is_cancelled);
  BOOST_TEST(!opened.append("one"));
  BOOST_TEST(wait_for(std::move(other)));
}

BOOST_AUTO_TEST_CASE(the_end_of_the_store_ends_waits) {
  Opened opened;
  RawLog log = *opened.log;
  std::future<bool> waiting = opened.loop.spawn(log.wait_for_end_beyond(0));
  std::future<bool> durable = opened.loop.spawn(log.wait_for_durable_beyond(0));
  settle(opened.loop);
  opened.store->close();
  BOOST_TEST(!wait_for(std::move(waiting)));
  BOOST_TEST(!wait_for(std::move(durable)));
  BOOST_TEST(!wait_for(opened.loop.spawn(log.wait_for_end_beyond(0))));
  BOOST_TEST((opened.append_raw(0, "x") == StoreErrc::closed));
}

BOOST_AUTO_TEST_CASE(nobody_waits_in_vain_while_others_append) {
  Opened opened;
  RawLog log = *opened.log;
  Loop other;
  constexpr int kCount = 300;
  std::future<void> follower = other.spawn([](RawLog its_log) -> asio::awaitable<void> {
    for (std::int64_t at = 0; at < kCount * std::int64_t{kRecordOverhead};) {
      (void)co_await its_log.wait_for_end_beyond(at);
      at = its_log.end();
    }
  }(log));
  for (int i = 0; i < kCount; ++i) BOOST_TEST_REQUIRE(!opened.append("body"));
  wait_for(std::move(follower));
}

BOOST_AUTO_TEST_CASE(a_cut_is_done_on_the_helper) {
  Opened opened;
  BOOST_TEST(!opened.append("one"));
  const std::int64_t end = opened.log->end();
  BOOST_TEST(!opened.append("two"));
  error_code error;
  BOOST_TEST(wait_for(opened.loop.spawn(cut_or_say(*opened.log, end, error))) == 1);
  BOOST_TEST(opened.log->end() == end);
  BOOST_TEST(opened.store->max_offset("T", 0) == 1);
  BOOST_TEST(wait_for(opened.loop.spawn(cut_or_say(*opened.log, end - 1, error))) == -1);
  BOOST_TEST((error == BaseErrc::bad_value));
}

BOOST_AUTO_TEST_SUITE_END()
