#include "send/batch_records.hpp"

#include <fmt/format.h>

#include "comet/message/properties.hpp"
#include "comet/message/property_reader.hpp"

namespace comet::inline v0_1::broker {

using remoting::ResponseCode;

void append_cluster(std::string_view cluster, std::string& properties) {
  if (!properties.empty() && properties.back() != '\x02') properties += '\x02';
  properties.append(property::kCluster).append(1, '\x01').append(cluster);
}

CommonProperties::CommonProperties(std::string_view properties) {
  PropertyReader reader(properties);
  std::string_view name, value;
  while (reader.next(name, value)) {
    if (name == property::kWait) continue;
    values_.insert_or_assign(name, value);
    size_ += name.size() + value.size() + 2;
  }
}

void CommonProperties::add_to(std::string& item) {
  if (values_.empty()) return;
  own_.clear();
  PropertyReader reader(item);
  std::string_view name, value;
  while (reader.next(name, value)) {
    if (values_.contains(name)) own_.insert(name);
  }
  std::string missing;
  for (const auto& [common, its_value] : values_) {
    if (own_.contains(common)) continue;
    missing.append(common).append(1, '\x01').append(its_value).append(1, '\x02');
  }
  if (!item.empty() && item.back() != '\x02') item += '\x02';
  item += missing;
}

BatchRecords::BatchRecords(std::string_view body, std::string_view common, std::string_view cluster,
                           const RecordView& record)
    : body_(body), cluster_(cluster), common_(common), record_(record), reader_(body) {}

const RecordView* BatchRecords::next() {
  BatchItem item;
  if (!reader_.next(item)) return nullptr;
  make_properties(item);
  record_.flag = item.flag;
  record_.body = item.body;
  record_.properties = properties_;
  return &record_;
}

void BatchRecords::make_properties(const BatchItem& item) {
  properties_.assign(item.properties);
  common_.add_to(properties_);
  append_cluster(cluster_, properties_);
}

std::size_t BatchRecords::most_properties(const BatchItem& item) const noexcept {
  return item.properties.size() + common_.size() + property::kCluster.size() + cluster_.size() + 2;
}

BatchRecords::Measured BatchRecords::measure(const BrokerConfig& config) {
  const auto illegal = [](std::string remark) {
    Measured measured;
    measured.refusal = refuse(ResponseCode::message_illegal, std::move(remark));
    return measured;
  };
  RecordView empty = record_;
  empty.body = empty.properties = {};
  const auto overhead = static_cast<std::size_t>(empty.encoded_size());
  const auto max_message_size = static_cast<std::size_t>(config.store.max_message_size);
  Measured measured;
  std::size_t messages = 0;
  BatchReader reader(body_);
  for (BatchItem item; reader.next(item);) {
    if (++messages > config.max_batch_messages) {
      return illegal(fmt::format("the batch has more messages than maxBatchMessages: {}",
                                 config.max_batch_messages));
    }
    std::size_t properties = most_properties(item);
    if (properties > kMaxPropertiesSize) {  // maybe not, if it has some of the batch's itself
      make_properties(item);
      properties = properties_.size();
    }
    if (properties > kMaxPropertiesSize) {
      return illegal(
          fmt::format("message {} of the batch has {} bytes of properties, those of the batch "
                      "among them: the limit is {}",
                      messages, properties, kMaxPropertiesSize));
    }
    measured.bytes += overhead + item.body.size() + properties;
    if (messages > 1 && measured.bytes > max_message_size) {
      return illegal(
          fmt::format("message size exceeded: {} messages of the batch take {} bytes with the "
                      "properties that they share, maxMessageSize is {}",
                      messages, measured.bytes, max_message_size));
    }
  }
  if (reader.error()) return illegal(reader.error().message());
  return measured;
}

}  // namespace comet::inline v0_1::broker
