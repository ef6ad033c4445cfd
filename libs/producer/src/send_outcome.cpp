#include "send_outcome.hpp"

#include <boost/asio/error.hpp>
#include <typeinfo>

#include "comet/base/awaitable.hpp"
#include "comet/base/small_blocks.hpp"
#include "comet/client/errors.hpp"
#include "comet/producer/send_error.hpp"

namespace comet::inline v0_1 {
namespace {

const error_code kNoError;
const std::string kNoText;
const std::vector<SendTry> kNoTries;
const SendResult kNoResult;

std::shared_ptr<SendOutcome::State> make_state() {
  return std::allocate_shared<SendOutcome::State>(small_blocks::Allocator<SendOutcome::State>());
}

const SendFailure* failure_of(const std::shared_ptr<SendOutcome::State>& state) noexcept {
  return state ? state->failure.get() : nullptr;
}

const std::string& context_of(const SendOutcome& outcome) {
  return outcome.ok() ? kNoText : outcome.state().failure->context;
}

}  // namespace

void SendFailure::set_error(const error_code& code, std::string what) {
  error = code;
  context = std::move(what);
  text = Error(code, context).what();
}

void SendFailure::set_exception(const std::exception_ptr& problem) {
  try {
    std::rethrow_exception(problem);
  } catch (const Error& caught) {
    set_error(caught.code(), caught.context());
    if (typeid(caught) != typeid(Error)) thrown = problem;
  } catch (const boost::system::system_error& caught) {
    set_error(caught.code(), "send");
  } catch (...) {
    set_error(ClientErrc::callback_failed, exception_text(problem));
    thrown = problem;
  }
}

const SendResult& SendOutcome::result() const& {
  if (const SendFailure* failure = failure_of(state_)) {
    if (failure->thrown) std::rethrow_exception(failure->thrown);
    throw SendError(*this);
  }
  return state_ ? state_->result : kNoResult;
}

SendResult SendOutcome::result() && {
  const SendResult& shared = static_cast<const SendOutcome&>(*this).result();
  if (state_.use_count() != 1) return shared;
  return std::move(state_->result);
}

const error_code& SendOutcome::error() const noexcept {
  const SendFailure* failure = failure_of(state_);
  return failure != nullptr ? failure->error : kNoError;
}

const std::string& SendOutcome::text() const noexcept {
  const SendFailure* failure = failure_of(state_);
  return failure != nullptr ? failure->text : kNoText;
}

const std::string& SendOutcome::message_id() const noexcept {
  if (const SendFailure* failure = failure_of(state_)) return failure->message_id;
  return state_ ? state_->result.message_id : kNoText;
}

bool SendOutcome::may_be_stored() const noexcept {
  const SendFailure* failure = failure_of(state_);
  return failure != nullptr ? failure->may_be_stored : state_ != nullptr;
}

const std::vector<SendTry>& SendOutcome::tries() const noexcept {
  return state_ ? state_->tries : kNoTries;
}

StoredSend make_stored_send() { return make_state(); }

SendOutcome stored_send(SendResult result) {
  StoredSend stored = make_stored_send();
  stored->result = std::move(result);
  return SendOutcome(std::move(stored));
}

SendOutcome failed_send(SendFailure failure, std::vector<SendTry> tries) {
  auto state = make_state();
  state->failure = std::make_unique<const SendFailure>(std::move(failure));
  state->tries = std::move(tries);
  return SendOutcome(std::move(state));
}

SendOutcome refused_send(const std::exception_ptr& problem) {
  SendFailure failure;
  failure.set_exception(problem);
  return failed_send(std::move(failure));
}

SendOutcome with_id(const SendOutcome& failed, std::string message_id) {
  SendFailure failure = *failed.state().failure;
  failure.message_id = std::move(message_id);
  return failed_send(std::move(failure), failed.tries());
}

SendOutcome cancelled_send(const std::string& topic, std::string message_id, bool may_be_stored) {
  SendFailure failure;
  failure.set_error(asio::error::operation_aborted, "send to topic " + topic);
  failure.message_id = std::move(message_id);
  failure.may_be_stored = may_be_stored;
  return failed_send(std::move(failure));
}

SendError::SendError(SendOutcome outcome)
    : Error(outcome.error(), context_of(outcome)), outcome_(std::move(outcome)) {}

}  // namespace comet::inline v0_1
