#pragma once
// The inside of RouteTable.

#include <algorithm>
#include <array>

#include "comet/routing/route_table.hpp"

namespace comet::routing {

// One process: an address, under one id of one broker name.
struct RouteTable::Member {
  std::string address;
  std::string ha_server_addr;
  std::uint64_t connection = 0;
  Instant last_seen{};
  Duration timeout{};
  DataVersion data_version;
  std::vector<std::string> filter_servers;
  std::size_t topics_left_out = 0;
};

// A master and its slaves. Never empty.
struct RouteTable::Broker {
  std::string name;
  std::string cluster;
  std::map<std::int64_t, Member> members;
  std::size_t entries = 0;  // in topics
};

// Where the member of an address is.
struct RouteTable::Place {
  Broker* broker = nullptr;
  std::int64_t id = kMasterId;
};

// A topic's queues on one broker.
struct RouteTable::Entry {
  Broker* broker = nullptr;
  std::int32_t read_queue_nums = 0;
  std::int32_t write_queue_nums = 0;
  std::int32_t perm = 0;
  std::int32_t topic_sys_flag = 0;
  friend bool operator==(const Entry&, const Entry&) = default;
};

struct RouteTable::Topic {
  // Never empty; sorted by broker name.
  std::vector<Entry> entries;

  struct Answer {
    std::uint64_t generation = 0;
    std::array<SharedBytes, 2> json;  // by IntegerKeys; empty: not encoded yet
  };
  std::unique_ptr<Answer> answer;

  [[nodiscard]] auto place_of(std::string_view broker_name) {
    return std::lower_bound(
        entries.begin(), entries.end(), broker_name,
        [](const Entry& entry, std::string_view name) { return entry.broker->name < name; });
  }
};

}  // namespace comet::routing
