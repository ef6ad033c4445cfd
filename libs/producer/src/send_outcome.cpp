#include "send_outcome.hpp"

#include <boost/asio/error.hpp>
#include <typeinfo>

#include "comet/base/awaitable.hpp"
#include "comet/client/errors.hpp"
#include "comet/producer/send_error.hpp"

namespace comet {
namespace {

const std::string kNoText;
const std::vector<SendTry> kNoTries;

}  // namespace

void SendOutcome::Details::set_error(const error_code& code, std::string what) {
  error = code;
  context = std::move(what);
  text = Error(code, context).what();
}

const SendResult& SendOutcome::result() const& {
  if (!ok()) {
    if (details_->thrown) std::rethrow_exception(details_->thrown);
    throw SendError(*this);
  }
  return result_;
}

SendResult SendOutcome::result() && {
  const SendOutcome& self = *this;
  (void)self.result();
  return std::move(result_);
}

const error_code& SendOutcome::error() const noexcept {
  static const error_code none;
  return details_ ? details_->error : none;
}

const std::string& SendOutcome::text() const noexcept {
  return details_ ? details_->text : kNoText;
}

const std::string& SendOutcome::message_id() const noexcept {
  return ok() ? result_.message_id : details_->message_id;
}

bool SendOutcome::may_be_stored() const noexcept { return ok() || details_->may_be_stored; }

const std::vector<SendTry>& SendOutcome::tries() const noexcept {
  return details_ ? details_->tries : kNoTries;
}

void describe_exception(const std::exception_ptr& problem, SendOutcome::Details& details) {
  try {
    std::rethrow_exception(problem);
  } catch (const Error& error) {
    details.set_error(error.code(), error.context());
    if (typeid(error) != typeid(Error)) details.thrown = problem;
  } catch (const boost::system::system_error& error) {
    details.set_error(error.code(), "send");
  } catch (const std::exception& error) {
    details.set_error(ClientErrc::callback_failed, error.what());
    details.thrown = problem;
  } catch (...) {
    details.set_error(ClientErrc::callback_failed, "an exception that says nothing");
    details.thrown = problem;
  }
}

SendOutcome refused_send(const std::exception_ptr& problem) {
  auto details = std::make_shared<SendOutcome::Details>();
  describe_exception(problem, *details);
  return SendOutcome(SendResult(), std::move(details));
}

SendOutcome with_id(const SendOutcome& failed, std::string message_id) {
  auto details = std::make_shared<SendOutcome::Details>(failed.details());
  details->message_id = std::move(message_id);
  return SendOutcome(SendResult(), std::move(details));
}

SendOutcome cancelled_send(const std::string& topic, std::string message_id, bool may_be_stored) {
  auto details = std::make_shared<SendOutcome::Details>();
  details->set_error(asio::error::operation_aborted, "send to topic " + topic);
  details->message_id = std::move(message_id);
  details->may_be_stored = may_be_stored;
  return SendOutcome(SendResult(), std::move(details));
}

SendError::SendError(SendOutcome outcome)
    : Error(outcome.error(), outcome.details().context), outcome_(std::move(outcome)) {}

}  // namespace comet
