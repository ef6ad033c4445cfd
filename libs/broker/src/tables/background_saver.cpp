#include "tables/background_saver.hpp"

#include <utility>

namespace comet::inline v0_1::broker {

void BackgroundSaver::changed(Done done) {
  {
    const std::lock_guard lock(mutex_);
    is_unsaved_ = true;
    // A disk that takes nothing is not asked for every new topic.
    if (has_failed_ && !done) return;
    if (done) waiting_.push_back({std::move(done), time_.now() + kPatience});
    if (!needs_job()) return;
  }
  helper_.post([this] { run(); });
}

void BackgroundSaver::when_saved(Done done) {
  std::unique_lock lock(mutex_);
  const Instant until = time_.now() + kPatience;
  if (is_unsaved_ && !has_failed_) {
    waiting_.push_back({std::move(done), until});
    const bool has_job = needs_job();
    lock.unlock();
    if (has_job) helper_.post([this] { run(); });
    return;
  }
  if (!is_unsaved_ && is_writing_) {
    waiting_for_this_.push_back({std::move(done), until});
    return;
  }
  const bool is_saved = !is_unsaved_;
  lock.unlock();
  done(is_saved);
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
  std::vector<Waiting> waiting;
  {
    const std::lock_guard lock(mutex_);
    has_failed_ = !saved;
    if (!saved) is_unsaved_ = true;
    is_writing_ = false;
    waiting.swap(waiting_for_this_);
  }
  for (const Waiting& one : waiting) one.done(saved);
}

void BackgroundSaver::retry() {
  std::vector<Done> impatient;
  bool has_job = false;
  {
    const std::lock_guard lock(mutex_);
    const Instant now = time_.now();
    take_impatient(waiting_, now, impatient);
    take_impatient(waiting_for_this_, now, impatient);
    // Also what changed() left to us while a write was under way that then succeeded.
    has_job = is_unsaved_ && !is_writing_ && needs_job();
  }
  for (const Done& done : impatient) done(false);
  if (has_job) helper_.post([this] { run(); });
}

void BackgroundSaver::take_impatient(std::vector<Waiting>& from, Instant now,
                                     std::vector<Done>& to) {
  std::erase_if(from, [&](Waiting& waiting) {
    if (waiting.until > now) return false;
    to.push_back(std::move(waiting.done));
    return true;
  });
}

void BackgroundSaver::save_now() {
  {
    const std::lock_guard lock(mutex_);
    if (!is_unsaved_ && waiting_.empty()) return;
  }
  run();
}

}  // namespace comet::inline v0_1::broker
