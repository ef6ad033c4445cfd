#pragma once
// Delivers timer messages (5.x; Apache: TimerMessageStore) when their time has come. docs/delay.md
// says what is kept where and what is promised.

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "comet/base/async.hpp"
#include "comet/base/nudge.hpp"
#include "comet/broker/broker_stats.hpp"
#include "comet/broker/config.hpp"
#include "comet/store/message_store.hpp"
#include "delay/dropped_messages.hpp"
#include "delay/timer_index.hpp"
#include "delay/timer_progress.hpp"
#include "stats/runtime_counters.hpp"
#include "stats/traffic.hpp"
#include "tables/state_file.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// Timer messages are records of the timer topic's queue. The service knows of each that waits when
// it is due and where it lies, and stores it as one of its real topic then. One coroutine takes in
// what arrives and delivers; it sleeps until the earliest is due, a second at most, since the wall
// clock may be set. Another one looks after records whose log files are about to expire.
// Everything runs on the executor (one thread) but what is said to be thread-safe.
class TimerService : public std::enable_shared_from_this<TimerService> {
 public:
  TimerService(asio::any_io_executor executor, TimeSource& time, store::MessageStore& store,
               const TopicTable& topics, TrafficTable& traffic, RuntimeCounters& runtime,
               DroppedMessages& dropped, const BrokerConfig& config);

  // Reads the progress, learns from the queue what waits, and from the real queues what of that was
  // delivered since the progress was saved. Blocking; throws Error.
  void load();
  // Where delivered messages say that they are stored; `write` runs work that may block.
  void start(TaskGroup& tasks, const IpEndpoint& store_host,
             std::function<void(std::function<void()>)> write);
  // A record of the timer topic became readable. Thread-safe, calls are in order.
  void on_arrival(std::int64_t queue_offset);
  // Returns when nothing is being delivered any more; the tasks have ended.
  [[nodiscard]] asio::awaitable<void> finish();
  // Writes the progress as it is. For the end: the store is on the disk, nothing runs any more.
  void save();

  // Thread-safe, all.
  [[nodiscard]] bool is_full() const noexcept {
    return pending_.load(std::memory_order_relaxed) >= config_.max_timers;
  }
  [[nodiscard]] TimerStats stats() const;
  // What the file says (TimerProgress); empty while it is being written.
  [[nodiscard]] std::string saved_progress() const;
  // Why the progress cannot be written; empty: it can.
  [[nodiscard]] std::string problem() const { return saved_->file.problem(); }

 private:
  // Messages that are being delivered together.
  class Batch {
   public:
    TimerEntry first;
    std::size_t open = 0;  // not stored yet
  };
  using BatchPtr = std::shared_ptr<Batch>;
  class Delivered;

  [[nodiscard]] asio::awaitable<void> serve();
  [[nodiscard]] asio::awaitable<void> roll();
  [[nodiscard]] asio::awaitable<void> roll_old_records();
  [[nodiscard]] asio::awaitable<bool> store_again(store::QueueEntry entry);
  [[nodiscard]] asio::awaitable<void> save_in_background();

  void leave_out_delivered(std::vector<TimerEntry>& waiting) const;
  void take_in();
  [[nodiscard]] bool skip_unreadable();
  [[nodiscard]] TimerEntry entry_of(const store::QueueEntry& queue_entry) const;
  [[nodiscard]] std::int64_t due_of(std::int64_t out_millis) const noexcept {
    return out_millis + config_.timer_precision_millis;
  }
  [[nodiscard]] bool is_blocked() const;
  [[nodiscard]] Instant next_wake() const;
  void deliver_due(std::int64_t now_millis);
  void deliver(const TimerEntry& entry, const BatchPtr& batch);
  void note_recall(const TimerEntry& entry, const RecordView& record);
  [[nodiscard]] bool take_recall(const TimerEntry& entry, const RecordView& record);
  void on_delivered(const TimerEntry& entry, Batch& batch, std::size_t bytes,
                    const std::string& topic, std::size_t content,
                    const store::AppendResult& result);
  void publish();

  // The first that waits or is being delivered; nullopt: there is none.
  [[nodiscard]] std::optional<TimerEntry> earliest() const;
  void advance_first(std::size_t most);
  [[nodiscard]] TimerProgress delivered() const;
  [[nodiscard]] TimerProgress progress();

  asio::any_io_executor executor_;
  TimeSource& time_;
  store::MessageStore& store_;
  const TopicTable& topics_;
  TrafficTable& traffic_;
  RuntimeCounters& runtime_;
  DroppedMessages& dropped_;
  const BrokerConfig& config_;
  IpEndpoint store_host_;
  std::function<void(std::function<void()>)> write_;

  TimerIndex index_;
  std::atomic<std::int64_t> arrived_ = 0;  // end of the queue, as far as it was told
  std::int64_t taken_ = 0;                 // end of what the index knows
  std::int64_t first_ = 0;                 // before it everything is done
  std::int64_t rolled_before_ = 0;    // log offset: what the index has before it was stored anew
  std::int64_t delivered_until_ = 0;  // latest due time of what was taken out of the index

  std::deque<BatchPtr> batches_;  // not all of whose messages are stored
  std::size_t in_flight_ = 0;
  std::size_t bytes_in_flight_ = 0;
  Instant refused_until_{};
  bool complained_ = false;
  // Recalls of messages that are due at the same time, by that time: topic and unique key.
  std::map<std::int64_t, std::unordered_set<std::string>> recalls_;

  // What the file says; the mutex is also held while it is written.
  class Saved {
   public:
    explicit Saved(std::string path) : file(std::move(path)) {}
    StateFile file;
    std::mutex mutex;
    TimerProgress progress;
    std::atomic<bool> writing{false};
    std::atomic<bool> failed{false};
  };
  std::shared_ptr<Saved> saved_;

  std::atomic<std::size_t> pending_{0};
  std::atomic<std::int64_t> unread_{0};
  std::atomic<std::int64_t> next_due_{0};
  std::atomic<std::uint64_t> delivered_{0};
  std::atomic<std::uint64_t> recalled_{0};
  std::atomic<std::uint64_t> rolled_{0};
  Event wake_;
  Nudge tell_;  // of an arrival
};

}  // namespace comet::inline v0_1::broker
