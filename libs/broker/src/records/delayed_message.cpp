#include "records/delayed_message.hpp"

#include <algorithm>

#include "comet/base/parse_number.hpp"
#include "comet/message/validate.hpp"

namespace comet::inline v0_1::broker {
std::optional<std::int32_t> delay_level_of(std::string_view properties,
                                           const store::DelayLevels& levels) {
  return delay_level(find_property(properties, property::kDelay), levels);
}

std::optional<std::int32_t> delay_level(std::string_view value, const store::DelayLevels& levels) {
  if (value.empty()) return 0;
  const std::optional<std::int32_t> level = parse_number<std::int32_t>(value);
  if (!level) return std::nullopt;
  return std::clamp(*level, 0, levels.count());
}

void put_off(RecordView& record, MessageProperties& properties, std::int32_t level) {
  properties.set(property::kDelay, std::to_string(level));
  properties.set(property::kRealTopic, record.topic);
  properties.set(property::kRealQueueId, std::to_string(record.queue_id));
  record.topic = kScheduleTopic;
  record.queue_id = level - 1;
}

std::optional<RecordView> for_real_queue(const RecordView& scheduled) {
  const std::string_view topic = find_property(scheduled.properties, property::kRealTopic);
  const std::optional<std::int32_t> queue_id =
      parse_number<std::int32_t>(find_property(scheduled.properties, property::kRealQueueId));
  if (topic.empty() || !queue_id || *queue_id < 0) return std::nullopt;
  RecordView record = scheduled;
  record.topic = topic;
  record.queue_id = *queue_id;
  return record;
}

}  // namespace comet::inline v0_1::broker
