#pragma once
// Headers of the commands of transactional messages (names: Apache's *RequestHeader classes).
// string_view members are views into the command that was read, see header.hpp.

#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

#include "comet/remoting/header.hpp"

namespace comet::inline v0_1::remoting {

// What a producer decides about a half message: bits of the sysFlag of a message.
namespace transaction_decision {
inline constexpr std::int32_t kUnknown = 0;
inline constexpr std::int32_t kCommit = 8;
inline constexpr std::int32_t kRollback = 12;
}  // namespace transaction_decision

// END_TRANSACTION (37), oneway.
struct EndTransactionHeader {
  std::string_view producer_group;
  std::int64_t tran_state_table_offset = 0;  // of the half message in its queue
  std::int64_t commit_log_offset = 0;        // of the half message
  std::int32_t commit_or_rollback = 0;       // transaction_decision
  std::optional<bool> from_transaction_check;
  std::string_view msg_id;  // the client's (UNIQ_KEY)
  std::optional<std::string_view> transaction_id;
  std::optional<std::string_view> topic;  // 5.x

  using H = EndTransactionHeader;
  static constexpr auto fields = std::make_tuple(
      field("producerGroup", &H::producer_group),
      field("tranStateTableOffset", &H::tran_state_table_offset),
      field("commitLogOffset", &H::commit_log_offset),
      field("commitOrRollback", &H::commit_or_rollback),
      field("fromTransactionCheck", &H::from_transaction_check), field("msgId", &H::msg_id),
      field("transactionId", &H::transaction_id), field("topic", &H::topic));
};

// CHECK_TRANSACTION_STATE (39), oneway from the broker to a producer.
struct CheckTransactionStateHeader {
  std::int64_t tran_state_table_offset = 0;
  std::int64_t commit_log_offset = 0;
  std::optional<std::string_view> msg_id;
  std::optional<std::string_view> transaction_id;
  std::optional<std::string_view> offset_msg_id;
  std::optional<std::string_view> topic;  // 5.x

  using H = CheckTransactionStateHeader;
  static constexpr auto fields =
      std::make_tuple(field("tranStateTableOffset", &H::tran_state_table_offset),
                      field("commitLogOffset", &H::commit_log_offset), field("msgId", &H::msg_id),
                      field("transactionId", &H::transaction_id),
                      field("offsetMsgId", &H::offset_msg_id), field("topic", &H::topic));
};

// RESUME_CHECK_HALF_MESSAGE (323).
struct ResumeCheckHalfMessageHeader {
  std::string_view msg_id;  // offset message id
  std::optional<std::string_view> topic;

  using H = ResumeCheckHalfMessageHeader;
  static constexpr auto fields =
      std::make_tuple(field("msgId", &H::msg_id), field("topic", &H::topic));
};

}  // namespace comet::inline v0_1::remoting
