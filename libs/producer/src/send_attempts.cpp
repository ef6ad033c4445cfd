#include "send_attempts.hpp"

#include <fmt/format.h>

#include "comet/client/errors.hpp"
#include "comet/client/failure.hpp"
#include "comet/remoting/errors.hpp"

namespace comet {
namespace {

using remoting::ResponseCode;

// "Not here" and "not now": another broker, or the same a moment later, may well take the message
// (Apache: retryResponseCodes of 5.x).
bool is_repeatable(ResponseCode code) noexcept {
  switch (code) {
    case ResponseCode::system_error:
    case ResponseCode::system_busy:
    case ResponseCode::service_not_available:
    case ResponseCode::no_permission:
    case ResponseCode::topic_not_exist:
    case ResponseCode::no_buyer_id:
    case ResponseCode::not_in_current_unit:
    case ResponseCode::go_away:
      return true;
    default:
      return false;
  }
}

// Apache's client error code for what went wrong last.
error_code overall_code(const error_code& last) {
  if (last.category() == remoting::response_category() || last.category() == client_category()) {
    return last;
  }
  return client::is_timeout(last) ? ClientErrc::broker_timeout : ClientErrc::connect_broker;
}

std::string describe(const SendTry& attempt) {
  return fmt::format("{}{}{}: {} ({} ms)", attempt.broker_name,
                     attempt.address.empty() ? "" : " at ", attempt.address, attempt.text,
                     to_millis(attempt.elapsed));
}

}  // namespace

void SendOutcome::refused(const remoting::RemotingCommand& answer) {
  attempt_.error = answer.response_code();
  attempt_.text = fmt::format("{} ({})", remoting::to_string(answer.response_code()), answer.code);
  if (!answer.remark.empty()) attempt_.text += " " + answer.remark;
  repeatable_ = is_repeatable(answer.response_code());
}

void SendOutcome::failed(error_code error, std::string text, bool repeatable) {
  attempt_.error = error;
  attempt_.text = std::move(text);
  repeatable_ = repeatable;
}

bool SendAttempts::next(Instant now) const noexcept {
  return repeatable_ && tries_.size() < static_cast<std::size_t>(max_tries_) && now < deadline_;
}

void SendAttempts::failed(SendOutcome& outcome) {
  repeatable_ = outcome.repeatable();
  tries_.push_back(std::move(outcome.attempt()));
}

std::string_view SendAttempts::last_broker() const noexcept {
  return tries_.empty() ? std::string_view() : tries_.back().broker_name;
}

SendError SendAttempts::error(const std::string& topic, Instant now) const {
  std::string context =
      fmt::format("send to topic {} failed after {} {} in {} ms", topic, tries_.size(),
                  tries_.size() == 1 ? "try" : "tries", to_millis(now - begin_));
  for (std::size_t i = 0; i < tries_.size(); ++i) {
    context += i == 0 ? ": " : "; ";
    context += describe(tries_[i]);
  }
  const error_code code =
      tries_.empty() ? ClientErrc::broker_timeout : overall_code(tries_.back().error);
  return SendError(code, context, tries_);
}

}  // namespace comet
