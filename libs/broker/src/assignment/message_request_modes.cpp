#include "assignment/message_request_modes.hpp"

#include <algorithm>
#include <limits>

#include "comet/base/json.hpp"
#include "comet/base/json_writer.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {

MessageRequestModes::MessageRequestModes(const BrokerConfig& config, TimeSource& time,
                                         HelperThread& files)
    : file_(config.store.root + "/config/messageRequestMode.json"),
      saver_(time, files, [this] { return save(); }) {}

void MessageRequestModes::load() {
  const std::lock_guard lock(mutex_);
  file_.load([this](std::string_view json) { return parse(json); });
}

std::int32_t share_of_queues(const boost::json::object& mode) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  return static_cast<std::int32_t>(
      std::clamp<std::int64_t>(get_int(mode, "popShareQueueNum", 0), -1, kMost));
}

Result<MessageRequestModes::Modes> MessageRequestModes::modes_of(std::string_view json) {
  const auto parsed = parse_json(json);
  if (!parsed) return parsed.error();
  const boost::json::object* root = parsed->if_object();
  if (root == nullptr) return BaseErrc::bad_value;
  const boost::json::value* topics = root->if_contains("messageRequestModeMap");
  Modes modes;
  if (topics == nullptr || !topics->is_object()) return modes;
  for (const auto& [topic, groups] : topics->get_object()) {
    if (!groups.is_object()) return BaseErrc::bad_value;
    for (const auto& [group, value] : groups.get_object()) {
      if (!value.is_object()) return BaseErrc::bad_value;
      MessageRequestMode mode;
      mode.is_pop = get_string(value.get_object(), "mode") == "POP";
      mode.pop_share_queues = share_of_queues(value.get_object());
      modes.insert_or_assign({std::string(topic), std::string(group)}, mode);
    }
  }
  return modes;
}

error_code MessageRequestModes::parse(std::string_view json) {
  auto modes = modes_of(json);
  if (!modes) return modes.error();
  modes_ = std::move(*modes);
  return {};
}

error_code MessageRequestModes::replace_all(std::string_view json, Done done) {
  auto modes = modes_of(json);
  if (!modes) return modes.error();
  bool is_changed = false;
  {
    const std::lock_guard lock(mutex_);
    is_changed = *modes != modes_;
    modes_ = std::move(*modes);
  }
  if (is_changed) {
    saver_.changed(std::move(done));
  } else if (done) {
    done(true);
  }
  return {};
}

bool MessageRequestModes::save() {
  if (!file_.save(to_json())) return false;
  if (observer_) observer_();
  return true;
}

std::optional<MessageRequestMode> MessageRequestModes::find(std::string_view topic,
                                                            std::string_view group) const {
  const std::lock_guard lock(mutex_);
  const auto found = modes_.find({std::string(topic), std::string(group)});
  if (found == modes_.end()) return std::nullopt;
  return found->second;
}

bool MessageRequestModes::put(std::string topic, std::string group, MessageRequestMode mode,
                              Done done) {
  {
    const std::lock_guard lock(mutex_);
    std::pair key(std::move(topic), std::move(group));
    if (modes_.size() >= kMostRequestModes && !modes_.contains(key)) return false;
    modes_.insert_or_assign(std::move(key), mode);
  }
  saver_.changed(std::move(done));
  return true;
}

void MessageRequestModes::forget_topic(std::string_view topic) {
  forget([topic](const Key& key) { return key.first == topic; });
}

void MessageRequestModes::forget_group(std::string_view group) {
  forget([group](const Key& key) { return key.second == group; });
}

void MessageRequestModes::forget(const std::function<bool(const Key&)>& is_gone) {
  {
    const std::lock_guard lock(mutex_);
    const auto count =
        std::erase_if(modes_, [&is_gone](const auto& mode) { return is_gone(mode.first); });
    if (count == 0) return;
  }
  saver_.changed();
}

std::size_t MessageRequestModes::size() const {
  const std::lock_guard lock(mutex_);
  return modes_.size();
}

std::string MessageRequestModes::to_json() const {
  JsonWriter json;
  json.begin_object();
  json.key("messageRequestModeMap");
  json.begin_object();
  const std::lock_guard lock(mutex_);
  for (auto at = modes_.begin(); at != modes_.end();) {
    const std::string& topic = at->first.first;
    json.key(topic);
    json.begin_object();
    for (; at != modes_.end() && at->first.first == topic; ++at) {
      json.key(at->first.second);
      json.begin_object();
      json.member("consumerGroup", at->first.second);
      json.member("mode", at->second.is_pop ? "POP" : "PULL");
      json.member("popShareQueueNum", at->second.pop_share_queues);
      json.member("topic", topic);
      json.end_object();
    }
    json.end_object();
  }
  json.end_object();
  json.end_object();
  return json.take();
}

}  // namespace comet::inline v0_1::broker
