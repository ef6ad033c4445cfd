#pragma once
// The inside of RouteTable.

#include <algorithm>
#include <array>
#include <mutex>

#include "tables/route_table.hpp"

namespace comet::inline v0_1::namesrv {

using routing::BrokerData;
using routing::DataVersion;
using routing::IntegerKeys;
using routing::kMasterId;
using routing::QueueData;
using routing::RegisterBrokerBody;
using routing::TopicConfigTable;
using routing::TopicQueueMapping;
using routing::TopicRouteData;
// One process: an address, under one id of one broker name.
struct RouteTable::Member {
  std::string address;
  std::string ha_server_addr;
  std::uint64_t connection = 0;
  bool confirmed = true;  // false: restored, and its broker has not registered since
  Instant last_seen{};
  Duration timeout{};
  DataVersion data_version;
  std::vector<std::string> filter_servers;
  std::size_t topics_left_out = 0;
  // Of the latest registration's body; 0: it has to be looked at again in any case.
  std::uint64_t body_digest = 0;
  bool brought_topics = false;  // in its latest registration
  int moves = 0;                // of its id between addresses, the last at moved_at
  Instant moved_at{};
};

// A master and its slaves. Without members only when it has departed.
struct RouteTable::Broker {
  std::string name;
  std::string cluster;
  std::string zone_name;
  bool enable_acting_master = false;
  std::map<std::int64_t, Member> members;
  std::uint32_t index = 0;          // by which entries name it
  std::size_t entries = 0;          // in topics
  std::size_t shards_to_sweep = 0;  // when it has departed

  [[nodiscard]] bool has_master() const { return members.contains(kMasterId); }
  [[nodiscard]] bool is_writable() const { return has_master() || !enable_acting_master; }
};

// Where the member of an address is.
struct RouteTable::Place {
  Broker* broker = nullptr;
  std::int64_t id = kMasterId;
};

// Where a registration's member has come to be.
struct RouteTable::Placed {
  Broker* broker = nullptr;
  Member* member = nullptr;
  bool topics_differ = false;  // from those of its former registration, as far as versions tell
};

// A topic's queues on one broker. There may be millions.
struct RouteTable::Entry {
  std::uint32_t broker = 0;  // its index
  std::int32_t read_queue_nums = 0;
  std::int32_t write_queue_nums = 0;
  std::int32_t perm = 0;
  std::int32_t topic_sys_flag = 0;
  friend bool operator==(const Entry&, const Entry&) = default;
};

using QueueMappings = std::map<std::string, TopicQueueMapping>;

struct RouteTable::Topic {
  // Never empty; sorted by broker index.
  std::vector<Entry> entries;
  // Of static topics, by broker name; nullptr: none.
  std::unique_ptr<QueueMappings> queue_mappings;

  struct Answer {
    std::uint64_t generation = 0;
    std::array<SharedBytes, 2> json;  // by IntegerKeys; empty: not encoded yet
  };
  std::unique_ptr<Answer> answer;

  [[nodiscard]] std::size_t place_of(std::uint32_t broker) const {
    const auto place = std::ranges::lower_bound(entries, broker, {}, &Entry::broker);
    return static_cast<std::size_t>(place - entries.begin());
  }
  [[nodiscard]] bool has(std::size_t place, std::uint32_t broker) const {
    return place < entries.size() && entries[place].broker == broker;
  }
  // Vectors that double would waste a third of a large table's memory.
  void insert(std::size_t place, const Entry& entry) {
    if (entries.size() == entries.capacity())
      entries.reserve(entries.size() + entries.size() / 8 + 1);
    entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(place), entry);
  }
};

struct alignas(64) RouteTable::Shard {
  static constexpr std::size_t kCount = 64;

  std::mutex mutex;
  Topics topics;
  std::size_t cached_bytes = 0;

  void forget_answer(Topic& topic) noexcept {
    if (!topic.answer) return;
    for (const SharedBytes& json : topic.answer->json) cached_bytes -= json.size();
    topic.answer.reset();
  }
};

}  // namespace comet::inline v0_1::namesrv
