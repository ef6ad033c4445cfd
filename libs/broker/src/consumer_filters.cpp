#include "consumer_filters.hpp"

#include <algorithm>
#include <boost/json/object.hpp>

#include "bloom_filter.hpp"
#include "comet/base/log.hpp"
#include "comet/routing/json.hpp"
#include "state_file.hpp"

namespace comet::broker {
namespace {

constexpr std::int64_t kKeepDeadMillis = 24 * 3600 * 1000;  // Apache: filterDataCleanTimeSpan
constexpr std::int64_t kDeadBeforeStart = 30'000;           // Apache: when a file is read

}  // namespace

ConsumerFilters::ConsumerFilters(const std::string& store_root, TimeSource& time)
    : file_(store_root + "/config/consumerFilter.json"), time_(time) {}

void ConsumerFilters::load() {
  const std::lock_guard lock(mutex_);
  file_.load([this](std::string_view json) { return parse(json); });
}

error_code ConsumerFilters::parse(std::string_view json) {
  const auto parsed = routing::parse_json(json);
  if (!parsed) return parsed.error();
  const boost::json::object* root = parsed->if_object();
  if (root == nullptr) return BaseErrc::bad_value;
  decltype(topics_) topics;
  std::size_t size = 0;
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
        filter.expression = routing::get_string(object, "expression");
        filter.expression_type = routing::get_string(object, "expressionType");
        filter.client_version = routing::get_int(object, "clientVersion", 0);
        filter.born = routing::get_int(object, "bornTime", 0);
        filter.dead = routing::get_int(object, "deadTime", 0);
        if (filter.dead == 0) {
          filter.dead = std::max(filter.born, time_.wall_millis() - kDeadBeforeStart);
        }
        topics[std::string(topic)].insert_or_assign(std::string(group), std::move(filter));
        ++size;
      }
    }
  }
  topics_ = std::move(topics);
  size_ = size;
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
  if (size_ == 0) return;
  for (auto& [topic, groups] : topics_) {
    const auto filter = groups.find(group);
    if (filter == groups.end() || filter->second.is_dead()) continue;
    const bool goes_on = std::ranges::any_of(
        subscriptions, [&name = topic](const Subscription& one) { return one.topic == name; });
    if (!goes_on) bury(filter->second);
  }
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
      changed_ = true;
      return;
    }
  } else if (size_ >= kMost) {
    log::warn("the filter of consumer group {} is not kept: there are {} already", group, kMost);
    return;
  }
  Filter filter;
  filter.expression = subscription.expression;
  filter.expression_type = subscription.expression_type;
  filter.client_version = subscription.version;
  filter.born = time_.wall_millis();
  if (known == groups.end()) ++size_;
  groups.insert_or_assign(group, std::move(filter));
  changed_ = true;
}

void ConsumerFilters::unsubscribe(std::string_view group) {
  const std::lock_guard lock(mutex_);
  if (size_ == 0) return;
  for (auto& [topic, groups] : topics_) {
    const auto filter = groups.find(group);
    if (filter != groups.end() && !filter->second.is_dead()) bury(filter->second);
  }
}

void ConsumerFilters::bury(Filter& filter) {
  filter.dead = std::max(time_.wall_millis(), filter.born);
  changed_ = true;
}

void ConsumerFilters::forget_long_dead() {
  const std::int64_t now = time_.wall_millis();
  for (auto& [topic, groups] : topics_) {
    const std::size_t gone = std::erase_if(groups, [now](const auto& entry) {
      return entry.second.is_dead() && now - entry.second.dead >= kKeepDeadMillis;
    });
    size_ -= gone;
    changed_ |= gone != 0;
  }
  std::erase_if(topics_, [](const auto& entry) { return entry.second.empty(); });
}

void ConsumerFilters::write(routing::JsonWriter& json, std::string_view topic,
                            std::string_view group, const Filter& filter) {
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
  routing::JsonWriter json;
  write(json, topic, group, filter->second);
  return json.take();
}

std::string ConsumerFilters::to_json() const {
  routing::JsonWriter json;
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

}  // namespace comet::broker
