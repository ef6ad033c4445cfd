#pragma once
// Puts waiting on top of StoreCore: appends are queued, written together, and completed on their
// own executors.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "arrivals.hpp"
#include "end_watch.hpp"
#include "flush_waits.hpp"
#include "flusher.hpp"
#include "helper.hpp"
#include "pending_append.hpp"
#include "store_core.hpp"

#include "comet/base/awaitable.hpp"
#include "comet/base/burst.hpp"

namespace comet::inline v0_1::store {

// Thread-safe. Work that is posted to executors keeps it alive.
//
// One thread at a time writes, for all that have queued appends: whoever has some when nobody
// writes. Appends of one burst (burst.hpp) go down together, at its end. When several bursts come
// close to each other, the write is posted instead, behind what their executor does first; that is
// found out by posting one write in kInlineWrites.
class AsyncStore : public Burst::Work, public std::enable_shared_from_this<AsyncStore> {
 public:
  AsyncStore(StoreConfig config, asio::any_io_executor executor, TimeSource& time,
             FileSystem& files);
  void start();
  void close();
  // No observer is called any more.
  void forget_observers() { arrivals_.stop(); }

  [[nodiscard]] const StoreCore& core() const noexcept { return core_; }
  void observe(ArrivalObserver observer) { arrivals_.observe(std::move(observer)); }
  // Encodes at once, so that the views need not outlive the call.
  [[nodiscard]] asio::awaitable<AppendResult> submit(std::span<const RecordView> records,
                                                     bool wait_flush);
  void submit(std::span<const RecordView> records, bool wait_flush,
              const asio::any_io_executor& executor, AppendHandler done);
  void submit(RecordSource& records, bool wait_flush, const asio::any_io_executor& executor,
              AppendHandler done);
  [[nodiscard]] asio::awaitable<void> run_retention();
  void request_deletion() { core_.request_deletion(); }
  // Runs `work` on the helper's thread, returns its result or throws its Error.
  using Work = std::function<std::int64_t(StoreCore&)>;
  [[nodiscard]] asio::awaitable<std::int64_t> run_on_helper(Work work);
  // The same, when what has been queued until now is written or refused.
  [[nodiscard]] asio::awaitable<std::int64_t> run_behind_appends(Work work);

  // See RawLog.
  [[nodiscard]] error_code append_raw(std::int64_t offset, std::string_view bytes);
  [[nodiscard]] asio::awaitable<bool> wait_for_end_beyond(std::int64_t offset) {
    return appended_->wait(offset);
  }
  [[nodiscard]] asio::awaitable<bool> wait_for_durable_beyond(std::int64_t offset) {
    return durable_->wait(offset);
  }
  void set_read_limit(std::int64_t offset);
  void keep_from(std::int64_t offset) noexcept { core_.keep_from(offset); }

 private:
  class StartAppend;
  class StartWork;

  static asio::awaitable<void> run_retention(std::shared_ptr<AsyncStore> self);
  static asio::awaitable<std::int64_t> run_behind_appends(std::shared_ptr<AsyncStore> self,
                                                          Work work);
  asio::awaitable<AppendResult> await_append(Append append, bool wait_flush);
  // `executor` as the caller gave it: the append's own counts its work.
  void enqueue(std::unique_ptr<PendingAppend> append, const asio::any_io_executor& executor);
  // The end of a burst with appends.
  void run_in_turn(const asio::any_io_executor& executor) override;
  void post_turn(const asio::any_io_executor& executor) override { post_drain(executor); }
  void post_drain(const asio::any_io_executor& executor);
  void drain(const asio::any_io_executor& executor);
  // With the lock held: whether a write is posted to this executor.
  [[nodiscard]] bool is_posted_to(const asio::any_io_executor& executor) const noexcept;
  // By the one who writes: writes, gives the role back, calls whose appends are done.
  void write_queued(PendingAppends appends, const asio::any_io_executor& executor);
  void write_rest(const asio::any_io_executor& executor);
  // Something was appended: tells who waits for that.
  void tell_ends();
  // Returns those that are done; the others wait for the disk.
  [[nodiscard]] PendingAppends write(PendingAppends appends);

  TimeSource& time_;
  StoreCore core_;
  Arrivals arrivals_;
  std::shared_ptr<FlushWaits> waits_;
  std::shared_ptr<EndWatch> appended_;
  std::shared_ptr<EndWatch> durable_;

  std::mutex queue_mutex_;
  PendingAppends queue_;                          // not yet written
  std::vector<asio::any_io_executor> posted_to_;  // will write the queue
  bool is_writing_ = false;
  bool is_alone_ = true;  // bursts come one at a time
  int bursts_ = 0;        // that have ended with appends: the one that posted a write, and since
  int inline_writes_ = 0;
  bool closing_ = false;

  std::atomic<bool> cleaning_{false};

  std::mutex close_mutex_;
  bool closed_ = false;
  // Last: their threads use the others.
  std::unique_ptr<Helper> helper_;
  std::unique_ptr<Flusher> flusher_;
};

}  // namespace comet::inline v0_1::store
