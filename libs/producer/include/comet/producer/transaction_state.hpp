#pragma once

#include <string_view>

namespace comet::inline v0_1 {

// How a local transaction has ended (Apache: LocalTransactionState).
enum class TransactionState {
  commit,    // consumers get the message
  rollback,  // nobody gets it
  unknown,   // the broker will ask again
};
// "COMMIT_MESSAGE", "ROLLBACK_MESSAGE", "UNKNOW".
[[nodiscard]] std::string_view to_string(TransactionState state) noexcept;

}  // namespace comet::inline v0_1
