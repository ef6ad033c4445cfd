#include "send_attempts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "comet/client/errors.hpp"
#include "comet/client/failure.hpp"
#include "comet/remoting/errors.hpp"

namespace comet {
namespace {

using remoting::ResponseCode;

// Each further try of a broker waits that much longer than the one before it.
constexpr int kPauseGrowth = 5;

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

// "Not here" and "not now": another broker, or the same a moment later, may well take the message.
std::set<ResponseCode> default_retry_response_codes() {
  return {ResponseCode::topic_not_exist,       ResponseCode::system_error,
          ResponseCode::service_not_available, ResponseCode::no_permission,
          ResponseCode::no_buyer_id,           ResponseCode::not_in_current_unit,
          ResponseCode::system_busy,           ResponseCode::go_away};
}

void SendOutcome::refused(const remoting::RemotingCommand& answer, const ProducerConfig& config) {
  answered_ = true;
  error_ = answer.response_code();
  text_ = fmt::format("{} ({})", remoting::to_string(answer.response_code()), answer.code);
  if (!answer.remark.empty()) text_ += " " + answer.remark;
  repeatable_ = config.retry_response_codes().contains(answer.response_code());
}

void SendOutcome::failed(error_code error, std::string text, bool repeatable) {
  error_ = error;
  text_ = std::move(text);
  repeatable_ = repeatable;
}

bool SendAttempts::next(Instant now) const noexcept {
  return repeatable_ && tries_.size() < static_cast<std::size_t>(max_tries_) && now < deadline_;
}

bool SendAttempts::is_final(const SendOutcome& outcome) const noexcept {
  if (!outcome.is_stored()) return false;
  const bool is_enough = outcome.result().status == SendStatus::send_ok;
  return is_enough || !config_.retry_when_not_store_ok();
}

void SendAttempts::failed(const MessageQueue& queue, const std::optional<Address>& broker,
                          SendOutcome& outcome) {
  SendTry attempt;
  attempt.broker_name = queue.broker_name;
  if (broker) attempt.address = broker->to_string();
  attempt.elapsed = outcome.elapsed();
  if (outcome.is_stored()) {
    repeatable_ = true;
    attempt.text = to_string(outcome.result().status);
    weaker_ = std::make_unique<SendResult>(std::move(outcome.result()));
  } else {
    repeatable_ = outcome.repeatable();
    attempt.error = outcome.error();
    attempt.text = outcome.text();
  }
  tries_.push_back(std::move(attempt));
}

std::string_view SendAttempts::last_broker() const noexcept {
  return tries_.empty() ? std::string_view() : tries_.back().broker_name;
}

Duration SendAttempts::pause_before(const MessageQueue& queue, Instant now) const noexcept {
  Duration pause{};
  for (const SendTry& attempt : tries_) {
    if (attempt.broker_name != queue.broker_name) continue;
    pause = pause == Duration::zero() ? config_.retry_pause() : kPauseGrowth * pause;
  }
  return std::min<Duration>(pause, (deadline_ - now) / 2);
}

SendResult SendAttempts::result_or_throw(const std::string& topic, Instant now) {
  if (weaker_) return std::move(*weaker_);
  throw error(topic, now);
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
