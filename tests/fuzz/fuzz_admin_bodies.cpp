// Bodies of administrators' answers, which come from any server: byte 0 of the input chooses the
// reader, the rest is the body. What is read is finite and as bounded as the input; groups survive
// being written again.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string_view>

#include "comet/admin/broker_data.hpp"
#include "comet/admin/cluster.hpp"
#include "comet/admin/connections.hpp"
#include "comet/admin/groups.hpp"
#include "comet/admin/offsets.hpp"

namespace {

using namespace comet;
using namespace comet::admin;

void must(bool holds) {
  if (!holds) std::abort();
}

void groups(std::string_view body) {
  const auto table = parse_group_table(body);
  if (!table) return;
  for (const auto& [name, group] : table->groups) {
    const auto again = parse_group_config(to_json(group));
    must(again.has_value() && *again == group);
  }
}

void statistics(std::string_view body) {
  if (const auto stats = parse_topic_stats(body)) {
    must(stats->queues.size() <= body.size());
    must(std::isfinite(stats->put_tps));
  }
  if (const auto stats = parse_consume_stats(body)) {
    must(stats->queues.size() <= body.size());
    must(std::isfinite(stats->consume_tps));
  }
  if (const auto stats = parse_broker_stats(body)) must(std::isfinite(stats->minute.tps));
}

void (*const kReaders[])(std::string_view body) = {
    [](std::string_view body) { static_cast<void>(parse_cluster_info(body)); },
    [](std::string_view body) { static_cast<void>(parse_topic_list(body)); },
    [](std::string_view body) { static_cast<void>(parse_kv_table(body)); },
    [](std::string_view body) { static_cast<void>(parse_queue_offsets(body)); },
    statistics,
    [](std::string_view body) { static_cast<void>(parse_broker_consume_stats(body)); },
    [](std::string_view body) { static_cast<void>(parse_time_spans(body)); },
    [](std::string_view body) { static_cast<void>(parse_consumer_status(body)); },
    groups,
    [](std::string_view body) { static_cast<void>(parse_consumer_connections(body)); },
    [](std::string_view body) { static_cast<void>(parse_producer_table(body)); },
    [](std::string_view body) { static_cast<void>(parse_running_info(body)); },
    [](std::string_view body) { static_cast<void>(parse_direct_result(body)); },
    [](std::string_view body) { static_cast<void>(parse_consume_queue(body)); },
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  kReaders[data[0] % std::size(kReaders)](body);
  return 0;
}
