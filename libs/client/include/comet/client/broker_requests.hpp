#pragma once
// What brokers ask of clients (Apache: ClientRemotingProcessor).

#include <cstdint>
#include <functional>
#include <string>

#include "comet/base/address.hpp"
#include "comet/message/message.hpp"

namespace comet::inline v0_1::client {

// A broker wants to know how a transaction has ended (CHECK_TRANSACTION_STATE).
class TransactionCheck {
 public:
  MessageExt message;  // the half message, with its real topic (without a namespace) and queue
  // Of the half message; the answer names them as they came.
  std::int64_t queue_offset = 0;
  std::int64_t commit_log_offset = 0;
  std::string message_id;
  std::string transaction_id;
  Address from;  // the broker
};

// Both are called on the client's executor and do not wait.
using TransactionCheckHandler = std::function<void(TransactionCheck check)>;
using ReplyHandler = std::function<void(MessageExt reply)>;

}  // namespace comet::inline v0_1::client
