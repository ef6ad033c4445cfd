#include "removed_queues.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "comet/base/log.hpp"
#include "comet/base/parse_number.hpp"

namespace comet::inline v0_1::store {

namespace json = boost::json;

void RemovedQueues::load() {
  Result<bool> exists = files_.exists(path_);
  if (exists && !*exists) return;
  Result<std::shared_ptr<File>> file = files_.open(path_, OpenMode::existing);
  error_code error = file ? error_code() : file.error();
  std::string text;
  if (!error) {
    Result<std::int64_t> size = (*file)->size();
    text.resize(size ? static_cast<std::size_t>(*size) : 0);
    error = size ? read_fully(**file, text, 0) : size.error();
  }
  if (!error) error = parse(text);
  if (!error) return;
  floors_.clear();
  complete_ = false;
  log::warn("{} cannot be used ({}): messages of removed topics may come back", path_,
            error.message());
}

error_code RemovedQueues::parse(std::string_view text) {
  error_code error;
  json::value value = json::parse(text, error);
  if (error) return error;
  if (!value.is_object()) return make_error_code(BaseErrc::bad_value);
  for (const auto& [topic, queues] : value.get_object()) {
    if (!queues.is_object()) return make_error_code(BaseErrc::bad_value);
    for (const auto& [id_text, offset] : queues.get_object()) {
      const auto id = parse_number<std::int32_t>(id_text);
      if (!id || !offset.is_int64()) return make_error_code(BaseErrc::bad_value);
      floors_[std::string(topic)][*id] = offset.get_int64();
    }
  }
  return {};
}

void RemovedQueues::add(std::string_view topic, std::int32_t queue_id, std::int64_t log_offset) {
  auto found = floors_.find(topic);
  if (found == floors_.end()) found = floors_.emplace(topic, Floors::mapped_type()).first;
  found->second[queue_id] = log_offset;
}

bool RemovedQueues::clamp(std::int64_t log_end) {
  bool changed = false;
  for (auto& [topic, queues] : floors_) {
    for (auto& [id, floor] : queues) {
      changed = changed || floor > log_end;
      floor = std::min(floor, log_end);
    }
  }
  return changed;
}

void RemovedQueues::drop_before(std::int64_t log_min) {
  for (auto topic = floors_.begin(); topic != floors_.end();) {
    std::erase_if(topic->second, [&](const auto& queue) { return queue.second <= log_min; });
    topic = topic->second.empty() ? floors_.erase(topic) : std::next(topic);
  }
}

error_code RemovedQueues::save() {
  json::object table;
  for (const auto& [topic, queues] : floors_) {
    json::object of_topic;
    for (const auto& [id, offset] : queues) of_topic[std::to_string(id)] = offset;
    table[topic] = std::move(of_topic);
  }
  return replace_file(files_, path_, json::serialize(table));
}

bool RemovedQueues::contains(std::string_view topic, std::int32_t queue_id,
                             std::int64_t log_offset) const {
  auto found = floors_.find(topic);
  if (found == floors_.end()) return false;
  auto queue = found->second.find(queue_id);
  return queue != found->second.end() && log_offset < queue->second;
}

}  // namespace comet::inline v0_1::store
