// StoreCore gives disk space back: old files of the log with what hangs on them, and queues that
// nobody wants any more.

#include <fmt/format.h>

#include <algorithm>

#include "comet/base/log.hpp"
#include "comet/message/system_names.hpp"
#include "comet/message/validate.hpp"
#include "retention.hpp"
#include "store_core.hpp"

namespace comet::inline v0_1::store {

namespace {

// Apache: DefaultMessageStore deletes at most this many files in one round, and goes on after a
// request for this many rounds.
constexpr int kMaxFilesPerRound = 10;
constexpr int kRoundsAfterRequest = 20;

// Queues whose offsets the broker has saved: they must not begin at 0 again.
bool is_counted_by_broker(std::string_view topic) noexcept {
  return topic == kScheduleTopic || topic == kTimerTopic;
}

// As df and Apache's broker count, rounded up.
int used_percent(const DiskUsage& usage) {
  std::int64_t reachable = usage.used + usage.available;
  if (reachable <= 0) return 0;
  return static_cast<int>((usage.used * 100 + reachable - 1) / reachable);
}

}  // namespace

int StoreCore::measure_disks() {
  DiskState state;
  int highest = 0;
  auto measure = [&](const std::string& path, double& ratio) {
    Result<DiskUsage> usage = files_.disk_usage(path);
    if (!usage) return log::warn("cannot tell how full the disk of {} is", path);
    int percent = used_percent(*usage);
    highest = std::max(highest, percent);
    ratio = percent / 100.0;
    if (state.available_bytes < 0 || usage->available < state.available_bytes) {
      state.available_bytes = usage->available;
    }
  };
  measure(directory_.commit_log(), state.commit_log_ratio);
  measure(directory_.consume_queues(), state.consume_queue_ratio);
  state.index_ratio = state.commit_log_ratio;
  state.full = highest > config_.disk_warning_percent;
  std::lock_guard lock(reason_mutex_);
  if (state.full != disk_state_.full) {
    if (state.full) {
      log::error(
          "store {}: the disk is {} % full, more than {} %: nothing is stored until space "
          "is freed",
          directory_.root(), highest, config_.disk_warning_percent);
    } else {
      log::warn("store {}: the disk is {} % full again: messages are stored", directory_.root(),
                highest);
    }
  }
  disk_state_ = state;
  disk_too_full_.store(state.full, std::memory_order_release);
  return highest;
}

DiskState StoreCore::disk_state() const {
  std::lock_guard lock(reason_mutex_);
  return disk_state_;
}

void StoreCore::request_deletion() { deletion_rounds_ = kRoundsAfterRequest; }

void StoreCore::clean(std::int64_t wall_millis) {
  log_.drop_idle_pages();
  int used = measure_disks();
  int rounds = deletion_rounds_.load();
  if (rounds > 0) --deletion_rounds_;
  RetentionPlan plan = plan_retention(config_, delete_hours_, wall_millis, used, rounds > 0);
  // Copies of what was damaged are the first to go when space is short.
  const std::int64_t keep = std::chrono::milliseconds(config_.damaged_keep_time).count();
  copies_.drop_before(used > config_.disk_max_used_percent ? wall_millis : wall_millis - keep);
  if (is_poisoned()) return;
  if (plan.delete_expired || plan.ignore_age) delete_log_files(plan.ignore_age, wall_millis);
  // Also what a crash left, or somebody's hand.
  std::int64_t log_min = log_.min_offset();
  if (cleaned_below_ != log_min) follow_the_log(log_min);
  cleaned_below_ = log_min;
}

void StoreCore::delete_log_files(bool ignore_age, std::int64_t wall_millis) {
  std::int64_t expired_before =
      wall_millis - std::chrono::milliseconds(config_.file_reserved_time).count();
  for (int count = 0; count < kMaxFilesPerRound; ++count) {
    std::string path = log_.first_removable_file();
    if (path.empty() || log_.end_of_first_file() > keep_from_ ||
        !is_vouched_for(log_.end_of_first_file())) {
      return;
    }
    Result<std::int64_t> modified = files_.modified_millis(path);
    bool expired = modified && *modified < expired_before;
    if (!expired && !(ignore_age && measure_disks() > config_.disk_clean_forcibly_percent)) return;
    if (error_code error = log_.remove_first_file()) {
      log::warn("store {}: cannot remove {}: {}; tried again later", directory_.root(), path,
                error.message());
      return;
    }
    log::info("store {}: {} removed, {}; the log begins at {}", directory_.root(), path,
              expired ? "it was kept long enough" : "the disk is too full", log_.min_offset());
  }
  measure_disks();
}

// Whether the queues are on disk up to there: those that only knew messages of a removed file would
// else begin anew after a power cut.
bool StoreCore::is_vouched_for(std::int64_t log_end) {
  if (vouched_end_ >= log_end) return true;
  auto nothing = [] {};
  return !write_checkpoint(nothing) && vouched_end_ >= log_end;
}

// Files of queues and index that only know messages which are gone.
void StoreCore::follow_the_log(std::int64_t log_min) {
  index_.drop_before(log_min);
  std::vector<ConsumeQueue*> queues;
  queues_.for_each([&](ConsumeQueue& queue) { queues.push_back(&queue); });
  for (ConsumeQueue* queue : queues) {
    std::vector<std::int64_t> unwanted;
    {
      std::lock_guard lock(write_mutex_);
      unwanted = queue->forget_files_before(log_min);
    }
    for (std::int64_t start : unwanted) {
      if (error_code error = queues_.files().remove(*queue, start)) {
        log::warn("store {}: cannot remove {}: {}", directory_.root(),
                  queues_.files().path_of(*queue, start), error.message());
      }
    }
  }
  std::lock_guard lock(removal_mutex_);
  if (removed_queues_.empty()) return;
  removed_queues_.drop_before(log_min);
  if (error_code error = removed_queues_.save()) {
    log::warn("store {}: cannot write the list of removed queues: {}", directory_.root(),
              error.message());
  }
}

std::int64_t StoreCore::remove_queues(const std::function<bool(const ConsumeQueue&)>& unwanted) {
  std::lock_guard lock(removal_mutex_);
  std::vector<ConsumeQueue*> victims;
  queues_.for_each([&](ConsumeQueue& queue) {
    if (queue.has_units() && unwanted(queue)) victims.push_back(&queue);
  });
  if (victims.empty()) return 0;
  std::lock_guard write_lock(write_mutex_);
  // What was appended in the meantime may have changed that.
  std::erase_if(victims, [&](ConsumeQueue* queue) { return !unwanted(*queue); });
  if (victims.empty()) return 0;
  error_code closed = refusing_ ? make_error_code(StoreErrc::closed) : sync();
  if (closed) throw Error(closed, "remove consume queues");
  // Noted first: after a crash in between recovery must not bring half of them back. The log before
  // this place is on disk, so that it cannot become another message's place.
  std::int64_t log_end = log_.position();
  for (ConsumeQueue* queue : victims) {
    removed_queues_.add(queue->topic(), queue->queue_id(), log_end);
  }
  if (error_code error = removed_queues_.save()) throw Error(error, "remove consume queues");
  for (ConsumeQueue* queue : victims) remove_queue(*queue);
  return static_cast<std::int64_t>(victims.size());
}

// Under write_mutex_.
void StoreCore::remove_queue(ConsumeQueue& queue) {
  {
    std::lock_guard lock(visible_mutex_);
    for (Waiting& waiting : waiting_) {
      std::erase_if(waiting.units, [&](const VisibleUnit& unit) { return unit.queue == &queue; });
    }
  }
  std::erase(touched_, &queue);
  for (std::int64_t start : queue.forget_all_files()) {
    if (error_code error = queues_.files().remove(queue, start)) {
      log::warn("store {}: cannot remove {}: {}", directory_.root(),
                queues_.files().path_of(queue, start), error.message());
    }
  }
  queues_.files().remove_directory(queue);
  log::info("store {}: the consume queue {} {} is removed", directory_.root(), queue.topic(),
            queue.queue_id());
}

std::int64_t StoreCore::remove_topic(std::string_view topic) {
  return remove_queues([&](const ConsumeQueue& queue) { return queue.topic() == topic; });
}

std::int64_t StoreCore::remove_unused_topics(const TopicTest& is_used) {
  return remove_queues([&](const ConsumeQueue& queue) {
    return !is_counted_by_broker(queue.topic()) && queue.topic() != kOpTopic &&
           !is_used(queue.topic());
  });
}

std::int64_t StoreCore::remove_expired_queues() {
  std::int64_t log_min = log_.min_offset();
  return remove_queues([&](const ConsumeQueue& queue) {
    return !is_counted_by_broker(queue.topic()) && queue.min_offset(log_min) >= queue.max_offset();
  });
}

}  // namespace comet::inline v0_1::store
