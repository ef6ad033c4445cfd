#include "world.hpp"

#include <fmt/format.h>

namespace comet::inline v0_1::store::test {

World::World(std::uint64_t seed, FlushMode flush)
    : random(seed), files(std::make_unique<PowerCutFiles>(random, time)) {
  config.root = kRoot;
  config.flush = flush;
  config.commit_log_file_size = 2048 << random.below(3);
  config.consume_queue_file_size = QueueUnit::kSize * (5 + random.below(30));
  config.index_slots = static_cast<std::int32_t>(8 + random.below(60));
  config.index_entries = static_cast<std::int32_t>(10 + random.below(60));
  config.max_message_size = 1000;
}

void World::open() {
  core.reset();
  core.emplace(config, time, *files);
  acknowledged_end_ = core->readable_end();
  core->on_visible([this](std::span<const VisibleUnit> units) {
    for (const VisibleUnit& unit : units) {
      ledger.show(unit.queue->topic(), unit.queue->queue_id(), unit.queue_offset + 1);
    }
  });
}

void World::note_units() {
  ledger.note_units([this](const Entry& entry) {
    const std::int64_t at = entry.queue_offset * QueueUnit::kSize;
    const std::int64_t start = at - at % config.consume_queue_file_size;
    const std::string path = fmt::format("{}/consumequeue/{}/{}/{}", kRoot, entry.topic,
                                         entry.queue_id, offset_file_name(start));
    const Result<bool> exists = files->exists(path);
    if (!exists || !*exists) return false;
    const std::string_view content = files->node(path).content();
    if (std::ssize(content) < at - start + QueueUnit::kSize) return false;
    const QueueUnit unit = QueueUnit::decode(content.data() + (at - start));
    return unit.physical_offset == entry.log_begin && unit.end() == entry.log_end;
  });
}

void World::make_call(Call& call, std::int64_t most_bytes) {
  const std::string topic = random.chance(70) ? "T" : "other topic";
  const auto queue_id = static_cast<std::int32_t>(random.below(3));
  const std::int64_t count = random.chance(80) ? 1 : 1 + random.below(3);
  std::vector<std::string> properties;
  for (std::int64_t i = 0; i < count; ++i) {
    Entry entry;
    entry.topic = topic;
    entry.queue_id = queue_id;
    entry.key = fmt::format("key{}", number_);
    entry.body = fmt::format("message {} ", number_++);
    entry.body.append(static_cast<std::size_t>(random.below(most_bytes)),
                      static_cast<char>('a' + number_ % 26));
    properties.push_back("KEYS\1" + entry.key + std::string(kMoreProperties));
    call.entries.push_back(std::move(entry));
  }
  std::vector<RecordView> records;
  for (std::size_t i = 0; i < call.entries.size(); ++i) {
    RecordView record;
    record.topic = topic;
    record.queue_id = queue_id;
    record.body = call.entries[i].body;
    record.properties = properties[i];
    record.born_host = IpEndpoint::v4({127, 0, 0, 1}, 1);
    record.store_host = IpEndpoint::v4({127, 0, 0, 1}, 10911);
    records.push_back(record);
  }
  SpanSource source(records);
  call.error = core->encode(source, call.append);
}

// Where the records lie, or would lie if the write had been a whole one.
void World::find_places(Call& call) {
  for (std::size_t i = 0; i < call.entries.size(); ++i) {
    const Append::Item& item = call.append.items[i];
    call.entries[i].queue_offset = item.queue_offset;
    call.entries[i].log_begin = call.append.result.physical_offset + item.begin;
    call.entries[i].log_end = call.entries[i].log_begin + item.size;
  }
}

void World::append_some(std::int64_t most_calls, std::int64_t most_bytes) {
  std::vector<Call> calls(static_cast<std::size_t>(1 + random.below(most_calls)));
  std::vector<Append*> appends;
  for (Call& call : calls) {
    make_call(call, most_bytes);
    if (!call.error) appends.push_back(&call.append);
  }
  core->append(appends);
  for (Call& call : calls) {
    if (call.error || call.append.log_end == 0) continue;  // not even tried to be written
    find_places(call);
    if (call.append.result.error) {
      for (Entry& entry : call.entries) ledger.add_refused(std::move(entry));
    } else {
      acknowledged_end_ = call.append.log_end;
      ledger.add(std::move(call.entries));
    }
  }
}

void World::sync() {
  // Those who wait are answered when the store says that it has synced beyond their record.
  if (!core->sync()) ledger.promise(core->synced_end());
}

void World::let_time_pass(std::int64_t most_millis) {
  std::chrono::milliseconds millis(random.below(most_millis));
  (void)time.advance_to_next(time.now() + millis);
}

}  // namespace comet::inline v0_1::store::test
