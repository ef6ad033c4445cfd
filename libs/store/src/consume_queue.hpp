#pragma once
// One consume queue: where in the commit log the messages of one topic and queue lie. Derived from
// the log; lives in files of 20-byte units at consumequeue/<topic>/<queueId>/<start offset>.

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "comet/base/error.hpp"
#include "file.hpp"
#include "unit_sums.hpp"

namespace comet::inline v0_1::store {

class QueueUnit {
 public:
  static constexpr std::int64_t kSize = 20;
  // Stands for messages that the log does not have (Apache pads with phy 0 and this size).
  static constexpr std::int32_t kFillerSize = std::numeric_limits<std::int32_t>::max();

  std::int64_t physical_offset = 0;
  std::int32_t size = 0;
  std::int64_t tags_code = 0;

  [[nodiscard]] std::int64_t end() const noexcept { return physical_offset + size; }
  [[nodiscard]] bool is_filler() const noexcept { return size == kFillerSize; }
  void encode_to(char* to) const noexcept;
  [[nodiscard]] static QueueUnit decode(const char* from) noexcept;
};

class QueueFiles;

// New units are kept in memory, where readers find them, until write_pending(). The write side
// belongs to one thread at a time (the store's writer, or recovery); the read side is thread-safe.
class ConsumeQueue {
 public:
  ConsumeQueue(QueueFiles& files, std::string topic, std::int32_t queue_id);
  ConsumeQueue(const ConsumeQueue&) = delete;
  ConsumeQueue& operator=(const ConsumeQueue&) = delete;

  [[nodiscard]] const std::string& topic() const noexcept { return topic_; }
  [[nodiscard]] std::int32_t queue_id() const noexcept { return queue_id_; }

  // Recovery. ------------------------------------------------------------------------------------
  // What the files said stays in them, and is found by unit_in_files(), until other units are
  // written in its place or settle() is called: a start that ends half way takes nothing that tells
  // of a message.
  //
  // Takes over the files of the queue's directory. After a call of `before_repair` files that
  // cannot be continued are set aside: those behind a gap or a short file (with that, if its units
  // lie before `log_min`), and those of another size. Of a gap behind units that lie before
  // `log_min` the files in front of it are removed. Throws Error.
  void load(std::vector<DirectoryEntry> entries, std::int64_t log_min,
            const std::function<void()>& before_repair);
  // The first queue offset whose unit is not whole or ends behind `log_limit`; units before that
  // are assumed to be in order.
  [[nodiscard]] std::int64_t find_end(std::int64_t log_limit) const;
  [[nodiscard]] bool has_files_aside() const noexcept { return !aside_.empty(); }
  // Whether files are set aside, or short.
  [[nodiscard]] bool is_incomplete() const noexcept {
    return !aside_.empty() || !odd_sizes_.empty();
  }
  // Behind the last such unit of the files that are set aside; 0: there is none. Throws Error.
  [[nodiscard]] std::int64_t find_end_aside(std::int64_t log_limit) const;
  // Makes `queue_offset` the next to be written; readers see no unit behind it. settle() wipes what
  // lies behind it then, always when `wipe`, else when it is found not to be zero. Throws Error.
  // The writer cuts a queue back in the same way, when it has nothing pending.
  void cut(std::int64_t queue_offset, bool wipe);
  // Whether the files have anything at that queue offset. Throws Error.
  [[nodiscard]] bool has_unit(std::int64_t queue_offset) const {
    return queue_offset * QueueUnit::kSize < end_of_files_ && !zero_from(queue_offset);
  }
  // What the files say of a queue offset, those that are set aside as well; nothing for zeros and
  // where there is no file. Throws Error.
  [[nodiscard]] std::optional<QueueUnit> unit_in_files(std::int64_t queue_offset) const;
  // The queue offset from next() on whose unit in the files points at just this record. Throws
  // Error.
  [[nodiscard]] std::optional<std::int64_t> find_unit(std::int64_t physical_offset,
                                                      std::int32_t size) const;
  // Makes `queue_offset` the next to be given: those before are lost, with what lies at
  // `physical_offset`.
  void skip_to(std::int64_t queue_offset, std::int64_t physical_offset);
  // Makes it a queue without a unit, which begins with the next that is added. Its files are set
  // aside.
  void begin_anew();
  // After all units were written: wipes what lies behind them, removes files that are set aside,
  // and gives all others their size. Throws Error.
  void settle();
  // Of the first file's first unit.
  [[nodiscard]] std::int64_t first_offset() const noexcept { return first_; }
  // Where the last unit's record ends in the log; -1 when the queue is empty.
  [[nodiscard]] std::int64_t log_end() const noexcept { return log_end_; }

  // Writing. -------------------------------------------------------------------------------------
  // Hands out the next queue offset; give_back() undoes the last reserve().
  [[nodiscard]] std::int64_t reserve() noexcept { return next_++; }
  void give_back() noexcept { --next_; }
  [[nodiscard]] std::int64_t next() const noexcept { return next_; }
  // Adds the unit of a reserved offset, or during recovery of next() or a later one (units between
  // are filled). In memory until write_pending().
  void add(std::int64_t queue_offset, const QueueUnit& unit);
  // On failure everything pending stays so and is tried again by the next call.
  [[nodiscard]] error_code write_pending();
  // Of a queue that has nothing pending.
  void release_memory();
  [[nodiscard]] bool has_pending() const noexcept { return pending_size_ > 0; }
  [[nodiscard]] std::size_t pending_size() const noexcept { return pending_size_; }  // bytes

  // Retention, by the writer. Both return the starts of files that are the queue's no more, to be
  // removed by the caller. Files whose last record lies before `log_min`; never the last file.
  [[nodiscard]] std::vector<std::int64_t> forget_files_before(std::int64_t log_min);
  // The queue is as if it had never been.
  [[nodiscard]] std::vector<std::int64_t> forget_all_files();
  [[nodiscard]] bool has_units() const noexcept { return added_.load() > 0; }
  // Behind the last unit, whether readers may see it or not. Any thread.
  [[nodiscard]] std::int64_t added_end() const noexcept {
    return added_.load(std::memory_order_acquire);
  }
  // The first queue offset, below `high`, whose record ends behind `log_end`; `high` if there is
  // none. Any thread. An error: its units cannot be read.
  [[nodiscard]] Result<std::int64_t> first_behind(std::int64_t log_end, std::int64_t high) const;

  // Allows readers to see units before `end`, as far as they were added. Any thread.
  void publish(std::int64_t end) noexcept { published_.store(end, std::memory_order_release); }

  // Reading. -------------------------------------------------------------------------------------
  [[nodiscard]] std::int64_t max_offset() const noexcept;
  // The first offset whose record is not below `log_min`.
  [[nodiscard]] std::int64_t min_offset(std::int64_t log_min) const;
  // Reads units from `queue_offset` on, at most to the end of the file that holds it and not beyond
  // `end`. None when there are none, an error when the file is missing.
  [[nodiscard]] Result<std::size_t> read_units(std::int64_t queue_offset, std::int64_t end,
                                               std::span<QueueUnit> into) const;
  // The same, only for units of which it is certain that this process has added them as they are
  // read; none for others, and where there is an error.
  [[nodiscard]] std::size_t read_own_units(std::int64_t queue_offset, std::int64_t end,
                                           std::span<QueueUnit> into) const;
  // The first queue offset of the file after the one that holds `queue_offset`.
  [[nodiscard]] std::int64_t next_file_offset(std::int64_t queue_offset) const noexcept;

 private:
  // In the files.
  [[nodiscard]] static std::int64_t position_of(std::int64_t queue_offset) noexcept;
  [[nodiscard]] std::int64_t file_start_of(std::int64_t queue_offset) const noexcept;
  // Zeros behind the end of its file.
  [[nodiscard]] QueueUnit unit_at(std::int64_t queue_offset) const;
  // Nothing: they are in the files.
  [[nodiscard]] std::optional<std::size_t> read_pending(std::int64_t queue_offset,
                                                        std::span<QueueUnit> into) const;
  [[nodiscard]] Result<std::size_t> read_file(std::int64_t queue_offset,
                                              std::span<QueueUnit> into) const;
  void reserve_pending(std::size_t more);
  void add_pending(const QueueUnit& unit) noexcept;
  void drop_pending(std::size_t count) noexcept;
  void forget_pending(std::int64_t next);
  void forget_min();
  void resize(std::int64_t start, std::int64_t size);
  // `first_file`: where a queue without files begins.
  void fill(std::int64_t until, std::int64_t physical_offset, std::int64_t first_file);
  [[nodiscard]] bool zero_from(std::int64_t queue_offset) const;
  [[nodiscard]] std::int64_t find_end(std::int64_t low, std::int64_t high,
                                      std::int64_t log_limit) const;
  // The start of the file that has the place of that unit.
  [[nodiscard]] std::optional<std::int64_t> file_with(std::int64_t queue_offset) const;
  void remove_for_good(std::span<const std::int64_t> starts);
  void zero_tail(std::int64_t queue_offset);

  QueueFiles& files_;
  const std::string topic_;
  const std::int32_t queue_id_;

  std::int64_t first_file_ = 0;    // start of the first file, bytes
  std::int64_t end_of_files_ = 0;  // end of the last file; first_file_: no files
  // Until settle(): files that are none of the queue's, by their start, with the bytes that their
  // units take; and the starts of all files that do not have their size.
  std::map<std::int64_t, std::int64_t> aside_;
  std::set<std::int64_t> odd_sizes_;
  bool must_wipe_ = false;  // behind the last unit
  std::int64_t next_ = 0;
  std::int64_t log_end_ = -1;
  mutable std::mutex pending_mutex_;  // the writer takes it to move units, readers to read
  // Units behind written_. Readers look only at those before added_, which do not change.
  std::unique_ptr<char[]> pending_;
  std::size_t pending_size_ = 0;  // bytes; the writer's
  std::size_t pending_capacity_ = 0;
  UnitSums sums_;                         // of what is in the files; under pending_mutex_
  std::atomic<std::int64_t> first_{0};    // queue offset of the first file's first unit
  std::atomic<std::int64_t> written_{0};  // to the files
  std::atomic<std::int64_t> added_{0};    // written or pending
  std::atomic<std::int64_t> published_{0};
  // What min_offset() has found.
  mutable std::mutex min_mutex_;
  mutable std::int64_t min_ = 0;
  mutable std::int64_t min_known_for_ = -1;  // the log_min that min_ belongs to
  std::uint64_t min_forgotten_ = 0;          // so many times
};

}  // namespace comet::inline v0_1::store
