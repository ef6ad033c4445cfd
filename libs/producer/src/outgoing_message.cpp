#include "outgoing_message.hpp"

#include <algorithm>
#include <utility>

#include "comet/base/parse_number.hpp"
#include "comet/client/errors.hpp"
#include "comet/client/namespaces.hpp"
#include "comet/message/batch.hpp"
#include "comet/message/compression.hpp"
#include "comet/message/message_id.hpp"
#include "comet/message/reply_properties.hpp"
#include "comet/message/sys_flag.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/header.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/remoting/outbox_limits.hpp"

namespace comet::inline v0_1 {

using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::ResponseCode;

namespace {

[[noreturn]] void refuse(std::string_view topic, const std::string& complaint) {
  throw Error(ClientErrc::illegal_message,
              "send to topic '" + std::string(topic) + "': " + complaint);
}

void append_property(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(1, '\x01').append(value).append(1, '\x02');
}

bool waits_for_store(const Message& message) {
  return message.properties().get(property::kWait) != "false";
}

}  // namespace

void SendMemory::give_back(Piece piece) noexcept {
  if (spare_.size() >= kMostSpare || piece.fields.text_size() > kLargestSpare ||
      piece.properties.capacity() > kLargestSpare) {
    return;
  }
  piece.properties.clear();
  piece.fields.clear();
  spare_.push_back(std::move(piece));
}

void* SendMemory::take_block() {
  if (blocks_.empty()) return ::operator new(sizeof(OutgoingMessage));
  void* block = blocks_.back();
  blocks_.pop_back();
  return block;
}

void SendMemory::give_back_block(void* block) noexcept {
  if (blocks_.size() < kMostSpare) {
    blocks_.push_back(block);
  } else {
    ::operator delete(block);
  }
}

SendMemory::~SendMemory() {
  for (void* block : blocks_) ::operator delete(block);
}

void validate(const Message& message, const ProducerConfig& config) {
  const std::string complaint = check_message(message, config.max_message_size());
  if (!complaint.empty()) refuse(message.topic(), complaint);
}

std::string check_batch(std::span<const Message> messages) {
  if (messages.empty()) return "a batch needs at least one message";
  const Message& first = messages.front();
  for (const Message& message : messages) {
    if (message.delay_level() > 0) return "TimeDelayLevel is not supported for batching";
    if (message.is_delayed()) return "Timer messages are not supported for batching";
    if (message.topic().starts_with(kRetryTopicPrefix)) {
      return "Retry Group is not supported for batching";
    }
    if (message.topic() != first.topic()) {
      return "The topic of the messages in one batch should be the same";
    }
    if (waits_for_store(message) != waits_for_store(first)) {
      return "The waitStoreMsgOK of the messages in one batch should the same";
    }
  }
  return {};
}

std::size_t batch_item_size(const Message& message) {
  // What the producer adds to the properties: an id of 32 characters and WAIT.
  std::size_t size = kBatchItemOverhead + message.body().size() + 64;
  for (const auto& [name, value] : message.properties()) size += name.size() + value.size() + 2;
  return size;
}

std::string id_of(const Message& message, std::int64_t wall_millis) {
  const std::string_view own = message.unique_id();
  return own.empty() ? make_unique_id(wall_millis) : std::string(own);
}

void append_properties(const Message& message, const ProducerConfig& config,
                       std::string_view unique_id, std::string& out) {
  const MessageProperties& properties = message.properties();
  properties.encode_to(out);
  if (message.unique_id().empty()) append_property(property::kUniqueKey, unique_id, out);
  if (!properties.contains(property::kWait)) append_property(property::kWait, "true", out);
  const std::string& name_space = config.client().name_space;
  if (!name_space.empty() && !properties.contains(property::kInstanceId)) {
    append_property(property::kInstanceId, name_space, out);
  }
}

OutgoingMessage::OutgoingMessage(Message message, const SendSettings& settings,
                                 std::int64_t wall_millis)
    : settings_(settings), memory_(settings.memory.take()) {
  validate(message, settings.config);
  unique_id_ = id_of(message, wall_millis);
  append_properties(message, settings.config, unique_id_, memory_.properties);
  if (settings.has_hooks) message.properties().set(property::kUniqueKey, unique_id_);
  if (message.body().size() < remoting::kBodiesCopiedBelow) {
    message_ = std::move(message);
    messages_ = std::span(&message_, 1);
    body_ = SharedBytes(nullptr, message_.body());
  } else {
    held_ = std::make_shared<const Message>(std::move(message));
    messages_ = std::span(held_.get(), 1);
    body_ = SharedBytes(held_, held_->body());
  }
  set_topic(messages_.front().topic());
  compress_body();
  // Apache: DefaultMQProducerImpl.sendKernelImpl.
  const MessageProperties& properties = messages_.front().properties();
  if (properties.get(property::kTransactionPrepared) == "true") {
    sys_flag_ |= sys_flag::kTransactionPrepared;
  }
  is_reply_ = properties.get(property::kMessageType) == property::kReply;
}

void OutgoingMessage::set_topic(const std::string& topic) {
  shown_topic_ = &topic;
  topic_ = &topic;
  const std::string& name_space = settings_.config.client().name_space;
  if (name_space.empty()) return;
  wire_topic_ = client::wrap_namespace(name_space, topic);
  topic_ = &wire_topic_;
}

OutgoingMessage::OutgoingMessage(std::vector<Message> batch, const SendSettings& settings,
                                 std::int64_t wall_millis)
    : settings_(settings), memory_(settings.memory.take()), batch_(std::move(batch)) {
  const std::string complaint = check_batch(batch_);
  if (!complaint.empty()) refuse(batch_.empty() ? std::string() : batch_[0].topic(), complaint);
  set_topic(batch_[0].topic());
  count_ = batch_.size();
  messages_ = batch_;
  std::string body;
  for (Message& message : batch_) {
    validate(message, settings.config);
    std::string& properties = memory_.properties;
    properties.clear();
    const std::string id = id_of(message, wall_millis);
    append_properties(message, settings.config, id, properties);
    if (settings.has_hooks) message.properties().set(property::kUniqueKey, id);
    encode_batch_item(message.flag(), message.body(), properties, body);
    unique_id_.append(unique_id_.empty() ? "" : ",").append(id);
  }
  set_batch(std::move(body), waits_for_store(batch_[0]));
}

OutgoingMessage::OutgoingMessage(GatheredBatch batch, const SendSettings& settings,
                                 std::int64_t /*wall_millis*/)
    : settings_(settings),
      memory_(settings.memory.take()),
      gathered_topic_(std::move(batch.topic)),
      unique_id_(std::move(batch.ids)),
      batch_(std::move(batch.messages)),
      messages_(batch_),
      count_(batch.count) {
  set_topic(gathered_topic_);
  set_batch(std::move(batch.body), batch.wait_store_ok);
}

void OutgoingMessage::set_batch(std::string body, bool wait_store_ok) {
  is_batch_ = true;
  if (body.size() > settings_.config.max_message_size()) {
    refuse(topic(), "the message body size over max value, MAX: " +
                        std::to_string(settings_.config.max_message_size()));
  }
  body_ = SharedBytes::own(std::move(body));
  memory_.properties.clear();
  append_property(property::kWait, wait_store_ok ? "true" : "false", memory_.properties);
}

void OutgoingMessage::compress_body() {
  const ProducerConfig& config = settings_.config;
  if (body_.size() < config.compress_over()) return;
  std::string compressed =
      comet::compress_body(body_.view(), config.compression(), config.compress_level());
  if (compressed.size() >= body_.size()) return;
  body_ = SharedBytes::own(std::move(compressed));
  sys_flag_ = compression_flags(config.compression());
}

RemotingCommand OutgoingMessage::request(const MessageQueue& queue, std::int64_t wall_millis) {
  const ProducerConfig& config = settings_.config;
  remoting::SendMessageHeader header;
  header.producer_group = settings_.group;
  header.topic = topic();
  header.default_topic = config.client().create_topic_key;
  header.default_topic_queue_nums = config.client().default_topic_queue_nums;
  header.queue_id = queue.queue_id;
  header.sys_flag = sys_flag_;
  header.born_timestamp = wall_millis;
  header.flag = is_batch_ ? 0 : messages_.front().flag();
  header.properties = memory_.properties;
  header.reconsume_times = 0;
  header.unit_mode = config.client().unit_mode;
  header.batch = is_batch_;
  header.broker_name = queue.broker_name;
  if (!is_batch_ && topic().starts_with(kRetryTopicPrefix)) {  // given back by a consumer
    const MessageProperties& properties = messages_.front().properties();
    header.reconsume_times =
        parse_number<std::int32_t>(properties.get(property::kReconsumeTime)).value_or(0);
    header.max_reconsume_times =
        parse_number<std::int32_t>(properties.get(property::kMaxReconsumeTimes));
  }
  const RequestCode code = is_batch_   ? RequestCode::send_batch_message
                           : is_reply_ ? RequestCode::send_reply_message_v2
                                       : RequestCode::send_message_v2;
  RemotingCommand command = RemotingCommand::request(code, Body(body_));
  command.fields = std::move(memory_.fields);
  command.fields.clear();
  remoting::write_header(header, command.fields, remoting::FieldNames::short_form);
  return command;
}

bool is_stored(ResponseCode code) noexcept {
  return code == ResponseCode::success || code == ResponseCode::flush_disk_timeout ||
         code == ResponseCode::flush_slave_timeout || code == ResponseCode::slave_not_available;
}

error_code parse_send_answer(const RemotingCommand& answer, const MessageQueue& queue,
                             OutgoingMessage& outgoing, SendResult& result) {
  auto header = remoting::read_header<remoting::SendMessageResponseHeader>(answer.fields);
  if (!header) return make_error_code(ClientErrc::bad_answer);
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
  result.message_id = outgoing.result_id();
  result.offset_message_id = header->msg_id;
  result.queue.topic = outgoing.shown_topic();
  result.queue.broker_name = queue.broker_name;
  result.queue.queue_id = header->queue_id;
  result.queue_offset = header->queue_offset;
  if (header->transaction_id) result.transaction_id = *header->transaction_id;
  if (header->recall_handle) result.recall_handle = *header->recall_handle;
  if (header->region_id && !header->region_id->empty()) result.region_id = *header->region_id;
  result.trace_on = header->trace_on != std::string_view("false");
  return {};
}

}  // namespace comet::inline v0_1
