#include "route_watches.hpp"

#include <algorithm>
#include <utility>

namespace comet::inline v0_1::namesrv {

bool RouteWatches::add(std::uint64_t connection, std::string_view topic) {
  if (topic.empty() || topic.size() > limits_.max_topic_size) return false;
  const auto known = topics_.find(topic);
  const auto watcher = connections_.find(connection);
  if (known != topics_.end() && watcher != connections_.end() &&
      watcher->second.contains(known->second.get())) {
    return true;
  }
  if (watches_ >= limits_.max_watches) return false;
  if (watcher != connections_.end() && watcher->second.size() >= limits_.max_per_connection) {
    return false;
  }
  std::unique_ptr<Topic>& slot =
      known != topics_.end() ? known->second : topics_[std::string(topic)];
  if (slot == nullptr) {
    slot = std::make_unique<Topic>();
    slot->name = topic;
  }
  slot->watchers.push_back(connection);
  connections_[connection].emplace(slot.get(), std::prev(slot->watchers.end()));
  ++watches_;
  return true;
}

void RouteWatches::remove_connection(std::uint64_t connection) {
  const auto node = connections_.extract(connection);
  if (node.empty()) return;
  for (const auto& [topic, entry] : node.mapped()) {
    topic->watchers.erase(entry);
    --watches_;
    drop_if_empty(*topic);
  }
}

void RouteWatches::drop_if_empty(Topic& topic) {
  if (!topic.watchers.empty()) return;
  if (topic.outdated) {
    outdated_.erase(topic.place);
  } else {
    topics_.erase(topics_.find(topic.name));
  }
}

bool RouteWatches::changed(const std::vector<std::string>& topics) {
  if (topics_.empty()) return false;
  bool any = false;
  for (const std::string& name : topics) {
    auto node = topics_.extract(name);
    if (node.empty()) continue;
    Topic& topic = *node.mapped();
    topic.outdated = true;
    topic.place = outdated_.insert(outdated_.end(), std::move(node.mapped()));
    any = true;
  }
  return any;
}

std::optional<RouteWatches::Notice> RouteWatches::next() {
  if (outdated_.empty()) return std::nullopt;
  const std::uint64_t connection = outdated_.front()->watchers.front();
  Watches& watches = connections_.at(connection);
  std::vector<Topic*> due;
  if (outdated_.size() == 1) {
    due.push_back(outdated_.front().get());
  } else {
    for (const auto& [topic, entry] : watches) {
      if (topic->outdated) due.push_back(topic);
    }
  }
  Notice notice(connection, {});
  for (Topic* topic : due) {
    notice.topics.push_back(topic->name);
    const auto watch = watches.find(topic);
    topic->watchers.erase(watch->second);
    watches.erase(watch);
    --watches_;
    drop_if_empty(*topic);
  }
  if (watches.empty()) connections_.erase(connection);
  std::ranges::sort(notice.topics);
  return notice;
}

}  // namespace comet::inline v0_1::namesrv
