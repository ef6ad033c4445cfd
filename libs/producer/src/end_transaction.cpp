#include "end_transaction.hpp"

#include <boost/asio/error.hpp>

#include "comet/base/log.hpp"
#include "comet/remoting/transaction_headers.hpp"

namespace comet::inline v0_1 {
namespace {

constexpr Duration kPatience = std::chrono::seconds(3);

std::int32_t decision_of(TransactionState state) noexcept {
  switch (state) {
    case TransactionState::commit:
      return remoting::transaction_decision::kCommit;
    case TransactionState::rollback:
      return remoting::transaction_decision::kRollback;
    case TransactionState::unknown:
      break;
  }
  return remoting::transaction_decision::kUnknown;
}

remoting::RemotingCommand make_request(const Producer::Impl& producer, const TransactionEnd& end) {
  remoting::EndTransactionHeader header;
  header.producer_group = producer.settings.group;
  header.tran_state_table_offset = end.queue_offset;
  header.commit_log_offset = end.commit_log_offset;
  header.commit_or_rollback = decision_of(end.state);
  header.from_transaction_check = end.from_check;
  header.msg_id = end.message_id;
  if (!end.transaction_id.empty()) header.transaction_id = end.transaction_id;
  auto request = remoting::RemotingCommand::request(remoting::RequestCode::end_transaction, header);
  if (!end.broker_name.empty()) request.fields.add("bname", end.broker_name);
  request.remark = end.remark;
  return request;
}

}  // namespace

std::string_view to_string(TransactionState state) noexcept {
  switch (state) {
    case TransactionState::commit:
      return "COMMIT_MESSAGE";
    case TransactionState::rollback:
      return "ROLLBACK_MESSAGE";
    case TransactionState::unknown:
      break;
  }
  return "UNKNOW";
}

asio::awaitable<error_code> end_transaction(std::shared_ptr<Producer::Impl> producer,
                                            TransactionEnd end) {
  EndTransactionContext context(producer->config.group(), *end.message, end.state,
                                producer->time.wall_millis());
  context.from_check = end.from_check;
  context.message_id = end.message_id;
  context.transaction_id = end.transaction_id;
  if (end.broker) {
    context.broker = *end.broker;
    remoting::RemotingCommand request = make_request(*producer, end);
    try {
      co_await producer->client->invoke_oneway(*end.broker, std::move(request),
                                               producer->time.now() + kPatience);
    } catch (const boost::system::system_error& error) {
      if (error.code() == asio::error::operation_aborted) throw;
      context.error = error.code();
    }
  } else {
    context.error = ClientErrc::broker_not_exist;
  }
  if (context.error) {
    log::warn("the {} of a transaction was not told to broker {}: {}; it will ask",
              to_string(end.state), end.broker_name, context.error.message());
  }
  call_end_transaction(*producer, context);
  co_return context.error;
}

}  // namespace comet::inline v0_1
