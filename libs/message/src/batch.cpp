#include "comet/message/batch.hpp"

#include "comet/base/bytes.hpp"

namespace comet::inline v0_1 {
namespace {

class BatchCategory final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "comet.batch"; }
  std::string message(int code) const override {
    switch (static_cast<BatchErrc>(code)) {
      case BatchErrc::bad_length:
        return "the lengths in the batch do not fit together";
      case BatchErrc::empty:
        return "the batch holds no message";
    }
    return "unknown error";
  }
};

}  // namespace

const boost::system::error_category& batch_category() noexcept {
  static BatchCategory category;
  return category;
}

bool BatchReader::next(BatchItem& item) noexcept {
  if (error_ || rest_.empty()) return false;
  ByteReader reader(rest_);
  const auto total = reader.read<std::int32_t>();
  ByteReader fields(reader.read_bytes(std::int64_t{total} - 4));
  (void)fields.read<std::int32_t>();  // magic and CRC say nothing: the broker makes its own
  (void)fields.read<std::int32_t>();
  item.flag = fields.read<std::int32_t>();
  item.body = fields.read_bytes(fields.read<std::int32_t>());
  item.properties = fields.read_bytes(fields.read<std::int16_t>());
  if (!reader.ok() || !fields.ok() || !fields.rest().empty()) {
    error_ = BatchErrc::bad_length;
    return false;
  }
  rest_ = reader.rest();
  return true;
}

Result<std::vector<BatchItem>> decode_batch(std::string_view bytes) {
  std::vector<BatchItem> items;
  BatchReader reader(bytes);
  for (BatchItem item; reader.next(item);) items.push_back(item);
  if (reader.error()) return reader.error();
  return items;
}

void encode_batch_item(std::int32_t flag, std::string_view body, std::string_view properties,
                       std::string& out) {
  const std::size_t size = kBatchItemOverhead + body.size() + properties.size();
  append_be<std::int32_t>(out, static_cast<std::int32_t>(size));
  append_be<std::int32_t>(out, 0);
  append_be<std::int32_t>(out, 0);
  append_be<std::int32_t>(out, flag);
  append_be<std::int32_t>(out, static_cast<std::int32_t>(body.size()));
  out += body;
  append_be<std::int16_t>(out, static_cast<std::int16_t>(properties.size()));
  out += properties;
}

void encode_batch_item(const Message& message, std::string& out) {
  encode_batch_item(message.flag(), message.body(), message.properties().encode(), out);
}

}  // namespace comet::inline v0_1
