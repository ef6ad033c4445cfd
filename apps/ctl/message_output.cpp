#include "message_output.hpp"

#include <fmt/format.h>

#include "comet/base/printable.hpp"
#include "comet/base/utf8.hpp"
#include "times.hpp"

namespace comet::inline v0_1::ctl {
namespace {

constexpr std::size_t kLongestLine = 4096;  // bytes of a body on one line

std::map<std::string, std::string> properties_of(const MessageExt& message) {
  std::map<std::string, std::string> properties;
  for (const auto& [name, value] : message.properties()) properties.emplace(name, value);
  return properties;
}

void add_body(Report& report, const std::string& body) {
  if (is_utf8(body)) {
    report.text_block("Body", "body", body);
  } else {
    report.field("Body (Base64)", "bodyBase64", to_base64(body));
  }
}

}  // namespace

std::string message_id(const MessageExt& message) {
  const std::string_view unique = message.unique_id();
  return unique.empty() ? message.offset_message_id() : std::string(unique);
}

Report describe_message(const MessageExt& message, bool with_body) {
  Report report;
  report.field("Message id", "msgId", message_id(message));
  report.field("Offset id", "offsetMsgId", message.offset_message_id());
  report.field("Topic", "topic", message.topic());
  report.field("Tags", "tags", message.tag());
  report.field("Keys", "keys", message.keys());
  report.field("Queue", "queueId", message.queue_id);
  report.field("Queue offset", "queueOffset", message.queue_offset);
  report.field("Log offset", "commitLogOffset", message.physical_offset);
  report.field("Reconsumed", "reconsumeTimes", message.reconsume_times);
  report.field("Born", "bornTimestamp", Cell::time(message.born_timestamp));
  report.field("Stored", "storeTimestamp", Cell::time(message.store_timestamp));
  report.field("Born at", "bornHost", message.born_host.to_string());
  report.field("Stored at", "storeHost", message.store_host.to_string());
  report.field("System flag", "sysFlag", message.sys_flag);
  report.field("Flag", "flag", message.flag());
  report.field("Record bytes", "storeSize", message.store_size);
  report.field("Properties", "properties", Cell::map(properties_of(message)));
  report.field("Body bytes", "bodySize", message.body().size());
  if (message.is_body_raw) report.field("Body", "bodyState", "as stored: it does not decompress");
  if (with_body) add_body(report, message.body());
  return report;
}

std::string message_line(const MessageExt& message, bool with_body) {
  std::string line = fmt::format("{}  {}:{}  {}", format_time(message.store_timestamp),
                                 message.queue_id, message.queue_offset, message_id(message));
  if (!message.tag().empty()) line += fmt::format("  tags={}", printable(message.tag()));
  if (!message.keys().empty()) line += fmt::format("  keys={}", printable(message.keys()));
  if (with_body) line += "  " + printable(message.body(), kLongestLine);
  return line + '\n';
}

Report list_messages(const std::vector<MessageExt>& messages) {
  Table table("messages", {{"MESSAGE ID", "msgId"},
                           {"QUEUE", "queueId"},
                           {"OFFSET", "queueOffset"},
                           {"STORED", "storeTimestamp"},
                           {"TAGS", "tags"},
                           {"KEYS", "keys"},
                           {"OFFSET ID", "offsetMsgId"}});
  for (const MessageExt& message : messages) {
    table.row({message_id(message), message.queue_id, message.queue_offset,
               Cell::time(message.store_timestamp), message.tag(), message.keys(),
               message.offset_message_id()});
  }
  Report report;
  report.table(std::move(table));
  return report;
}

}  // namespace comet::inline v0_1::ctl
