#pragma once
// How tables travel from a CometMQ master to a CometMQ slave (replication::MetadataItem).

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"
#include "comet/store/raw_log.hpp"
#include "tables/offset_table.hpp"

namespace comet::inline v0_1::broker {

// MetadataItem::kind. Numbers stay as they are: peers of other versions know them.
enum class TableKind : std::int32_t {
  topics = 1,         // topics.json; a change: the same with the changed topics alone
  groups = 2,         // subscriptionGroup.json
  request_modes = 3,  // messageRequestMode.json
  offsets = 4,        // consumerOffset.json; a change: below
  delays = 5,         // delayOffset.json
  timers = 6,         // timerProgress.json
  silent_queues = 7,  // below
};

// The first byte of an item; its text follows.
inline constexpr char kWholeTable = 'W';
inline constexpr char kTableChange = 'C';
// Part of a whole one that is too long for an item: the others follow, the last as kWholeTable.
inline constexpr char kTablePart = 'P';

// {"committed":{"topic@group":{"0":5}},"removed":["topic@group"],"reset":{"topic@group":{"0":3}}}
[[nodiscard]] std::string to_json(const OffsetTable::Changes& changes);
[[nodiscard]] Result<OffsetTable::Changes> parse_offset_changes(std::string_view json);

// store::RawLog::silent_queues(): {"topic":{"0":30}}, the next offset by queue
[[nodiscard]] std::string to_json(std::span<const store::QueueEnd> ends);
[[nodiscard]] Result<std::vector<store::QueueEnd>> parse_queue_ends(std::string_view json);

}  // namespace comet::inline v0_1::broker
