#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/address.hpp"
#include "comet/base/time.hpp"
#include "comet/producer/send_error.hpp"
#include "comet/producer/send_result.hpp"
#include "comet/remoting/command.hpp"

namespace comet {

// How one try ended: with a result, or with what went wrong.
class SendOutcome {
 public:
  explicit SendOutcome(const std::string& broker_name) { attempt_.broker_name = broker_name; }

  void stored(SendResult result) { result_ = std::move(result); }
  // An answer other than "stored".
  void refused(const remoting::RemotingCommand& answer);
  // No answer, or none that counts. `repeatable`: another try makes sense.
  void failed(error_code error, std::string text, bool repeatable);
  void at(const Address& address) { attempt_.address = address.to_string(); }
  void took(Duration elapsed) { attempt_.elapsed = elapsed; }

  [[nodiscard]] bool ok() const noexcept { return result_.has_value(); }
  [[nodiscard]] SendResult& result() noexcept { return *result_; }
  [[nodiscard]] bool repeatable() const noexcept { return repeatable_; }
  [[nodiscard]] Duration elapsed() const noexcept { return attempt_.elapsed; }
  [[nodiscard]] SendTry& attempt() noexcept { return attempt_; }

 private:
  SendTry attempt_;
  std::optional<SendResult> result_;
  bool repeatable_ = false;
};

// The tries of one send: how many there may still be, and what became of the earlier ones.
class SendAttempts {
 public:
  SendAttempts(int max_tries, Instant begin, Instant deadline)
      : max_tries_(max_tries), begin_(begin), deadline_(deadline) {}

  // Whether there is to be a (further) try.
  [[nodiscard]] bool next(Instant now) const noexcept;
  void failed(SendOutcome& outcome);
  // Of the broker that was tried last; empty before the first try.
  [[nodiscard]] std::string_view last_broker() const noexcept;

  // What the caller gets when the tries have come to nothing.
  [[nodiscard]] SendError error(const std::string& topic, Instant now) const;

 private:
  int max_tries_;
  Instant begin_;
  Instant deadline_;
  bool repeatable_ = true;
  std::vector<SendTry> tries_;
};

}  // namespace comet
