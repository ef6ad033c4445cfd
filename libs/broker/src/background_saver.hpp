#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "helper_thread.hpp"

namespace comet::broker {

// Writes the file of a table on a helper thread. Changes that come while it is being written share
// the next write. Thread-safe.
class BackgroundSaver {
 public:
  // On the helper thread: whether the change is in the file.
  using Done = std::function<void(bool saved)>;

  // `save` writes the present state and says whether it could; on the helper thread.
  BackgroundSaver(HelperThread& helper, std::function<bool()> save)
      : helper_(helper), save_(std::move(save)) {}

  // The table has changed.
  void changed(Done done = {});
  // Calls `done` when the changes so far are in the file, or could not be written.
  void when_saved(Done done);
  // Writes on this thread what is not saved. For the stop, when the helper thread has ended.
  void save_now();

 private:
  void run();
  // With the lock held: whether a job must be posted.
  [[nodiscard]] bool needs_job();

  HelperThread& helper_;
  const std::function<bool()> save_;
  std::mutex mutex_;
  std::vector<Done> waiting_;           // for the next write
  std::vector<Done> waiting_for_this_;  // for the one under way
  bool is_unsaved_ = false;
  bool is_posted_ = false;
  bool is_writing_ = false;
};

}  // namespace comet::broker
