#pragma once

#include <exception>
#include <type_traits>

#include "comet/base/error.hpp"
#include "comet/producer/send_result.hpp"
#include "comet/producer/transaction_state.hpp"

namespace comet::inline v0_1 {

// What has become of a message and its local transaction (send_in_transaction).
class TransactionResult {
 public:
  TransactionResult() = default;

  SendResult send;  // of the half message
  // What the broker has been told. Rollback also when the broker stored the half message with a
  // weaker guarantee than asked for: then the local transaction has not run.
  TransactionState state = TransactionState::rollback;
  // What the local transaction has thrown; the state is unknown then.
  std::exception_ptr problem;
  // The request that tells the state did not get away: the broker will ask. Success: it did, which
  // does not mean that the broker has it.
  error_code end_error;
};
static_assert(!std::is_aggregate_v<TransactionResult>);

}  // namespace comet::inline v0_1
