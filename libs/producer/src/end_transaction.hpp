#pragma once
// Telling a broker how a transaction has ended.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "comet/producer/transaction_state.hpp"
#include "producer_impl.hpp"

namespace comet::inline v0_1 {

// What END_TRANSACTION says.
class TransactionEnd {
 public:
  std::shared_ptr<const Message> message;
  TransactionState state = TransactionState::unknown;
  std::int64_t queue_offset = 0;
  std::int64_t commit_log_offset = 0;
  std::string message_id;
  std::string transaction_id;
  std::string broker_name;  // empty: not known
  std::string remark;
  bool from_check = false;
  std::optional<Address> broker;
};

// Returns when the request is on its way; what kept it from that. Shows it to the hooks. Does not
// throw, except operation_aborted.
[[nodiscard]] asio::awaitable<error_code> end_transaction(std::shared_ptr<Producer::Impl> producer,
                                                          TransactionEnd end);

}  // namespace comet::inline v0_1
