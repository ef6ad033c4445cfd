#pragma once
// What the records of transactions look like on disk (Apache: TransactionalMessageBridge,
// EndTransactionProcessor, files of 4.9.8). A half message lies in the half topic until its
// transaction has ended; an op message in the op topic says that it has.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/message/record.hpp"
#include "comet/message/system_names.hpp"

namespace comet::inline v0_1::broker {

// Whose offsets in kHalfTopic and kOpTopic say how far transactions have ended.
inline constexpr std::string_view kTransactionGroup = "CID_RMQ_SYS_TRANS";
inline constexpr std::int32_t kHalfQueue = 0;  // each of those topics has one queue

// Whether a producer wants the message with these properties to be half of a transaction.
[[nodiscard]] bool is_half(std::string_view properties) noexcept;
// The same, of the value of TRAN_MSG.
[[nodiscard]] bool means_half(std::string_view transaction_prepared) noexcept;
// Turns `record` into the half message of itself; the properties that it then has. What only the
// broker may say of a half message is taken out.
[[nodiscard]] std::string make_half(std::string properties, RecordView& record);

// The message as consumers get it. Nullopt when the half message does not say where it goes.
[[nodiscard]] std::optional<RecordView> committed(const RecordView& half);

// How often the producers have been asked; 0 when never.
[[nodiscard]] std::int32_t check_times(const RecordView& half) noexcept;
// CHECK_IMMUNITY_TIME_IN_SECONDS, in ms; nullopt when there is none. A value that is no number
// counts as `otherwise`.
[[nodiscard]] std::optional<std::int64_t> immunity_millis(const RecordView& half,
                                                          std::int64_t otherwise) noexcept;
// The properties with the number of checks, of the half message that takes the place of this one.
[[nodiscard]] std::string with_check_times(std::string_view properties, std::int32_t times);
// The same for one that may not be checked yet: they tell the first one's place in the queue.
[[nodiscard]] std::string with_first_offset(std::string_view properties, std::int64_t queue_offset);
// Of such a half message; nullopt for others.
[[nodiscard]] std::optional<std::int64_t> first_offset(const RecordView& half) noexcept;

// The op message of a half message.
class OpMessage {
 public:
  explicit OpMessage(std::int64_t half_offset) : body_(std::to_string(half_offset)) {}
  // A view into this.
  [[nodiscard]] RecordView record(const IpEndpoint& store_host, std::int64_t wall_millis) const;

 private:
  std::string body_;
};
// The half messages that an op message names: one, or several as 5.3 writes them. Empty for other
// records.
[[nodiscard]] std::vector<std::int64_t> ended_offsets(const RecordView& op);

}  // namespace comet::inline v0_1::broker
