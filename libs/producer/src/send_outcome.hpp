#pragma once
// The inside of SendOutcome.

#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "comet/producer/send_outcome.hpp"

namespace comet::inline v0_1 {

// Of a send that failed.
class SendFailure {
 public:
  error_code error;
  std::string context;  // as that of an Error
  std::string text;     // context and error
  std::string message_id;
  bool may_be_stored = false;
  std::exception_ptr thrown;  // by a function of the application's

  void set_error(const error_code& code, std::string what);
  // Error, context and the application's exception.
  void set_exception(const std::exception_ptr& problem);
};

struct SendOutcome::State {
  SendResult result;                           // of a send that did not fail
  std::unique_ptr<const SendFailure> failure;  // of one that did
  std::vector<SendTry> tries;
};

// Of a message that is stored: its result is written where the outcome will have it, because
// SendResult is dear to move.
using StoredSend = std::shared_ptr<SendOutcome::State>;
[[nodiscard]] StoredSend make_stored_send();
[[nodiscard]] SendOutcome stored_send(SendResult result);
[[nodiscard]] SendOutcome failed_send(SendFailure failure, std::vector<SendTry> tries = {});
// Of a send that ended with an exception before its message had an id.
[[nodiscard]] SendOutcome refused_send(const std::exception_ptr& problem);
// The same error for one of several messages that were sent together.
[[nodiscard]] SendOutcome with_id(const SendOutcome& failed, std::string message_id);
// Of a message whose request goes on without its sender.
[[nodiscard]] SendOutcome cancelled_send(const std::string& topic, std::string message_id,
                                         bool may_be_stored);

}  // namespace comet::inline v0_1
