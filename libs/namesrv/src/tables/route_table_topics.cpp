// What brokers and administrators say of topics.

#include <algorithm>
#include <utility>

#include "comet/base/printable.hpp"
#include "tables/route_table.hpp"
#include "tables/route_table_types.hpp"

namespace comet::inline v0_1::namesrv {

RouteTable::Shard& RouteTable::shard_of(std::string_view topic) const noexcept {
  return shards_[TextHash{}(topic) % Shard::kCount];
}

void RouteTable::take_topics(Broker& broker, const RegisterBrokerBody& body, bool changed,
                             RegisterOutcome& outcome) {
  const TopicConfigTable& table = body.topic_config;
  if (options_.delete_missing_topics && body.queue_mappings.empty()) {
    drop_missing_topics(broker, table);
  }
  for (const auto& [name, config] : table.topics) {
    Entry entry;
    entry.broker = broker.index;
    entry.read_queue_nums = config.read_queue_nums;
    entry.write_queue_nums = config.write_queue_nums;
    entry.perm = config.perm;
    entry.topic_sys_flag = config.topic_sys_flag;
    if (!usable_name(config.topic_name) || !take_topic(broker, config.topic_name, entry, changed)) {
      ++outcome.topics_left_out;
    }
  }
  if (!changed) return;
  for (const auto& [name, mapping] : body.queue_mappings) take_queue_mapping(broker, name, mapping);
}

// False: there is no room. Without `changed` only what is missing is added.
bool RouteTable::take_topic(Broker& broker, std::string_view name, const Entry& fresh,
                            bool changed) {
  Shard& shard = shard_of(name);
  const auto known = shard.topics.find(name);
  if (known != shard.topics.end()) {
    Topic& topic = known->second;
    const std::size_t place = topic.place_of(broker.index);
    if (topic.has(place, broker.index)) {
      if (!changed || topic.entries[place] == fresh) return true;
      const std::scoped_lock lock(shard.mutex);
      shard.forget_answer(topic);
      topic.entries[place] = fresh;
      note_change(name);
      return true;
    }
  }
  if (broker.entries >= limits_.max_topics_per_broker) return false;
  if (entries_ >= limits_.max_entries) {
    if (departed_.empty()) return false;
    while (sweep()) continue;  // what has gone makes room
    return take_topic(broker, name, fresh, changed);
  }
  const bool is_new = known == shard.topics.end();
  if (is_new && name_bytes_ + name.size() > limits_.max_name_bytes) {
    if (departed_.empty()) return false;
    while (sweep()) continue;
    return take_topic(broker, name, fresh, changed);
  }
  const std::scoped_lock lock(shard.mutex);
  if (is_new) {
    ++topic_count_;
    name_bytes_ += name.size();
  }
  Topic& topic = known != shard.topics.end() ? known->second : shard.topics[std::string(name)];
  shard.forget_answer(topic);
  topic.insert(topic.place_of(broker.index), fresh);
  ++broker.entries;
  ++entries_;
  note_change(name);
  return true;
}

// Of a topic that the broker holds.
void RouteTable::take_queue_mapping(const Broker& broker, const std::string& name,
                                    const TopicQueueMapping& mapping) {
  Shard& shard = shard_of(name);
  const auto known = shard.topics.find(name);
  if (known == shard.topics.end() || mapping.broker_name != broker.name) return;
  if (mapping.scope.size() > limits_.max_name) return;
  Topic& topic = known->second;
  if (!topic.has(topic.place_of(broker.index), broker.index)) return;

  std::size_t former_size = 0;
  if (topic.queue_mappings) {
    const auto former = topic.queue_mappings->find(broker.name);
    if (former != topic.queue_mappings->end()) {
      if (former->second == mapping) return;
      former_size = former->second.current_ids.size();
    }
  }
  const std::size_t total = mapped_queues_ - former_size + mapping.current_ids.size();
  if (total > limits_.max_mapped_queues) return;
  mapped_queues_ = total;

  const std::scoped_lock lock(shard.mutex);
  if (!topic.queue_mappings) topic.queue_mappings = std::make_unique<QueueMappings>();
  topic.queue_mappings->insert_or_assign(broker.name, mapping);
  shard.forget_answer(topic);
  note_change(name);
}

void RouteTable::drop_missing_topics(Broker& broker, const TopicConfigTable& table) {
  for (std::size_t i = 0; i < Shard::kCount; ++i) {
    Shard& shard = shards_[i];
    for (auto topic = shard.topics.begin(); topic != shard.topics.end();) {
      const auto next = std::next(topic);
      const std::size_t place = topic->second.place_of(broker.index);
      if (topic->second.has(place, broker.index) && !table.topics.contains(topic->first)) {
        note_change(topic->first);
        drop_entry(shard, topic, place);
      }
      topic = next;
    }
  }
}

// The topic ends with its last entry.
void RouteTable::drop_entry(Shard& shard, Topics::iterator topic, std::size_t place) {
  Topic& found = topic->second;
  Broker& broker = *brokers_by_index_[found.entries[place].broker];
  const std::scoped_lock lock(shard.mutex);
  shard.forget_answer(found);
  // A broker that has come back under the same name has a mapping of its own.
  const auto present = brokers_.find(broker.name);
  if (present == brokers_.end() || present->second.get() == &broker) {
    drop_queue_mapping(found, broker.name);
  }
  --broker.entries;
  --entries_;
  found.entries.erase(found.entries.begin() + static_cast<std::ptrdiff_t>(place));
  if (!found.entries.empty()) return;
  name_bytes_ -= topic->first.size();
  shard.topics.erase(topic);
  --topic_count_;
}

void RouteTable::drop_queue_mapping(Topic& topic, const std::string& broker_name) {
  if (!topic.queue_mappings) return;
  const auto mapping = topic.queue_mappings->find(broker_name);
  if (mapping == topic.queue_mappings->end()) return;
  mapped_queues_ -= mapping->second.current_ids.size();
  topic.queue_mappings->erase(mapping);
  if (topic.queue_mappings->empty()) topic.queue_mappings.reset();
}

std::string RouteTable::register_topic(std::string_view topic,
                                       const std::vector<QueueData>& queues) {
  if (!usable_name(topic)) return "topic name \"" + printable(topic) + "\" cannot be used";
  for (const QueueData& queue : queues) {
    if (!brokers_.contains(queue.broker_name)) {
      return "broker \"" + printable(queue.broker_name) + "\" is not registered";
    }
  }
  bool room = true;
  for (const QueueData& queue : queues) {
    Broker& broker = *brokers_.find(queue.broker_name)->second;
    Entry entry;
    entry.broker = broker.index;
    entry.read_queue_nums = queue.read_queue_nums;
    entry.write_queue_nums = queue.write_queue_nums;
    entry.perm = queue.perm;
    entry.topic_sys_flag = queue.topic_sys_flag;
    room = take_topic(broker, topic, entry, true) && room;
    // Its next registration may have to drop the topic again.
    if (options_.delete_missing_topics) expect_body(broker);
  }
  tell_observer();
  return room ? std::string() : "there is no room for more topics";
}

// The broker's next registrations have to be decoded, whatever their digest.
void RouteTable::expect_body(Broker& broker) {
  for (auto& [id, member] : broker.members) member.body_digest = 0;
}

std::size_t RouteTable::wipe_write_permission(std::string_view broker_name) {
  return change_permission(broker_name, ~routing::perm::kWrite, 0);
}

std::size_t RouteTable::add_write_permission(std::string_view broker_name) {
  return change_permission(broker_name, 0, routing::perm::kRead | routing::perm::kWrite);
}

std::size_t RouteTable::change_permission(std::string_view broker_name, std::int32_t keep,
                                          std::int32_t add) {
  const auto known = brokers_.find(broker_name);
  if (known == brokers_.end()) return 0;
  const Broker& broker = *known->second;
  std::size_t found = 0;
  for (std::size_t i = 0; i < Shard::kCount && found < broker.entries; ++i) {
    Shard& shard = shards_[i];
    for (auto& [name, topic] : shard.topics) {
      const std::size_t place = topic.place_of(broker.index);
      if (!topic.has(place, broker.index)) continue;
      ++found;
      Entry& entry = topic.entries[place];
      const std::int32_t perm = (entry.perm & keep) | add;
      if (perm == entry.perm) continue;
      const std::scoped_lock lock(shard.mutex);
      entry.perm = perm;
      shard.forget_answer(topic);
      note_change(name);
    }
  }
  tell_observer();
  return found;
}

void RouteTable::remove_topic(std::string_view topic, std::string_view cluster) {
  Shard& shard = shard_of(topic);
  while (true) {  // until no entry is left, or none that is meant
    const auto known = shard.topics.find(topic);
    if (known == shard.topics.end()) break;
    const auto& entries = known->second.entries;
    const auto chosen = std::ranges::find_if(entries, [&](const Entry& entry) {
      return cluster.empty() || broker_of(entry).cluster == cluster;
    });
    if (chosen == entries.end()) break;
    expect_body(*brokers_by_index_[chosen->broker]);
    note_change(topic);
    drop_entry(shard, known, static_cast<std::size_t>(chosen - entries.begin()));
  }
  tell_observer();
}

}  // namespace comet::inline v0_1::namesrv
