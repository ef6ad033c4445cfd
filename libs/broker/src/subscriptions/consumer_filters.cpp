#include "subscriptions/consumer_filters.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <utility>

#include "comet/base/json.hpp"
#include "comet/base/log.hpp"
#include "subscriptions/bloom_filter.hpp"
#include "tables/state_file.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {
namespace {

constexpr std::int64_t kKeepDeadMillis = 24 * 3600 * 1000;  // Apache: filterDataCleanTimeSpan
constexpr std::int64_t kDeadBeforeStart = 30'000;           // Apache: when a file is read

std::size_t bytes_of(std::string_view topic, std::string_view group, std::string_view expression) {
  constexpr std::size_t kEntry = 200;
  return kEntry + topic.size() + group.size() + expression.size();
}

}  // namespace

ConsumerFilters::ConsumerFilters(const std::string& store_root, TimeSource& time,
                                 FilterLimits limits)
    : file_(store_root + "/config/consumerFilter.json"), time_(time), limits_(limits) {}

void ConsumerFilters::load() {
  const std::lock_guard lock(mutex_);
  file_.load([this](std::string_view json) { return parse(json); });
}

error_code ConsumerFilters::parse(std::string_view json) {
  const auto parsed = parse_json(json);
  if (!parsed) return parsed.error();
  const boost::json::object* root = parsed->if_object();
  if (root == nullptr) return BaseErrc::bad_value;
  decltype(topics_) topics;
  std::size_t size = 0;
  std::size_t bytes = 0;
  const boost::json::value* by_topic = root->if_contains("filterDataByTopic");
  if (by_topic != nullptr && by_topic->is_object()) {
    for (const auto& [topic, entry] : by_topic->get_object()) {
      if (!entry.is_object()) return BaseErrc::bad_value;
      const boost::json::value* groups = entry.get_object().if_contains("groupFilterData");
      if (groups == nullptr || !groups->is_object()) continue;
      for (const auto& [group, data] : groups->get_object()) {
        if (!data.is_object()) return BaseErrc::bad_value;
        const boost::json::object& object = data.get_object();
        Filter filter;
        filter.expression = get_string(object, "expression");
        filter.expression_type = get_string(object, "expressionType");
        filter.client_version = get_int(object, "clientVersion", 0);
        filter.born = get_int(object, "bornTime", 0);
        filter.dead = get_int(object, "deadTime", 0);
        if (filter.dead == 0) {
          filter.dead = std::max(filter.born, time_.wall_millis() - kDeadBeforeStart);
        }
        bytes += bytes_of(std::string_view(topic), std::string_view(group), filter.expression);
        topics[std::string(topic)].insert_or_assign(std::string(group), std::move(filter));
        ++size;
      }
    }
  }
  topics_ = std::move(topics);
  size_ = size;
  bytes_ = bytes;
  return {};
}

void ConsumerFilters::save_if_changed() {
  {
    const std::lock_guard lock(mutex_);
    forget_long_dead();
    if (!changed_) return;
    changed_ = false;
  }
  if (file_.save(to_json())) return;
  const std::lock_guard lock(mutex_);
  changed_ = true;
}

void ConsumerFilters::subscribe(const std::string& group,
                                const std::vector<Subscription>& subscriptions) {
  const std::lock_guard lock(mutex_);
  for (const Subscription& subscription : subscriptions) {
    if (!subscription.is_tag_filter() && subscription.error.empty()) put(group, subscription);
  }
  const auto live = live_.find(group);
  if (live == live_.end()) return;
  std::set<std::string> ended = std::move(live->second);
  live_.erase(live);
  for (const Subscription& subscription : subscriptions) {
    auto goes_on = ended.extract(subscription.topic);
    if (!goes_on.empty()) live_[group].insert(std::move(goes_on));
  }
  for (const std::string& topic : ended) bury(topic, group);
}

void ConsumerFilters::put(const std::string& group, const Subscription& subscription) {
  ByGroup& groups = topics_[subscription.topic];
  const auto known = groups.find(group);
  if (known != groups.end()) {
    Filter& filter = known->second;
    if (subscription.version < filter.client_version) return;
    if (subscription.version == filter.client_version) {
      if (!filter.is_dead()) return;
      filter.dead = 0;
      live_[group].insert(subscription.topic);
      changed_ = true;
      return;
    }
  }
  const std::size_t bytes = bytes_of(subscription.topic, group, subscription.expression);
  const std::size_t former =
      known == groups.end() ? 0 : bytes_of(subscription.topic, group, known->second.expression);
  if ((known == groups.end() && size_ >= limits_.filters) ||
      bytes_ - former + bytes > limits_.bytes) {
    if (!std::exchange(is_full_, true)) {
      log::warn("filters of consumer groups are not kept any more: there are {} with {} bytes",
                size_, bytes_);
    }
    if (groups.empty()) topics_.erase(subscription.topic);
    return;
  }
  bytes_ += bytes - former;
  Filter filter;
  filter.expression = subscription.expression;
  filter.expression_type = subscription.expression_type;
  filter.client_version = subscription.version;
  filter.born = time_.wall_millis();
  if (known == groups.end()) ++size_;
  groups.insert_or_assign(group, std::move(filter));
  live_[group].insert(subscription.topic);
  changed_ = true;
}

void ConsumerFilters::member_left(std::string_view group, const std::function<bool()>& is_empty) {
  const std::lock_guard lock(mutex_);
  const auto live = live_.find(group);
  if (live == live_.end() || !is_empty()) return;
  for (const std::string& topic : live->second) bury(topic, group);
  live_.erase(live);
}

void ConsumerFilters::bury(std::string_view topic, std::string_view group) {
  Filter& filter = topics_.find(topic)->second.find(group)->second;
  filter.dead = std::max(time_.wall_millis(), filter.born);
  changed_ = true;
}

void ConsumerFilters::forget_long_dead() {
  const std::int64_t now = time_.wall_millis();
  for (auto& [topic, groups] : topics_) {
    const std::size_t gone = std::erase_if(groups, [&, &name = topic](const auto& entry) {
      const Filter& filter = entry.second;
      const bool goes = filter.is_dead() && now - filter.dead >= kKeepDeadMillis;
      if (goes) bytes_ -= bytes_of(name, entry.first, filter.expression);
      return goes;
    });
    if (gone != 0) is_full_ = false;
    size_ -= gone;
    changed_ |= gone != 0;
  }
  std::erase_if(topics_, [](const auto& entry) { return entry.second.empty(); });
}

void ConsumerFilters::write(JsonWriter& json, std::string_view topic, std::string_view group,
                            const Filter& filter) {
  std::string text(group);
  text.append("#").append(topic);
  const BloomPlaces places = bloom_places(text);
  json.begin_object();
  json.key("bloomFilterData");
  json.begin_object();
  json.member("bitNum", places.bit_count);
  json.key("bitPos");
  json.begin_array();
  for (const std::int32_t bit : places.bits) json.value(std::int64_t{bit});
  json.end_array();
  json.end_object();
  json.member("bornTime", filter.born);
  json.member("clientVersion", filter.client_version);
  json.member("consumerGroup", group);
  json.member("dead", filter.is_dead());
  json.member("deadTime", filter.dead);
  json.member("expression", filter.expression);
  json.member("expressionType", filter.expression_type);
  json.member("topic", topic);
  json.end_object();
}

std::string ConsumerFilters::describe(std::string_view topic, std::string_view group) const {
  const std::lock_guard lock(mutex_);
  const auto groups = topics_.find(topic);
  if (groups == topics_.end()) return "null";
  const auto filter = groups->second.find(group);
  if (filter == groups->second.end()) return "null";
  JsonWriter json;
  write(json, topic, group, filter->second);
  return json.take();
}

ConsumerFilters::Size ConsumerFilters::size() const {
  const std::lock_guard lock(mutex_);
  Size size;
  size.filters = size_;
  size.bytes = bytes_;
  return size;
}

std::string ConsumerFilters::to_json() const {
  JsonWriter json;
  json.begin_object();
  json.key("filterDataByTopic");
  json.begin_object();
  const std::lock_guard lock(mutex_);
  for (const auto& [topic, groups] : topics_) {
    json.key(topic);
    json.begin_object();
    json.key("groupFilterData");
    json.begin_object();
    for (const auto& [group, filter] : groups) {
      json.key(group);
      write(json, topic, group, filter);
    }
    json.end_object();
    json.member("topic", topic);
    json.end_object();
  }
  json.end_object();
  json.end_object();
  return json.take();
}

}  // namespace comet::inline v0_1::broker
