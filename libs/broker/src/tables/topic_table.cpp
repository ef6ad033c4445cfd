#include "tables/topic_table.hpp"

#include <algorithm>
#include <utility>

#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "comet/message/system_names.hpp"
#include "comet/message/validate.hpp"
#include "comet/routing/topic_route.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {

using routing::TopicConfig;
namespace perm = routing::perm;

namespace {

constexpr std::size_t kTopicSlice = 256;  // topics that are copied with the lock held
constexpr Duration kFullLineEvery = std::chrono::seconds(1);

TopicConfig make_topic(std::string_view name, std::int32_t queues, std::int32_t permission) {
  TopicConfig config;
  config.topic_name = name;
  config.read_queue_nums = queues;
  config.write_queue_nums = queues;
  config.perm = permission;
  return config;
}

}  // namespace

TopicTable::TopicTable(const BrokerConfig& config, TimeSource& time, HelperThread& files)
    : config_(config),
      time_(time),
      file_(config.store.root + "/config/topics.json"),
      saver_(time, files, [this] { return save(); }) {}

void TopicTable::load(const std::map<std::string, std::int32_t, std::less<>>& stored) {
  std::unique_lock lock(mutex_);
  file_.load([this](std::string_view json) -> error_code {
    auto table = routing::parse_topic_config_table(json);
    if (!table) return table.error();
    table_ = std::move(*table);
    return {};
  });
  constexpr std::int32_t kReadWrite = perm::kRead | perm::kWrite;
  auto ensure = [this](TopicConfig topic) { table_.topics.try_emplace(topic.topic_name, topic); };
  if (config_.auto_create_topic) {
    ensure(make_topic(kAutoCreateTopic, config_.default_topic_queue_nums,
                      kReadWrite | perm::kInherit));
  }
  ensure(make_topic(kSelfTestTopic, 1, kReadWrite));
  ensure(make_topic(kBenchmarkTopic, 1024, kReadWrite));
  const auto permission = [](bool enabled) { return perm::kInherit | (enabled ? kReadWrite : 0); };
  ensure(make_topic(config_.cluster_name, 16, permission(config_.cluster_topic)));
  ensure(make_topic(config_.broker_name, 1, permission(config_.broker_topic)));
  if (!config_.trace_topic.empty()) ensure(make_topic(config_.trace_topic, 1, kReadWrite));
  ensure(make_topic(kOffsetMovedTopic, 1, kReadWrite));
  ensure(make_topic(kScheduleTopic, 18, kReadWrite));
  ensure(make_topic(config_.cluster_name + std::string(kReplyTopicSuffix), 1, kReadWrite));
  for (const auto& [name, topic] : table_.topics) name_bytes_ += name.size();
  announced_ = table_.data_version;
  unknown_before_ = announced_.counter;
  make_stored_again(stored);
  if (unsaved_.empty()) return;
  lock.unlock();
  saver_.changed();
}

void TopicTable::make_stored_again(const std::map<std::string, std::int32_t, std::less<>>& stored) {
  for (const auto& [name, queues] : stored) {
    const bool is_ours = is_system_topic(name) || name.starts_with("%LMQ%");
    if (is_ours || table_.topics.contains(name) || !check_topic(name).empty()) continue;
    log::warn(
        "topic {} has messages in the store, but is not in {}: it is made again, with {} queues",
        name, file_.path(), queues);
    table_.topics.emplace(
        name, make_topic(name, std::min(queues, kMostQueues), perm::kRead | perm::kWrite));
    name_bytes_ += name.size();
    note_change(name, std::nullopt);
  }
}

TopicTable::Snapshot TopicTable::find(std::string_view topic) const {
  return lookups_.find(topic, [&] {
    const std::lock_guard lock(mutex_);
    return look_up(topic);
  });
}

TopicTable::Snapshot TopicTable::find_or_create(std::string_view topic,
                                                std::string_view default_topic,
                                                std::int32_t queue_nums, std::int32_t sys_flag) {
  return lookups_.find(
      topic, [&] { return look_up_or_create(topic, default_topic, queue_nums, sys_flag); });
}

TopicTable::Snapshot TopicTable::find_or_create(std::string_view topic, std::int32_t queue_nums,
                                                std::int32_t permission, std::int32_t sys_flag) {
  return lookups_.find(topic,
                       [&] { return look_up_or_create(topic, queue_nums, permission, sys_flag); });
}

TopicTable::Snapshot TopicTable::look_up(std::string_view topic) const {
  const auto found = table_.topics.find(topic);
  if (found == table_.topics.end()) return nullptr;
  return std::make_shared<const TopicConfig>(found->second);
}

TopicTable::Snapshot TopicTable::look_up_or_create(std::string_view topic,
                                                   std::string_view default_topic,
                                                   std::int32_t queue_nums, std::int32_t sys_flag) {
  std::shared_ptr<TopicConfig> created;
  {
    std::lock_guard lock(mutex_);
    if (Snapshot found = look_up(topic)) return found;
    auto source = table_.topics.find(default_topic);
    if (source == table_.topics.end() || (source->second.perm & perm::kInherit) == 0)
      return nullptr;
    if (default_topic == kAutoCreateTopic && !config_.auto_create_topic) return nullptr;
    if (deletions_.contains(topic)) return nullptr;
    if (table_.topics.size() >= kMostTopics ||
        name_bytes_ + topic.size() > config_.max_topic_name_bytes) {
      note_full(topic);
      return nullptr;
    }
    std::int32_t queues = std::max(0, std::min(queue_nums, source->second.write_queue_nums));
    created = std::make_shared<TopicConfig>(
        make_topic(topic, queues, source->second.perm & ~perm::kInherit));
    created->topic_filter_type = source->second.topic_filter_type;
    created->topic_sys_flag = sys_flag;
    table_.topics.emplace(topic, *created);
    note_change(topic, std::nullopt);
    name_bytes_ += topic.size();
  }
  saver_.changed();
  log::info("topic {} created on first use, {} queues, from {}", topic, created->write_queue_nums,
            default_topic);
  return created;
}

TopicTable::Snapshot TopicTable::look_up_or_create(std::string_view topic, std::int32_t queue_nums,
                                                   std::int32_t permission, std::int32_t sys_flag) {
  const auto created = std::make_shared<TopicConfig>(make_topic(topic, queue_nums, permission));
  created->topic_sys_flag = sys_flag;
  {
    std::lock_guard lock(mutex_);
    if (Snapshot found = look_up(topic)) return found;
    table_.topics.emplace(topic, *created);
    note_change(topic, std::nullopt);
    name_bytes_ += topic.size();
  }
  saver_.changed();
  log::info("topic {} created by the broker, {} queues", topic, queue_nums);
  return created;
}

void TopicTable::put(std::vector<TopicConfig> topics, Done done) {
  for (TopicConfig& config : topics) {
    log::info("topic {} set: read {} write {} perm {}", config.topic_name, config.read_queue_nums,
              config.write_queue_nums, config.perm);
    const std::lock_guard lock(mutex_);
    std::optional<TopicConfig> before;
    const auto found = table_.topics.find(config.topic_name);
    if (found != table_.topics.end()) before = found->second;
    note_change(config.topic_name, std::move(before));
    std::string name = config.topic_name;
    const std::size_t size = name.size();
    const bool is_new = table_.topics.insert_or_assign(std::move(name), std::move(config)).second;
    if (is_new) name_bytes_ += size;
  }
  saver_.changed(std::move(done));
}

void TopicTable::remove(std::string_view topic, Done done) {
  bool was_there = false;
  {
    const std::lock_guard lock(mutex_);
    auto found = table_.topics.find(topic);
    was_there = found != table_.topics.end();
    if (was_there) {
      table_.topics.erase(found);
      note_removal(topic);
      name_bytes_ -= topic.size();
    }
  }
  if (!was_there) {
    if (done) done(true);
    return;
  }
  saver_.changed(std::move(done));
}

std::vector<std::string> TopicTable::replace_all(
    std::map<std::string, TopicConfig, std::less<>> topics, Done done) {
  std::vector<std::string> gone;
  bool is_changed = false;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, topic] : table_.topics) {
      if (!topics.contains(name) && !is_reserved(name)) gone.push_back(name);
    }
    for (const std::string& name : gone) {
      table_.topics.erase(name);
      note_removal(name);
      name_bytes_ -= name.size();
    }
    for (auto& [name, topic] : topics) {
      const auto found = table_.topics.find(name);
      const bool is_new = found == table_.topics.end();
      if (!is_new && found->second == topic) continue;
      note_change(name, is_new ? std::nullopt : std::optional(found->second));
      if (is_new) name_bytes_ += name.size();
      table_.topics.insert_or_assign(name, std::move(topic));
      is_changed = true;
    }
    is_changed = is_changed || !gone.empty() || !unsaved_.empty();
  }
  if (is_changed) {
    saver_.changed(std::move(done));
  } else if (done) {
    done(true);
  }
  return gone;
}

TopicTable::Deletion::Deletion(TopicTable& table, std::string_view topic)
    : table_(table), topic_(topic) {
  const std::lock_guard lock(table_.mutex_);
  table_.deletions_.insert(topic_);
}

TopicTable::Deletion::~Deletion() {
  const std::lock_guard lock(table_.mutex_);
  table_.deletions_.erase(table_.deletions_.find(topic_));
}

void TopicTable::announce_all() {
  {
    const std::lock_guard lock(mutex_);
    announce_anew();
  }
  tell_observer();
}

void TopicTable::tell_observer() const {
  std::function<void()> observer;
  {
    const std::lock_guard lock(mutex_);
    observer = observer_;
  }
  if (observer) observer();
}

bool TopicTable::when_saved(std::string_view topic, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (!unsaved_.contains(topic)) return false;
  }
  saver_.when_saved(std::move(done));
  return true;
}

// Clients may ask for new topics at any rate; the lines that say why there is none do not follow
// it.
void TopicTable::note_full(std::string_view topic) {
  const Instant now = time_.now();
  if (now < next_full_line_) return;
  next_full_line_ = now + kFullLineEvery;
  log::warn(
      "topic {} is not created: there are {} topics, the limit is {}, with names of {} bytes, "
      "maxTopicNameBytes is {}",
      printable(topic), table_.topics.size(), kMostTopics, name_bytes_,
      config_.max_topic_name_bytes);
}

std::size_t TopicTable::name_bytes() const {
  const std::lock_guard lock(mutex_);
  return name_bytes_;
}

bool TopicTable::is_reserved(std::string_view topic) const {
  return is_system_topic(topic) || topic == config_.cluster_name || topic == config_.broker_name;
}

routing::TopicConfigTable TopicTable::snapshot() const {
  routing::TopicConfigTable copy;
  {
    const std::lock_guard lock(mutex_);
    copy.data_version = table_.data_version;
  }
  std::string last;
  for (;;) {
    std::vector<TopicConfig> topics = slice(last, kTopicSlice);
    if (topics.empty()) return copy;
    last = topics.back().topic_name;
    for (TopicConfig& topic : topics) {
      std::string name = topic.topic_name;
      copy.topics.emplace_hint(copy.topics.end(), std::move(name), std::move(topic));
    }
  }
}

std::vector<TopicConfig> TopicTable::slice(std::string_view after, std::size_t most) const {
  std::vector<TopicConfig> topics;
  topics.reserve(most);
  const std::lock_guard lock(mutex_);
  for (auto at = table_.topics.upper_bound(after); at != table_.topics.end(); ++at) {
    if (topics.size() == most) break;
    topics.push_back(at->second);
  }
  return topics;
}

routing::TopicConfigTable TopicTable::announced() const {
  routing::TopicConfigTable copy;
  {
    const std::lock_guard lock(mutex_);
    copy.data_version = announced_;
  }
  std::string last;
  for (bool more = true; more;) {
    const std::lock_guard lock(mutex_);
    auto at = table_.topics.upper_bound(last);
    for (std::size_t looked_at = 0; at != table_.topics.end() && looked_at < kTopicSlice;
         ++looked_at) {
      const auto& [name, config] = *at;
      last = name;
      const auto unsaved = unsaved_.find(name);
      if (unsaved == unsaved_.end()) {
        copy.topics.emplace_hint(copy.topics.end(), name, config);
      } else if (unsaved->second.in_file) {
        copy.topics.emplace_hint(copy.topics.end(), name, *unsaved->second.in_file);
      }
      ++at;
    }
    more = at != table_.topics.end();
  }
  return copy;
}

std::optional<routing::TopicConfigTable> TopicTable::changed_since(std::int64_t counter) const {
  const std::lock_guard lock(mutex_);
  if (counter < unknown_before_) return std::nullopt;
  routing::TopicConfigTable changes;
  changes.data_version = announced_;
  for (auto at = by_change_.upper_bound(counter); at != by_change_.end(); ++at) {
    const auto unsaved = unsaved_.find(at->second);
    if (unsaved == unsaved_.end()) {
      const auto found = table_.topics.find(at->second);
      if (found != table_.topics.end()) changes.topics.insert(*found);
    } else if (unsaved->second.in_file) {
      changes.topics.emplace(at->second, *unsaved->second.in_file);
    }
  }
  return changes;
}

std::size_t TopicTable::size() const {
  std::lock_guard lock(mutex_);
  return table_.topics.size();
}

routing::DataVersion TopicTable::announced_version() const {
  const std::lock_guard lock(mutex_);
  return announced_;
}

void TopicTable::note_change(std::string_view topic, std::optional<TopicConfig> before) {
  lookups_.changed();
  table_.data_version.next(time_.wall_millis());
  auto [entry, is_new] = unsaved_.try_emplace(std::string(topic));
  if (is_new) entry->second.in_file = std::move(before);
  entry->second.counter = table_.data_version.counter;
  has_unsaved_.store(true, std::memory_order_release);
}

void TopicTable::note_removal(std::string_view topic) {
  lookups_.changed();
  table_.data_version.next(time_.wall_millis());
  removed_at_ = table_.data_version.counter;
  if (const auto found = unsaved_.find(topic); found != unsaved_.end()) unsaved_.erase(found);
  has_unsaved_.store(!unsaved_.empty(), std::memory_order_release);
}

void TopicTable::announce_anew() {
  announced_.next(time_.wall_millis());
  unknown_before_ = announced_.counter;
  changed_at_.clear();
  by_change_.clear();
}

bool TopicTable::announce(std::int64_t counter) {
  bool is_news = false;
  if (removed_at_ > 0 && removed_at_ <= counter) {
    removed_at_ = 0;
    announce_anew();
    is_news = true;
  }
  for (auto at = unsaved_.begin(); at != unsaved_.end();) {
    if (at->second.counter > counter) {
      ++at;
      continue;
    }
    announced_.next(time_.wall_millis());
    auto [entry, is_new] = changed_at_.try_emplace(at->first, announced_.counter);
    if (!is_new) by_change_.erase(std::exchange(entry->second, announced_.counter));
    by_change_.emplace(announced_.counter, at->first);
    at = unsaved_.erase(at);
    is_news = true;
  }
  has_unsaved_.store(!unsaved_.empty(), std::memory_order_release);
  return is_news;
}

bool TopicTable::save() {
  const routing::TopicConfigTable copy = snapshot();
  if (!file_.save(routing::to_json(copy))) return false;
  bool is_news = false;
  {
    const std::lock_guard lock(mutex_);
    is_news = announce(copy.data_version.counter);
  }
  if (is_news) tell_observer();
  return true;
}

}  // namespace comet::inline v0_1::broker
