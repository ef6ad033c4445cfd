// How transactions end (Apache: EndTransactionProcessor), and half messages that an administrator
// wants to be checked again (AdminBrokerProcessor). No coroutines where producers wait: a commit is
// put into the store's queue at once, and its op message follows when it is stored.

#include "transaction/transaction_feature.hpp"

#include <fmt/format.h>

#include "comet/base/log.hpp"
#include "comet/message/message_id.hpp"
#include "comet/message/properties.hpp"
#include "comet/remoting/transaction_headers.hpp"
#include "records/append_outcome.hpp"
#include "request/answers.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::EndTransactionHeader;
using remoting::PendingReply;
using remoting::RemotingCommand;
using remoting::Reply;
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
RemotingCommand TransactionFeature::store_refusal(const remoting::RequestIdentity& request,
                                                  const error_code& error) const {
  if (error == StoreErrc::message_too_large) {
    return request.response(
        ResponseCode::message_illegal,
        fmt::format("The message is illegal, maybe msg body or properties length not matched. msg "
                    "body length limit {}B, msg properties length limit 32KB.",
                    config_.store.max_message_size));
  }
  const std::string reason = store_.read_only_reason();
  return request.response(
      ResponseCode::service_not_available,
      "Service not available now. " + (reason.empty() ? error.message() : reason));
}

// What follows when the committed message is stored.
class TransactionFeature::Committed {
 public:
  Committed(TransactionFeature& feature, const Request& request, const RecordView& record,
            OpenHalves::Claim claim, SendsInFlight::Place place)
      : feature_(feature),
        place_(std::move(place)),
        claim_(std::move(claim)),
        pending_(request),
        executor_(request.connection->executor()),
        topic_(record.topic),
        bytes_(record.body.size() + record.properties.size()) {}

  void operator()(const AppendResult& result) {
    if (!is_stored(result)) {
      pending_.answer(feature_.store_refusal(pending_.request(), result.error));
      return;
    }
    feature_.transactions_.write_op(claim_.offset(), executor_);
    claim_.end();
    feature_.traffic_.count(topic_, 1, bytes_, MessageType::transaction);
    feature_.traffic_.count_transaction(topic_, true);
    pending_.answer(pending_.request().response(ResponseCode::success, {}));
  }

 private:
  TransactionFeature& feature_;
  SendsInFlight::Place place_;
  OpenHalves::Claim claim_;
  PendingReply pending_;
  asio::any_io_executor executor_;
  std::string topic_;
  std::size_t bytes_;
};

// What follows when the op message of a rolled back one is stored.
class TransactionFeature::RolledBack {
 public:
  RolledBack(TransactionFeature& feature, const Request& request, OpenHalves::Claim claim,
             SendsInFlight::Place place, std::string topic)
      : feature_(feature),
        place_(std::move(place)),
        claim_(std::move(claim)),
        pending_(request),
        topic_(std::move(topic)) {}

  void operator()(const AppendResult& result) {
    if (!is_stored(result)) {
      pending_.answer(feature_.store_refusal(pending_.request(), result.error));
      return;
    }
    claim_.end();
    if (!topic_.empty()) feature_.traffic_.count_transaction(topic_, false);
    // Apache's broker says this.
    pending_.answer(
        pending_.request().response(ResponseCode::success, "not set any response code"));
  }

 private:
  TransactionFeature& feature_;
  SendsInFlight::Place place_;
  OpenHalves::Claim claim_;
  PendingReply pending_;
  std::string topic_;
};

Reply TransactionFeature::commit(const Request& request, const RecordView& half,
                                 OpenHalves::Claim claim, SendsInFlight::Place place) {
  std::optional<RecordView> record = committed(half);
  if (!record) {
    return end_answer(request, ResponseCode::system_error,
                      "The half message does not say the topic and queue that it is for");
  }
  if (!topics_.find(record->topic)) {
    // It stays open: the topic may come back before the checks end.
    return end_answer(request, ResponseCode::topic_not_exist, no_such_topic(record->topic));
  }
  record->store_host = store_host_;
  Committed done(*this, request, *record, std::move(claim), std::move(place));
  store_.append(std::span(&*record, 1), false, request.connection->executor(), std::move(done));
  return std::nullopt;
}

Reply TransactionFeature::roll_back(const Request& request, const RecordView& half,
                                    OpenHalves::Claim claim, SendsInFlight::Place place) {
  const OpMessage op(claim.offset());
  const RecordView record = op.record(store_host_, time_.wall_millis());
  RolledBack done(*this, request, std::move(claim), std::move(place),
                  std::string(find_property(half.properties, property::kRealTopic)));
  store_.append(std::span(&record, 1), false, request.connection->executor(), std::move(done));
  return std::nullopt;
}

Reply TransactionFeature::end_transaction(const Request& request) {
  std::string missing;
  auto header = remoting::read_header<EndTransactionHeader>(request.command.fields,
                                                            remoting::FieldNames::full, &missing);
  if (!header) return bad_header(request.command, missing);
  if (config_.broker_id != 0) {
    return end_answer(request, ResponseCode::slave_not_available,
                      "a slave does not end transactions");
  }
  const bool is_commit = header->commit_or_rollback == remoting::transaction_decision::kCommit;
  if (!is_commit && header->commit_or_rollback != remoting::transaction_decision::kRollback) {
    log::debug("producer {} does not know yet how a transaction ends: {}",
               request.connection->remote().to_string(), request.command.remark);
    return std::nullopt;
  }
  const SharedBytes bytes = store_.read_record(header->commit_log_offset);
  const auto half = parse_record(bytes.view(), CheckCrc::no);
  if (!half || half->topic != kHalfTopic) {
    return end_answer(request, ResponseCode::system_error,
                      "Find prepared transaction message failed");
  }
  if (std::string problem = complaint(*half, *header); !problem.empty())
    return end_answer(request, ResponseCode::system_error, std::move(problem));
  SendsInFlight::Place place =
      sends_.enter(half->body.size() + half->properties.size(), time_.now());
  if (!place) {
    return end_answer(request, ResponseCode::system_busy,
                      "[REJECTREQUEST]system busy, start flow control for a while");
  }
  OpenHalves::Attempt attempt = transactions_.claim(half->queue_offset);
  if (!attempt.claim)
    return end_answer(request, ResponseCode::system_error, complaint(attempt.refusal));
  if (!is_commit) {
    return roll_back(request, *half, std::move(*attempt.claim), std::move(place));
  }
  return commit(request, *half, std::move(*attempt.claim), std::move(place));
}

// A half message goes to the end of its queue, as if it had never been checked: one that is open,
// or one that has been given up.
asio::awaitable<Reply> TransactionFeature::resume_check(Request request) {
  std::string missing;
  auto header = remoting::read_header<remoting::ResumeCheckHalfMessageHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) co_return bad_header(request.command, missing);
  const auto id = parse_offset_message_id(header->msg_id);
  if (!id) {
    co_return end_answer(request, ResponseCode::system_error,
                         fmt::format("{} {} is no offset message id", kNotResumed, header->msg_id));
  }
  const SharedBytes bytes = store_.read_record(id->physical_offset);
  const auto half = parse_record(bytes.view(), CheckCrc::no);
  if (!half || (half->topic != kHalfTopic && half->topic != kGivenUpTopic)) {
    co_return end_answer(
        request, ResponseCode::system_error,
        fmt::format("{} There is no half message {}", kNotResumed, header->msg_id));
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
  const AppendResult result = co_await store_.append(record, false);
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
  dispatcher.on(RequestCode::end_transaction,
                [this](Request& request) { return end_transaction(request); });
  const auto resume = [this](Request request) { return resume_check(std::move(request)); };
  dispatcher.on_async(RequestCode::resume_check_half_message, resume, config_.max_sends);
}

}  // namespace comet::inline v0_1::broker
