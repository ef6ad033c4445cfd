// Requests that brokers send to clients. The consumers' ones are taken without an answer, as
// RocketMQ's clients do; what is not known gets REQUEST_CODE_NOT_SUPPORTED.

#include "comet/client/broker_requests.hpp"

#include "client_impl.hpp"
#include "comet/base/log.hpp"
#include "comet/client/namespaces.hpp"
#include "comet/message/record.hpp"
#include "comet/message/reply_properties.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/remoting/transaction_headers.hpp"

namespace comet::inline v0_1::client {

using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::RequestCode;
using remoting::ResponseCode;

namespace {

// A record as the broker has it, without the parts that nobody tells us.
RecordView record_of(const remoting::PushReplyHeader& header, std::string_view body) {
  RecordView record;
  record.topic = header.topic;
  record.queue_id = header.queue_id;
  record.flag = header.flag;
  record.sys_flag = header.sys_flag;
  record.born_timestamp = header.born_timestamp;
  record.store_timestamp = header.store_timestamp;
  if (auto host = IpEndpoint::parse(header.born_host)) record.born_host = *host;
  if (auto host = IpEndpoint::parse(header.store_host)) record.store_host = *host;
  record.reconsume_times = header.reconsume_times.value_or(0);
  record.body = body;
  record.properties = header.properties.value_or("");
  return record;
}

}  // namespace

std::shared_ptr<const remoting::Dispatcher> ClientInstance::Impl::make_handlers() {
  auto handlers = std::make_shared<remoting::Dispatcher>();
  auto no_answer = [](Request&) -> Reply { return std::nullopt; };
  handlers->on(RequestCode::notify_consumer_ids_changed, no_answer);
  handlers->on(RequestCode::reset_consumer_client_offset, no_answer);
  auto route_changed = [this](Request& request) -> Reply {
    on_route_notification(request);
    return std::nullopt;
  };
  handlers->on(RequestCode::notify_route_changed, route_changed);
  auto check = [this](Request& request) -> Reply {
    on_transaction_check(request);
    return std::nullopt;
  };
  handlers->on(RequestCode::check_transaction_state, check);
  auto reply = [this](Request& request) { return on_reply(request); };
  handlers->on(RequestCode::push_reply_message_to_client, reply);
  return handlers;
}

void ClientInstance::Impl::on_transaction_check(const Request& request) {
  const RemotingCommand& command = request.command;
  const auto header = remoting::read_header<remoting::CheckTransactionStateHeader>(command.fields);
  const auto record = parse_record(command.body.view(), CheckCrc::no);
  if (!header || !record) {
    log::warn("a check of a transaction by broker {} cannot be read",
              request.connection->remote().to_string());
    return;
  }
  MessageExt message = to_message(*record, true);
  const std::string group(message.properties().get(property::kProducerGroup));
  const auto handler = check_handlers.find(group);
  if (handler == check_handlers.end()) {
    log::warn("broker {} asks about a transaction of producer group '{}', which is not here",
              request.connection->remote().to_string(), group);
    return;
  }
  TransactionCheck check;
  check.message = std::move(message);
  check.message.topic(unwrap_namespace(config.name_space, check.message.topic()));
  check.queue_offset = header->tran_state_table_offset;
  check.commit_log_offset = header->commit_log_offset;
  check.message_id = std::string(check.message.unique_id());
  if (check.message_id.empty()) check.message_id = std::string(header->msg_id.value_or(""));
  check.transaction_id = std::string(header->transaction_id.value_or(""));
  const IpEndpoint& remote = request.connection->remote();
  check.from =
      remoting.address_of(*request.connection).value_or(Address(remote.ip_text(), remote.port()));
  handler->second(std::move(check));
}

Reply ClientInstance::Impl::on_reply(const Request& request) {
  const RemotingCommand& command = request.command;
  std::string missing;
  const auto header = remoting::read_header<remoting::PushReplyHeader>(
      command.fields, remoting::FieldNames::full, &missing);
  if (!header) {
    log::warn("a reply by way of broker {} cannot be read: no {}",
              request.connection->remote().to_string(), missing);
    return RemotingCommand::response(command, ResponseCode::system_error,
                                     "process reply message fail");
  }
  const RecordView record = record_of(*header, command.body.view());
  MessageExt message = to_message(record, true);
  if (message.is_body_raw) {
    log::warn("a reply by way of broker {} cannot be read: its body does not decompress",
              request.connection->remote().to_string());
    return RemotingCommand::response(command, ResponseCode::system_error,
                                     "process reply message fail");
  }
  message.topic(unwrap_namespace(config.name_space, message.topic()));
  message.properties().set(property::kReplyArriveTime, std::to_string(time.wall_millis()));
  const auto waiting =
      reply_handlers.find(std::string(message.properties().get(property::kCorrelationId)));
  if (waiting == reply_handlers.end()) {
    log::debug("a reply that nobody waits for any more");
  } else {
    const ReplyHandler handler = std::move(waiting->second);
    reply_handlers.erase(waiting);
    handler(std::move(message));
  }
  return RemotingCommand::response(command, ResponseCode::success);
}

void ClientInstance::on_transaction_check(const std::string& group,
                                          TransactionCheckHandler handler) {
  if (handler) {
    impl_->check_handlers.insert_or_assign(group, std::move(handler));
  } else {
    impl_->check_handlers.erase(group);
  }
}

void ClientInstance::expect_reply(const std::string& correlation_id, ReplyHandler handler) {
  impl_->reply_handlers.insert_or_assign(correlation_id, std::move(handler));
}

void ClientInstance::forget_reply(const std::string& correlation_id) {
  impl_->reply_handlers.erase(correlation_id);
}

}  // namespace comet::inline v0_1::client
