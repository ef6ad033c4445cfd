#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "comet/base/time.hpp"
#include "request/helper_thread.hpp"

namespace comet::inline v0_1::broker {

// Writes the file of a table on a helper thread. Changes that come while it is being written share
// the next write. What could not be written is tried again at every retry(). Thread-safe.
class BackgroundSaver {
 public:
  // On the helper thread, or on that of retry(): whether the change is in the file.
  using Done = std::function<void(bool saved)>;

  // Whoever waits learns after this time that the change is not in the file yet; clients give a
  // request three seconds.
  static constexpr Duration kPatience = std::chrono::seconds(2);

  // `save` writes the present state and says whether it could; on the helper thread.
  BackgroundSaver(TimeSource& time, HelperThread& helper, std::function<bool()> save)
      : time_(time), helper_(helper), save_(std::move(save)) {}

  // The table has changed.
  void changed(Done done = {});
  // Calls `done` when the changes so far are in the file, or could not be written; at once while
  // the last write has failed.
  void when_saved(Done done);
  // To be called every second, or more often.
  void retry();
  // Writes on this thread what is not saved. For the stop, when the helper thread has ended.
  void save_now();

 private:
  class Waiting {
   public:
    Done done;
    Instant until;
  };

  void run();
  // With the lock held: whether a job must be posted.
  [[nodiscard]] bool needs_job();
  void take_impatient(std::vector<Waiting>& from, Instant now, std::vector<Done>& to);

  TimeSource& time_;
  HelperThread& helper_;
  const std::function<bool()> save_;
  std::mutex mutex_;
  std::vector<Waiting> waiting_;           // for the next write
  std::vector<Waiting> waiting_for_this_;  // for the one under way
  bool is_unsaved_ = false;
  bool is_posted_ = false;
  bool is_writing_ = false;
  bool has_failed_ = false;  // the last write
};

}  // namespace comet::inline v0_1::broker
