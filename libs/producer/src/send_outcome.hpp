#pragma once
// The inside of SendOutcome.

#include <exception>
#include <string>
#include <vector>

#include "comet/producer/send_outcome.hpp"

namespace comet {

struct SendOutcome::Details {
  error_code error;     // none: stored in the end
  std::string context;  // as that of an Error
  std::string text;     // context and error
  std::string message_id;
  bool may_be_stored = false;
  std::vector<SendTry> tries;
  std::exception_ptr thrown;  // by a function of the application's

  void set_error(const error_code& code, std::string what);
};

// Of a send that ended with an exception before its message had an id.
[[nodiscard]] SendOutcome refused_send(const std::exception_ptr& problem);
// The same error for one of several messages that were sent together.
[[nodiscard]] SendOutcome with_id(const SendOutcome& failed, std::string message_id);
// Of a message whose request goes on without its sender.
[[nodiscard]] SendOutcome cancelled_send(const std::string& topic, std::string message_id,
                                         bool may_be_stored);
// Fills in error, context and the application's exception.
void describe_exception(const std::exception_ptr& problem, SendOutcome::Details& details);

}  // namespace comet
