#include "delay/timer_progress.hpp"

#include "comet/base/bytes.hpp"
#include "comet/base/files.hpp"
#include "comet/base/json.hpp"
#include "comet/base/json_writer.hpp"
#include "comet/base/log.hpp"
#include "tables/state_file.hpp"

namespace comet::inline v0_1::broker {
std::string TimerProgress::to_json() const {
  JsonWriter json;
  json.begin_object();
  json.key("deliveredBefore");
  json.value(delivered_before);
  json.key("deliveredUntil");
  json.value(delivered_until);
  json.key("firstOffset");
  json.value(first);
  json.key("takenOffset");
  json.value(taken);
  json.end_object();
  return json.take();
}

error_code TimerProgress::parse(std::string_view json) {
  auto parsed = parse_json(json);
  if (!parsed) return parsed.error();
  const boost::json::object* root = parsed->if_object();
  if (root == nullptr) return BaseErrc::bad_value;
  const auto read = [root](std::string_view name, std::int64_t& number) {
    const boost::json::value* value = root->if_contains(name);
    if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return false;
    number = value->get_int64();
    return true;
  };
  TimerProgress progress;
  const bool whole = read("deliveredBefore", progress.delivered_before) &&
                     read("deliveredUntil", progress.delivered_until) &&
                     read("firstOffset", progress.first) && read("takenOffset", progress.taken);
  if (!whole) return BaseErrc::bad_value;
  *this = progress;
  return {};
}

std::string timer_progress_path(const std::string& store_root) {
  return store_root + "/config/timerProgress.json";
}

TimerProgress load_timer_progress(const std::string& store_root) {
  TimerProgress progress;
  load_state_file(timer_progress_path(store_root),
                  [&](std::string_view json) { return progress.parse(json); });
  return progress;
}

// TimerCheckpoint: lastReadTimeMs at 0 is the step that comes next, lastTimerQueueOffset at 16 what
// has been put into the wheel.
TimerProgress load_timer_progress_of_apache(const std::string& store_root) {
  const std::string path = store_root + "/config/timercheck";
  const Result<std::string> content = read_file(path);
  TimerProgress progress;
  if (!content || content->size() < 24) return progress;
  progress.delivered_until = load_be<std::int64_t>(content->data()) - 1;
  progress.taken = load_be<std::int64_t>(content->data() + 16);
  if (progress.delivered_until < 0 || progress.taken < 0) return TimerProgress();
  log::info("{} was read: timers up to {} ms have been delivered by another broker", path,
            progress.delivered_until);
  return progress;
}

}  // namespace comet::inline v0_1::broker
