#include "records/half_message.hpp"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <limits>

#include "comet/base/parse_number.hpp"
#include "comet/message/properties.hpp"
#include "comet/message/sys_flag.hpp"
#include "records/delayed_message.hpp"

namespace comet::inline v0_1::broker {
namespace {

constexpr std::string_view kCheckTimes = "TRANSACTION_CHECK_TIMES";
constexpr std::string_view kPreparedQueueOffset = "TRAN_PREPARED_QUEUE_OFFSET";
constexpr std::string_view kImmunitySeconds = "CHECK_IMMUNITY_TIME_IN_SECONDS";
constexpr std::string_view kEnded = "d";  // Apache: TransactionalMessageUtil.REMOVETAG
// As Apache's 4.9.8 writes them.
constexpr std::string_view kOpProperties =
    "WAIT\x01true\x02TAGS\x01"
    "d";

std::string with_property(std::string_view properties, std::string_view name, std::int64_t value) {
  std::string text = find_property(properties, name).empty() ? std::string(properties)
                                                             : erase_property(properties, name);
  append_to_properties(name, std::to_string(value), text);
  return text;
}

}  // namespace

bool is_half(std::string_view properties) noexcept {
  return means_half(find_property(properties, property::kTransactionPrepared));
}

bool means_half(std::string_view value) noexcept {
  return value == "true" || boost::algorithm::iequals(value, "true");
}

std::string make_half(std::string properties, RecordView& record) {
  for (const std::string_view ours : {kCheckTimes, kPreparedQueueOffset}) {
    if (!find_property(properties, ours).empty()) properties = erase_property(properties, ours);
  }
  // Of several values of one name the last counts, for every reader.
  append_to_properties(property::kRealTopic, record.topic, properties);
  append_to_properties(property::kRealQueueId, std::to_string(record.queue_id), properties);
  record.topic = kHalfTopic;
  record.queue_id = kHalfQueue;
  record.sys_flag &= ~sys_flag::kTransactionMask;  // consume queues leave prepared messages out
  return properties;
}

std::optional<RecordView> committed(const RecordView& half) {
  std::optional<RecordView> record = for_real_queue(half);
  if (!record) return std::nullopt;
  record->sys_flag &= ~sys_flag::kTransactionMask;
  record->sys_flag |= sys_flag::kTransactionCommit;
  record->prepared_transaction_offset = half.physical_offset;
  return record;
}

std::int32_t check_times(const RecordView& half) noexcept {
  return parse_number<std::int32_t>(find_property(half.properties, kCheckTimes)).value_or(0);
}

std::optional<std::int64_t> immunity_millis(const RecordView& half,
                                            std::int64_t otherwise) noexcept {
  const std::string_view text = find_property(half.properties, kImmunitySeconds);
  if (text.empty()) return std::nullopt;
  const auto seconds = parse_number<std::int64_t>(text);
  if (!seconds || *seconds == -1) return otherwise;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 1000;
  return std::clamp(*seconds, -kMost, kMost) * 1000;
}

std::string with_check_times(std::string_view properties, std::int32_t times) {
  return with_property(properties, kCheckTimes, times);
}

std::string with_first_offset(std::string_view properties, std::int64_t queue_offset) {
  return with_property(properties, kPreparedQueueOffset, queue_offset);
}

std::optional<std::int64_t> first_offset(const RecordView& half) noexcept {
  return parse_number<std::int64_t>(find_property(half.properties, kPreparedQueueOffset));
}

RecordView OpMessage::record(const IpEndpoint& store_host, std::int64_t wall_millis) const {
  RecordView record;
  record.topic = kOpTopic;
  record.queue_id = kHalfQueue;
  record.body = body_;
  record.properties = kOpProperties;
  record.born_timestamp = wall_millis;
  record.born_host = store_host;
  record.store_host = store_host;
  return record;
}

std::vector<std::int64_t> ended_offsets(const RecordView& op) {
  std::vector<std::int64_t> offsets;
  if (find_property(op.properties, property::kTags) != kEnded) return offsets;
  std::string_view rest = op.body;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (const auto offset = parse_number<std::int64_t>(rest.substr(0, comma))) {
      offsets.push_back(*offset);
    }
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return offsets;
}

}  // namespace comet::inline v0_1::broker
