// How transactions end (Apache: EndTransactionProcessor), and half messages that an administrator
// wants to be checked again (AdminBrokerProcessor). A commit is put into the store's queue at
// once, and its op message follows when it is stored.

#include "transaction/transaction_feature.hpp"

#include <fmt/format.h>

#include "comet/base/log.hpp"
#include "comet/message/message_id.hpp"
#include "comet/message/properties.hpp"
#include "comet/remoting/transaction_headers.hpp"
#include "records/append_outcome.hpp"
#include "request/answers.hpp"
#include "request/await_append.hpp"
#include "request/header_of.hpp"
#include "request/on_header.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::EndTransactionHeader;
using remoting::Handling;
using remoting::Refusal;
using remoting::RemotingCommand;
using remoting::Request;
using remoting::ResponseCode;
using store::AppendResult;
using store::StoreErrc;

RemotingCommand end_answer(const Request& request, ResponseCode code, std::string remark = {}) {
  return RemotingCommand::response(request.command, code, std::move(remark));
}

std::string complaint(const RecordView& half, const EndTransactionHeader& header) {
  if (find_property(half.properties, property::kProducerGroup) != header.producer_group)
    return "The producer group wrong";
  if (half.queue_offset != header.tran_state_table_offset)
    return "The transaction state table offset wrong";
  if (half.physical_offset != header.commit_log_offset) return "The commit log offset wrong";
  return {};
}

std::string complaint(OpenHalves::Refusal refusal) {
  return refusal == OpenHalves::Refusal::busy
             ? "The transaction is being ended or checked at this moment"
             : "The transaction has ended, or its half message has another place now";
}

constexpr std::string_view kNotResumed = "Put message back to RMQ_SYS_TRANS_HALF_TOPIC failed.";

}  // namespace

// The remarks are Apache's.
Refusal TransactionFeature::store_refusal(const error_code& error) const {
  if (error == StoreErrc::message_too_large) {
    return {ResponseCode::message_illegal,
            fmt::format("The message is illegal, maybe msg body or properties length not matched. "
                        "msg body length limit {}B, msg properties length limit 32KB.",
                        config_.store.max_message_size)};
  }
  const std::string reason = store_.read_only_reason();
  return {ResponseCode::service_not_available,
          "Service not available now. " + (reason.empty() ? error.message() : reason)};
}

Handling TransactionFeature::end(Request request) {
  const auto header = header_of<EndTransactionHeader>(request.command);
  if (config_.broker_id != 0) {
    co_return Refusal(ResponseCode::slave_not_available, "a slave does not end transactions");
  }
  const bool is_commit = header.commit_or_rollback == remoting::transaction_decision::kCommit;
  if (!is_commit && header.commit_or_rollback != remoting::transaction_decision::kRollback) {
    log::debug("producer {} does not know yet how a transaction ends: {}",
               request.connection->remote().to_string(), request.command.remark);
    co_return std::nullopt;
  }
  const SharedBytes bytes = store_.read_record(header.commit_log_offset);
  const auto half = parse_record(bytes.view(), CheckCrc::no);
  if (!half || half->topic != kHalfTopic) {
    co_return Refusal(ResponseCode::system_error, "Find prepared transaction message failed");
  }
  std::string problem = complaint(*half, header);
  if (!problem.empty()) co_return Refusal(ResponseCode::system_error, std::move(problem));
  const SendsInFlight::Place place =
      sends_.enter(half->body.size() + half->properties.size(), time_.now());
  if (!place) {
    co_return Refusal(ResponseCode::system_busy,
                      "[REJECTREQUEST]system busy, start flow control for a while");
  }
  OpenHalves::Attempt attempt = transactions_.claim(half->queue_offset);
  if (!attempt.claim) co_return Refusal(ResponseCode::system_error, complaint(attempt.refusal));
  OpenHalves::Claim& claim = *attempt.claim;

  if (!is_commit) {
    const OpMessage op(claim.offset());
    const RecordView record = op.record(store_host_, time_.wall_millis());
    const AppendResult stored = co_await AwaitAppend(store_, request, record, false);
    if (!is_stored(stored)) co_return store_refusal(stored.error);
    claim.end();
    const std::string_view topic = find_property(half->properties, property::kRealTopic);
    if (!topic.empty()) traffic_.count_transaction(topic, false);
    // Apache's broker says this.
    co_return end_answer(request, ResponseCode::success, "not set any response code");
  }
  std::optional<RecordView> record = committed(*half);
  if (!record) {
    co_return Refusal(ResponseCode::system_error,
                      "The half message does not say the topic and queue that it is for");
  }
  // It stays open: the topic may come back before the checks end.
  if (!topics_.find(record->topic)) {
    co_return Refusal(ResponseCode::topic_not_exist, no_such_topic(record->topic));
  }
  record->store_host = store_host_;
  if (!copies_.may_store()) co_return too_few_copies();
  const AppendResult stored = co_await AwaitAppend(store_, request, *record, false);
  if (!is_stored(stored)) co_return store_refusal(stored.error);
  transactions_.write_op(claim.offset(), request.connection->executor());
  claim.end();
  traffic_.count(record->topic, 1, record->body.size() + record->properties.size(),
                 MessageType::transaction);
  traffic_.count_transaction(record->topic, true);
  const Confirmation copies = co_await AwaitCopies(copies_, request, stored.end);
  co_return end_answer(request, code_of(copies));
}

// A half message goes to the end of its queue, as if it had never been checked: one that is open,
// or one that has been given up.
Handling TransactionFeature::resume_check(Request request) {
  const auto header = header_of<remoting::ResumeCheckHalfMessageHeader>(request.command);
  const auto id = parse_offset_message_id(header.msg_id);
  if (!id) {
    co_return end_answer(request, ResponseCode::system_error,
                         fmt::format("{} {} is no offset message id", kNotResumed, header.msg_id));
  }
  SendsInFlight::Place place = sends_.enter(0, time_.now());
  if (!place) co_return too_many_sends(sends_);
  const SharedBytes bytes = store_.read_record(id->physical_offset);
  if (!place.grow(bytes.size())) co_return too_many_sends(sends_);
  const auto half = parse_record(bytes.view(), CheckCrc::no);
  if (!half || (half->topic != kHalfTopic && half->topic != kGivenUpTopic)) {
    co_return end_answer(request, ResponseCode::system_error,
                         fmt::format("{} There is no half message {}", kNotResumed, header.msg_id));
  }
  std::optional<OpenHalves::Claim> claim;
  if (half->topic == kHalfTopic) {
    OpenHalves::Attempt attempt = transactions_.claim(half->queue_offset);
    if (!attempt.claim) {
      co_return end_answer(request, ResponseCode::system_error,
                           fmt::format("{} {}", kNotResumed, complaint(attempt.refusal)));
    }
    claim.emplace(std::move(*attempt.claim));
  }
  const std::string properties = with_check_times(half->properties, 0);
  RecordView record = *half;
  record.topic = kHalfTopic;
  record.queue_id = kHalfQueue;
  record.properties = properties;
  record.store_host = store_host_;
  const AppendResult result = co_await AwaitAppend(store_, request, record, false);
  if (!is_stored(result)) {
    co_return end_answer(request, ResponseCode::system_error,
                         fmt::format("{} {}", kNotResumed, result.error.message()));
  }
  if (claim) {
    transactions_.write_op(claim->offset(), request.connection->executor());
    claim->move_to(result.queue_offset);
  }
  co_return end_answer(request, ResponseCode::success);
}

void TransactionFeature::install(remoting::Dispatcher& dispatcher) {
  using remoting::RequestCode;
  on_handling(dispatcher, RequestCode::end_transaction, this, &TransactionFeature::end);
  on_handling(dispatcher, RequestCode::resume_check_half_message, this,
              &TransactionFeature::resume_check, config_.max_sends);
}

}  // namespace comet::inline v0_1::broker
