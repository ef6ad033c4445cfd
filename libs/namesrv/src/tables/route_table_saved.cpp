// A table as text and back: lines of fields with tabs between them (no name has control
// characters), so that a million entries are read and written without a tree of values.
//
//   comet-routes 1
//   broker  <index> <name> <cluster> <zone> <acting: 0 or 1>
//   member  <index> <id> <address> <ha address> <state version> <timestamp> <counter> <filter>...
//   topic   <name> <index>,<read>,<write>,<perm>,<flag> ...
//   mapping <topic> <broker name> <scope> <total> <epoch> <dirty: 0 or 1> <id>,<local> ...
//   end     <lines before this one>

#include <charconv>
#include <string>
#include <utility>

#include "comet/base/body_error.hpp"
#include "comet/base/parse_number.hpp"
#include "tables/route_table.hpp"
#include "tables/route_table_types.hpp"

namespace comet::inline v0_1::namesrv {
namespace {

constexpr std::string_view kFirstLine = "comet-routes 1";

class LineWriter {
 public:
  explicit LineWriter(std::string_view first) : out_(first) {}

  LineWriter& line(std::string_view kind) {
    out_ += '\n';
    out_ += kind;
    ++lines_;
    return *this;
  }
  LineWriter& field(std::string_view text) {
    (out_ += '\t') += text;
    return *this;
  }
  LineWriter& field(std::int64_t number) { return separate('\t').append(number); }
  LineWriter& field(std::int64_t first, std::initializer_list<std::int64_t> more) {
    field(first);
    for (const std::int64_t number : more) separate(',').append(number);
    return *this;
  }
  std::string finish() {
    const std::size_t lines = lines_ + 1;
    line("end").field(static_cast<std::int64_t>(lines));
    out_ += '\n';
    return std::move(out_);
  }

 private:
  LineWriter& separate(char c) {
    out_ += c;
    return *this;
  }
  LineWriter& append(std::int64_t number) {
    char digits[20];
    const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), number);
    out_.append(std::begin(digits), end);
    return *this;
  }

  std::string out_;
  std::size_t lines_ = 0;
};

// The fields of one line, from left to right. What is missing or no number makes it fail for good.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool more() const noexcept { return ok_ && !ended_; }
  std::string_view text() {
    if (ended_) ok_ = false;
    const std::size_t end = rest_.find('\t');
    const std::string_view field = rest_.substr(0, end);
    ended_ = end == std::string_view::npos;
    rest_.remove_prefix(ended_ ? rest_.size() : end + 1);
    return field;
  }
  template <class Integer = std::int64_t>
  Integer number() {
    std::string_view field = text();
    return take<Integer>(field);
  }
  // "1,2,3"
  template <std::size_t N>
  std::array<std::int32_t, N> numbers() {
    std::string_view field = text();
    std::array<std::int32_t, N> all{};
    for (std::size_t i = 0; i < N; ++i) {
      const std::size_t comma = std::min(field.find(','), field.size());
      std::string_view part = field.substr(0, comma);
      all[i] = take<std::int32_t>(part);
      field.remove_prefix(std::min(comma + 1, field.size()));
    }
    if (!field.empty()) ok_ = false;
    return all;
  }

 private:
  template <class Integer>
  Integer take(std::string_view digits) {
    const auto value = parse_number<Integer>(digits);
    if (!value) ok_ = false;
    return value.value_or(0);
  }

  std::string_view rest_;
  bool ended_ = false;
  bool ok_ = true;
};

}  // namespace

std::string RouteTable::save() const {
  LineWriter out(kFirstLine);
  for (const auto& [name, broker] : brokers_) {
    out.line("broker").field(broker->index).field(name).field(broker->cluster);
    out.field(broker->zone_name).field(broker->enable_acting_master ? 1 : 0);
    for (const auto& [id, member] : broker->members) {
      out.line("member").field(broker->index).field(id);
      out.field(member.address).field(member.ha_server_addr);
      out.field(member.data_version.state_version).field(member.data_version.timestamp);
      out.field(member.data_version.counter);
      for (const std::string& filter : member.filter_servers) out.field(filter);
    }
  }
  for (std::size_t i = 0; i < Shard::kCount; ++i) {
    for (const auto& [name, topic] : shards_[i].topics) {
      bool begun = false;
      for (const Entry& entry : topic.entries) {
        if (broker_of(entry).members.empty()) continue;
        if (!std::exchange(begun, true)) out.line("topic").field(name);
        out.field(entry.broker, {entry.read_queue_nums, entry.write_queue_nums, entry.perm,
                                 entry.topic_sys_flag});
      }
      if (!begun || !topic.queue_mappings) continue;
      for (const auto& [broker, mapping] : *topic.queue_mappings) {
        out.line("mapping").field(name).field(broker).field(mapping.scope);
        out.field(mapping.total_queues).field(mapping.epoch).field(mapping.dirty ? 1 : 0);
        for (const auto& [global, local] : mapping.current_ids) out.field(global, {local});
      }
    }
  }
  return out.finish();
}

// Brings saved lines into an empty table.
class RouteTable::Restorer {
 public:
  Restorer(RouteTable& table, Instant now, Duration timeout)
      : table_(table), now_(now), timeout_(timeout) {}

  // False: not what save() writes.
  bool take(std::string_view kind, LineReader& line) {
    if (kind == "broker") {
      take_broker(line);
    } else if (kind == "member") {
      take_member(line);
    } else if (kind == "topic") {
      take_topic(line);
    } else if (kind == "mapping") {
      take_mapping(line);
    } else {
      return false;
    }
    return line.ok() && sound_;
  }

 private:
  void take_broker(LineReader& line) {
    const auto index = line.number<std::uint32_t>();
    const std::string name(line.text());
    const std::string cluster(line.text());
    const std::string zone(line.text());
    const bool acting = line.number() != 0;
    if (!line.ok() || !table_.usable_name(name) || table_.brokers_.contains(name)) return fail();
    if (table_.brokers_.size() >= table_.limits_.max_brokers) return fail();
    const std::unique_lock lock(table_.brokers_mutex_);
    Broker& broker = table_.broker_named(name);
    broker.cluster = cluster;
    broker.zone_name = zone;
    broker.enable_acting_master = acting;
    brokers_[index] = &broker;
  }

  void take_member(LineReader& line) {
    Broker* const broker = find(line.number<std::uint32_t>());
    const std::int64_t id = line.number();
    Member member;
    member.address = line.text();
    member.ha_server_addr = line.text();
    member.data_version.state_version = line.number();
    member.data_version.timestamp = line.number();
    member.data_version.counter = line.number();
    while (line.more()) member.filter_servers.emplace_back(line.text());
    member.confirmed = false;
    member.last_seen = now_;
    member.timeout = timeout_;
    if (broker == nullptr || !line.ok() || id < 0 || !table_.usable_name(member.address)) {
      return fail();
    }
    if (table_.members_by_address_.contains(member.address) || broker->members.contains(id)) {
      return fail();
    }
    table_.members_by_address_[member.address] = Place{broker, id};
    table_.member_count_ = table_.members_by_address_.size();
    const std::unique_lock lock(table_.brokers_mutex_);
    broker->members.emplace(id, std::move(member));
  }

  void take_topic(LineReader& line) {
    const std::string_view name = line.text();
    if (!table_.usable_name(name)) return fail();
    while (line.more()) {
      const std::array<std::int32_t, 5> numbers = line.numbers<5>();
      Broker* const broker = find(static_cast<std::uint32_t>(numbers[0]));
      if (broker == nullptr || !line.ok()) return fail();
      Entry entry;
      entry.broker = broker->index;
      entry.read_queue_nums = numbers[1];
      entry.write_queue_nums = numbers[2];
      entry.perm = numbers[3];
      entry.topic_sys_flag = numbers[4];
      (void)table_.take_topic(*broker, name, entry, true);
    }
  }

  void take_mapping(LineReader& line) {
    TopicQueueMapping mapping;
    mapping.topic = line.text();
    mapping.broker_name = line.text();
    mapping.scope = line.text();
    mapping.total_queues = line.number<std::int32_t>();
    mapping.epoch = line.number();
    mapping.dirty = line.number() != 0;
    while (line.more()) {
      const std::array<std::int32_t, 2> ids = line.numbers<2>();
      mapping.current_ids[ids[0]] = ids[1];
    }
    const auto broker = table_.brokers_.find(mapping.broker_name);
    if (!line.ok() || broker == table_.brokers_.end()) return fail();
    table_.take_queue_mapping(*broker->second, mapping.topic, mapping);
  }

  Broker* find(std::uint32_t index) const {
    const auto known = brokers_.find(index);
    return known == brokers_.end() ? nullptr : known->second;
  }
  void fail() noexcept { sound_ = false; }

  RouteTable& table_;
  Instant now_;
  Duration timeout_;
  std::unordered_map<std::uint32_t, Broker*> brokers_;  // by the index in the text
  bool sound_ = true;
};

error_code RouteTable::restore(std::string_view text, Instant now, Duration timeout) {
  Restorer restorer(*this, now, timeout);
  std::int64_t lines = 0;
  bool complete = false;
  while (!text.empty() && !complete) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (lines++ == 0) {
      if (line != kFirstLine) break;
      continue;
    }
    LineReader reader(line);
    const std::string_view kind = reader.text();
    if (kind == "end") {
      complete = reader.number() == lines - 1 && reader.ok();
      break;
    }
    if (!restorer.take(kind, reader)) break;
  }
  ++generation_;
  // A broker of the file may be without members.
  if (complete && text.empty() && std::ranges::none_of(brokers_, [](const auto& item) {
        return item.second->members.empty();
      })) {
    tell_observer();
    return {};
  }
  forget_everything();
  return BodyErrc::malformed;
}

void RouteTable::forget_everything() {
  for (std::size_t i = 0; i < Shard::kCount; ++i) {
    const std::scoped_lock lock(shards_[i].mutex);
    shards_[i].topics.clear();
    shards_[i].cached_bytes = 0;
  }
  const std::unique_lock lock(brokers_mutex_);
  brokers_.clear();
  departed_.clear();
  brokers_by_index_.clear();
  members_by_address_.clear();
  addresses_by_connection_.clear();
  member_count_ = 0;
  topic_count_ = 0;
  entries_ = 0;
  name_bytes_ = 0;
  mapped_queues_ = 0;
  changed_.clear();
}

}  // namespace comet::inline v0_1::namesrv
