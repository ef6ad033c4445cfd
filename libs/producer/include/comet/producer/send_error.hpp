#pragma once

#include <string>
#include <vector>

#include "comet/base/error.hpp"
#include "comet/client/errors.hpp"
#include "comet/producer/send_outcome.hpp"
#include "comet/remoting/errors.hpp"

namespace comet::inline v0_1 {

// A send that failed, with all that is known about it (send_outcome.hpp). code() is a ResponseCode
// when the last broker refused the message, else a ClientErrc with Apache's number, or
// asio::error::operation_aborted. Copies share what they say.
class SendError : public Error {
 public:
  explicit SendError(SendOutcome outcome);

  // As the functions of SendOutcome.
  [[nodiscard]] const std::string& message_id() const noexcept { return outcome_.message_id(); }
  [[nodiscard]] bool may_be_stored() const noexcept { return outcome_.may_be_stored(); }
  [[nodiscard]] const std::vector<SendTry>& tries() const noexcept { return outcome_.tries(); }
  [[nodiscard]] const SendOutcome& outcome() const noexcept { return outcome_; }

 private:
  SendOutcome outcome_;
};

}  // namespace comet::inline v0_1
