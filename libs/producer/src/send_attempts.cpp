#include "send_attempts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/error.hpp>

#include "comet/client/errors.hpp"
#include "comet/client/failure.hpp"
#include "comet/remoting/errors.hpp"
#include "outgoing_message.hpp"

namespace comet::inline v0_1 {
namespace {

// Each further try of a broker waits that much longer than the one before it.
constexpr int kPauseGrowth = 5;

// Apache's client error code for what went wrong last.
error_code overall_code(const error_code& last) {
  if (last.category() == remoting::response_category() || last.category() == client_category() ||
      last == asio::error::operation_aborted) {
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

Instant SendAttempts::try_deadline() const noexcept {
  const Duration limit = config_.max_timeout_per_try();
  return limit > Duration::zero() ? std::min(deadline_, now_ + limit) : deadline_;
}

bool SendAttempts::next() const noexcept {
  return repeatable_ && tries_.size() < static_cast<std::size_t>(max_tries_) && now_ < deadline_;
}

std::string_view SendAttempts::last_broker() const noexcept {
  return tries_.empty() ? std::string_view() : tries_.back().broker_name;
}

Duration SendAttempts::pause_before(const MessageQueue& queue) const noexcept {
  Duration pause{};
  for (const SendTry& attempt : tries_) {
    if (attempt.broker_name != queue.broker_name) continue;
    pause = pause == Duration::zero() ? config_.retry_pause() : kPauseGrowth * pause;
  }
  return std::min<Duration>(pause, (deadline_ - now_) / 2);
}

bool SendAttempts::is_enough(const SendResult& result) const noexcept {
  return result.status == SendStatus::send_ok || !config_.retry_when_not_store_ok();
}

void SendAttempts::ended(const MessageQueue& queue, const std::optional<Address>& broker,
                         TryOutcome& outcome) {
  if (outcome.is_stored() && is_enough(outcome.result())) {
    stored_ = outcome.take_stored();
    repeatable_ = false;
    return;
  }
  SendTry attempt;
  attempt.broker_name = queue.broker_name;
  if (broker) attempt.address = broker->to_string();
  attempt.elapsed = outcome.elapsed();
  if (outcome.is_stored()) {
    repeatable_ = true;
    attempt.text = to_string(outcome.result().status);
    attempt.may_be_stored = true;
    stored_ = outcome.take_stored();
  } else {
    repeatable_ = outcome.repeatable();
    attempt.error = outcome.error();
    attempt.text = outcome.text();
    attempt.may_be_stored = outcome.may_be_stored();
  }
  tries_.push_back(std::move(attempt));
}

SendOutcome SendAttempts::outcome(const OutgoingMessage& outgoing) {
  if (stored_) {
    stored_->tries = std::move(tries_);
    return SendOutcome(std::move(stored_));
  }
  SendFailure failure;
  failure.message_id = outgoing.unique_id();
  if (reason_) {
    failure.set_exception(reason_);
    if (!tries_.empty()) failure.set_error(failure.error, failure.context + describe_tries());
  } else {
    failure.set_error(overall_error(), fmt::format("send to topic {} failed after {} {} in {} ms{}",
                                                   outgoing.shown_topic(), tries_.size(),
                                                   tries_.size() == 1 ? "try" : "tries",
                                                   to_millis(elapsed()), describe_tries()));
  }
  const auto may_be_stored = [](const SendTry& attempt) { return attempt.may_be_stored; };
  failure.may_be_stored = std::any_of(tries_.begin(), tries_.end(), may_be_stored);
  return failed_send(std::move(failure), std::move(tries_));
}

std::string SendAttempts::describe_tries() const {
  std::string text;
  for (const SendTry& attempt : tries_) {
    text += text.empty() ? ": " : "; ";
    text += describe(attempt);
  }
  return text.empty() ? ": the time of the send was over before the first try" : text;
}

error_code SendAttempts::overall_error() const {
  return tries_.empty() ? ClientErrc::broker_timeout : overall_code(tries_.back().error);
}

}  // namespace comet::inline v0_1
