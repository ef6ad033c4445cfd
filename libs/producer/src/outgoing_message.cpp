#include "outgoing_message.hpp"

#include <utility>

#include "comet/client/errors.hpp"
#include "comet/message/compression.hpp"
#include "comet/message/message_id.hpp"
#include "comet/message/sys_flag.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/header.hpp"
#include "comet/remoting/message_headers.hpp"

namespace comet {

using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::ResponseCode;

namespace {

void validate(const Message& message, const ProducerConfig& config) {
  std::string complaint = check_message(message, config.max_message_size());
  if (complaint.empty() && is_forbidden_for_sending(message.topic())) {
    complaint = "Sending message to topic[" + message.topic() + "] is forbidden.";
  }
  if (complaint.empty()) return;
  throw Error(ClientErrc::illegal_message, "send to topic '" + message.topic() + "': " + complaint);
}

}  // namespace

OutgoingMessage::OutgoingMessage(Message message, const ProducerConfig& config,
                                 std::int64_t wall_millis) {
  validate(message, config);
  MessageProperties& properties = message.properties();
  if (!properties.contains(property::kUniqueKey)) {
    properties.set(property::kUniqueKey, make_unique_id(wall_millis));
  }
  if (!properties.contains(property::kWait)) properties.set(property::kWait, "true");
  properties_ = properties.encode();

  auto held = std::make_shared<const Message>(std::move(message));
  body_ = SharedBytes(held, held->body());
  message_ = std::move(held);
  if (body_.size() < config.compress_over()) return;
  std::string compressed = zlib_compress(body_.view(), config.compress_level());
  if (compressed.size() >= body_.size()) return;
  body_ = SharedBytes::own(std::move(compressed));
  sys_flag_ = sys_flag::kCompressed | sys_flag::kCompressionZlib;
}

RemotingCommand OutgoingMessage::request(const MessageQueue& queue, const ProducerConfig& config,
                                         std::int64_t wall_millis) const {
  remoting::SendMessageHeader header;
  header.producer_group = config.group();
  header.topic = topic();
  header.default_topic = config.client().create_topic_key;
  header.default_topic_queue_nums = config.client().default_topic_queue_nums;
  header.queue_id = queue.queue_id;
  header.sys_flag = sys_flag_;
  header.born_timestamp = wall_millis;
  header.flag = message_->flag();
  header.properties = properties_;
  header.reconsume_times = 0;
  header.unit_mode = !config.client().unit_name.empty();
  header.batch = false;
  header.broker_name = queue.broker_name;
  RemotingCommand command = RemotingCommand::request(RequestCode::send_message_v2, Body(body_));
  remoting::write_header(header, command.fields, remoting::FieldNames::short_form);
  return command;
}

bool is_stored(ResponseCode code) noexcept {
  return code == ResponseCode::success || code == ResponseCode::flush_disk_timeout ||
         code == ResponseCode::flush_slave_timeout || code == ResponseCode::slave_not_available;
}

Result<SendResult> parse_send_answer(const RemotingCommand& answer, const MessageQueue& queue,
                                     std::string_view unique_id) {
  auto header = remoting::read_header<remoting::SendMessageResponseHeader>(answer.fields);
  if (!header) return make_error_code(ClientErrc::bad_answer);
  SendResult result;
  switch (answer.response_code()) {
    case ResponseCode::flush_disk_timeout:
      result.status = SendStatus::flush_disk_timeout;
      break;
    case ResponseCode::flush_slave_timeout:
      result.status = SendStatus::flush_slave_timeout;
      break;
    case ResponseCode::slave_not_available:
      result.status = SendStatus::slave_not_available;
      break;
    default:
      break;
  }
  result.message_id = unique_id;
  result.offset_message_id = header->msg_id;
  result.queue = MessageQueue(queue.topic, queue.broker_name, header->queue_id);
  result.queue_offset = header->queue_offset;
  if (header->transaction_id) result.transaction_id = *header->transaction_id;
  if (header->region_id && !header->region_id->empty()) result.region_id = *header->region_id;
  result.trace_on = header->trace_on != std::string_view("false");
  return result;
}

}  // namespace comet
