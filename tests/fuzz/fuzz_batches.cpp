// Batches: the first two bytes are the length of the properties that the messages share, then these
// and the batch. What measure() lets through becomes records of at most the size that it says.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "../../libs/broker/src/send/batch_records.hpp"
#include "comet/message/properties.hpp"

namespace {

using namespace comet;

void must(bool holds) {
  if (!holds) std::abort();
}

void check_readers(std::string_view body) {
  const auto items = decode_batch(body);
  BatchReader reader(body);
  std::size_t count = 0;
  for (BatchItem item; reader.next(item); ++count) {
    if (!items) continue;
    must(item.body == (*items)[count].body && item.properties == (*items)[count].properties);
  }
  must(items.has_value() == !reader.error());
  if (items) must(items->size() == count && (count > 0 || body.empty()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (size < 2) return 0;
  const std::size_t length = std::min<std::size_t>(data[0] * std::size_t{256} + data[1], size - 2);
  const std::string_view common = text.substr(2, length);
  const std::string_view body = text.substr(2 + length);
  check_readers(body);

  broker::BrokerConfig config;
  config.store.max_message_size = 4096;
  config.max_batch_messages = 20;
  RecordView record;
  record.topic = "T";
  broker::BatchRecords records(body, common, "DefaultCluster", record);
  const auto measured = records.measure(config);
  if (measured.refusal) {
    must(!measured.refusal.remark.empty());
    return 0;
  }
  for (int round = 0; round < 2; ++round) {
    std::size_t bytes = 0, count = 0;
    records.rewind();
    while (const RecordView* one = records.next()) {
      bytes += static_cast<std::size_t>(one->encoded_size());
      ++count;
      must(one->properties.size() <= kMaxPropertiesSize);
      must(find_property(one->properties, property::kCluster) == "DefaultCluster");
    }
    must(bytes <= measured.bytes && count <= config.max_batch_messages);
    must(count <= 1 || measured.bytes <= 4096);
  }
  return 0;
}
