#include "background_saver.hpp"

#include <utility>

namespace comet::broker {

void BackgroundSaver::changed(Done done) {
  {
    const std::lock_guard lock(mutex_);
    is_unsaved_ = true;
    if (done) waiting_.push_back(std::move(done));
    if (!needs_job()) return;
  }
  helper_.post([this] { run(); });
}

void BackgroundSaver::when_saved(Done done) {
  bool is_saved = false;
  {
    const std::lock_guard lock(mutex_);
    if (is_unsaved_) {
      waiting_.push_back(std::move(done));
      if (!needs_job()) return;
    } else if (is_writing_) {
      waiting_for_this_.push_back(std::move(done));
      return;
    } else {
      is_saved = true;
    }
  }
  if (is_saved) return done(true);
  helper_.post([this] { run(); });
}

bool BackgroundSaver::needs_job() { return !std::exchange(is_posted_, true); }

void BackgroundSaver::run() {
  {
    const std::lock_guard lock(mutex_);
    waiting_for_this_.swap(waiting_);
    is_unsaved_ = false;
    is_posted_ = false;  // what comes from now on may be too late for this write
    is_writing_ = true;
  }
  const bool saved = save_();
  std::vector<Done> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (!saved) is_unsaved_ = true;
    is_writing_ = false;
    waiting.swap(waiting_for_this_);
  }
  for (const Done& done : waiting) done(saved);
}

void BackgroundSaver::save_now() {
  {
    const std::lock_guard lock(mutex_);
    if (!is_unsaved_ && waiting_.empty()) return;
  }
  run();
}

}  // namespace comet::broker
