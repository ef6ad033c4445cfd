#pragma once

#include <memory>
#include <string>
#include <vector>

#include "comet/base/error.hpp"
#include "comet/base/time.hpp"

namespace comet {

// One try of a send that did not end with a stored message.
class SendTry {
 public:
  SendTry() = default;
  std::string broker_name;
  std::string address;  // empty: none was known
  // The broker's response code (response_category), or what went wrong below it.
  error_code error;
  std::string text;  // the error in words, with the broker's remark
  Duration elapsed{};
};

// A send that failed, with all that was tried. code() is a ResponseCode when the last broker
// refused the message, else a ClientErrc with Apache's number. After a timeout or a broken
// connection the broker may have stored the message all the same.
class SendError : public Error {
 public:
  SendError(error_code code, const std::string& context, std::vector<SendTry> tries)
      : Error(code, context),
        tries_(std::make_shared<const std::vector<SendTry>>(std::move(tries))) {}

  [[nodiscard]] const std::vector<SendTry>& tries() const noexcept { return *tries_; }

 private:
  std::shared_ptr<const std::vector<SendTry>>
      tries_;  // exceptions are copied; copies must not throw
};

}  // namespace comet
