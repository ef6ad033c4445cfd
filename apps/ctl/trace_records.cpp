#include "trace_records.hpp"

#include <algorithm>
#include <charconv>

namespace comet::inline v0_1::ctl {
namespace {

constexpr char kFieldEnd = '\x01';
constexpr char kRecordEnd = '\x02';

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> items;
  for (;;) {
    const std::size_t end = text.find(separator);
    items.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return items;
    text.remove_prefix(end + 1);
  }
}

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Pub: type, time, region, group, topic, message id, tags, keys, store host, body length, spent,
// message type, offset id, success.
TraceRecord publication(const std::vector<std::string_view>& fields) {
  TraceRecord record;
  record.time = number(fields[1]);
  record.group = fields[3];
  record.topic = fields[4];
  record.store_host = fields[8];
  record.spent = number(fields[10]);
  if (fields.size() > 13) record.success = fields[13] == "true";
  return record;
}

// SubBefore: type, time, region, group, request id, message id, retry times, keys.
TraceRecord before_consumption(const std::vector<std::string_view>& fields) {
  TraceRecord record;
  record.time = number(fields[1]);
  record.group = fields[3];
  return record;
}

// SubAfter: type, request id, message id, spent, success, keys, code[, time, group].
TraceRecord after_consumption(const std::vector<std::string_view>& fields) {
  TraceRecord record;
  record.spent = number(fields[3]);
  record.success = fields[4] == "true";
  if (fields.size() > 8) {
    record.time = number(fields[7]);
    record.group = fields[8];
  }
  return record;
}

class Kind {
 public:
  std::string_view type;
  std::size_t id_at;   // which field is the message id
  std::size_t fields;  // at least
  TraceRecord (*read)(const std::vector<std::string_view>& fields);
};
constexpr Kind kKinds[] = {{"Pub", 5, 12, publication},
                           {"SubBefore", 5, 7, before_consumption},
                           {"SubAfter", 2, 6, after_consumption}};

}  // namespace

void parse_trace(const MessageExt& trace, std::string_view message_id,
                 std::vector<TraceRecord>& records) {
  for (const std::string_view text : split(trace.body(), kRecordEnd)) {
    const std::vector<std::string_view> fields = split(text, kFieldEnd);
    for (const Kind& kind : kKinds) {
      if (fields[0] != kind.type || fields.size() < kind.fields) continue;
      if (fields[kind.id_at] != message_id) continue;
      TraceRecord record = kind.read(fields);
      record.type = kind.type;
      record.client = trace.born_host.to_string();
      if (record.time == 0) record.time = trace.born_timestamp;
      records.push_back(std::move(record));
    }
  }
}

}  // namespace comet::inline v0_1::ctl
