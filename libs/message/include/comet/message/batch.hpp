#pragma once
// The body of a batch send: several messages of one queue (Apache: MessageDecoder.encodeMessages).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"
#include "comet/message/message.hpp"

namespace comet::inline v0_1 {

// Views into the batch's bytes.
class BatchItem {
 public:
  std::int32_t flag = 0;
  std::string_view body;
  std::string_view properties;  // string form
};

enum class BatchErrc {
  bad_length = 1,  // lengths disagree with each other or with the body
  empty,           // no message at all
};
const boost::system::error_category& batch_category() noexcept;
inline error_code make_error_code(BatchErrc code) noexcept {
  return {static_cast<int>(code), batch_category()};
}

// The messages of a batch one after the other, without memory for all of them.
class BatchReader {
 public:
  explicit BatchReader(std::string_view bytes) noexcept : rest_(bytes) {
    if (bytes.empty()) error_ = make_error_code(BatchErrc::empty);
  }
  // False: that was the last one, or the batch is damaged: see error().
  [[nodiscard]] bool next(BatchItem& item) noexcept;
  [[nodiscard]] error_code error() const noexcept { return error_; }

 private:
  std::string_view rest_;
  error_code error_;
};

[[nodiscard]] Result<std::vector<BatchItem>> decode_batch(std::string_view bytes);
// Appends one message.
void encode_batch_item(const Message& message, std::string& out);
// The same from its parts; `properties` in the string form.
void encode_batch_item(std::int32_t flag, std::string_view body, std::string_view properties,
                       std::string& out);
// total size, magic, CRC, flag, body length, properties length
inline constexpr std::size_t kBatchItemOverhead = 4 + 4 + 4 + 4 + 4 + 2;

}  // namespace comet::inline v0_1

template <>
struct boost::system::is_error_code_enum<comet::BatchErrc> : std::true_type {};
