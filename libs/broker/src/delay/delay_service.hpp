#pragma once
// Delivers delayed messages when their time has come (Apache: ScheduleMessageService; file
// delayOffset.json). Every level is a queue of the schedule topic, in the order of delivery times,
// which are the tags codes of its entries.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/async.hpp"
#include "comet/base/nudge.hpp"
#include "comet/base/timer.hpp"
#include "comet/routing/topic_route.hpp"
#include "comet/store/delay_levels.hpp"
#include "comet/store/message_store.hpp"
#include "delay/delivered_before.hpp"
#include "delay/dropped_messages.hpp"
#include "stats/traffic.hpp"
#include "tables/state_file.hpp"
#include "tables/topic_table.hpp"

namespace comet::inline v0_1::broker {

// Each level has a coroutine of its own on the executor, asleep until its first message is due or
// one arrives. Time is the store's (store_clock.hpp). A message is delivered at least once; what
// the queues hold after a crash does not come again.
class DelayService {
 public:
  DelayService(asio::any_io_executor executor, TimeSource& time, store::MessageStore& store,
               const store::DelayLevels& levels, const TopicTable& topics, TrafficTable& traffic,
               DroppedMessages& dropped, const std::string& store_root);

  // Reads delayOffset.json, and finds what was delivered since it was saved.
  void load();
  // Where delivered messages say that they are stored.
  void start(TaskGroup& tasks, const IpEndpoint& store_host);
  // A message of the schedule topic became readable. Thread-safe.
  void on_arrival(std::int32_t queue_id);

  // Writes what was delivered at the last call, when that is on the disk: otherwise a power cut
  // could take the messages, and leave the note that they were delivered. Blocking, thread-safe.
  void save_if_changed();
  // Writes how it is. For the end: the store is on the disk.
  void save();
  // A slave's: its master has delivered so far (to_json()). Blocking; false: it cannot be written.
  // An error: it is no such text, and nothing has changed.
  [[nodiscard]] Result<bool> take_over(std::string_view json);
  // Why the file cannot be written; empty: it can. Thread-safe.
  [[nodiscard]] std::string problem() const { return file_.problem(); }
  // {"offsetTable":{1:2}}, level and next queue offset: the answer to GET_ALL_DELAY_OFFSET, and,
  // with quoted keys, the file's content. Thread-safe.
  [[nodiscard]] std::string to_json(routing::IntegerKeys keys) const;
  // By level. Thread-safe.
  [[nodiscard]] std::map<std::int32_t, std::int64_t> offsets() const;

 private:
  using Offsets = std::map<std::int32_t, std::int64_t>;
  struct Level {
    Level(asio::any_io_executor executor, TimeSource& time)
        : arrival(executor, time),
          timer(executor, time),
          tell(executor, [this] { arrival.notify_all(); }) {}
    std::int32_t number = 0;
    std::int64_t delay_millis = 0;
    Event arrival;
    Timer timer;
    Nudge tell;  // of an arrival
    [[nodiscard]] std::int32_t queue_id() const noexcept { return number - 1; }
  };
  enum class Outcome { done, refused };

  error_code parse(std::string_view json);
  [[nodiscard]] static Result<Offsets> offsets_of(std::string_view json);
  void consider_delivered(const Level& level);
  [[nodiscard]] asio::awaitable<void> serve(Level& level);
  [[nodiscard]] asio::awaitable<void> wait_until_due(Level& level, std::int64_t delivery_millis);
  [[nodiscard]] asio::awaitable<Outcome> deliver(store::QueueEntry entry, bool wait_flush);
  // The offset of the first message that is there; what lies before has expired with its log files.
  [[nodiscard]] std::int64_t first_offset(const Level& level);
  [[nodiscard]] std::int64_t offset_of(const Level& level) const;
  void advance(const Level& level, std::int64_t offset);

  asio::any_io_executor executor_;
  TimeSource& time_;
  store::MessageStore& store_;
  const TopicTable& topics_;
  TrafficTable& traffic_;
  DroppedMessages& dropped_;
  StateFile file_;
  IpEndpoint store_host_;
  std::vector<std::unique_ptr<Level>> levels_;  // of level 1, 2, ...
  DeliveredBefore delivered_before_;
  mutable std::mutex mutex_;
  // Next to deliver, by level; also of levels that the table has lost and may get back.
  Offsets offsets_;
  bool changed_ = false;
  // To be written when the log is on the disk up to there.
  std::optional<Offsets> noted_;
  std::int64_t noted_log_end_ = 0;
};

}  // namespace comet::inline v0_1::broker
