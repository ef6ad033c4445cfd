#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "comet/message/message.hpp"
#include "comet/producer/producer_config.hpp"
#include "comet/producer/send_result.hpp"
#include "comet/remoting/command.hpp"

namespace comet::inline v0_1 {

// Memory that sends lend each other, so that a send in steady state needs none of its own.
class SendMemory {
 public:
  class Piece {
   public:
    std::string properties;
    remoting::Fields fields;
  };
  [[nodiscard]] Piece take() noexcept {
    if (spare_.empty()) return {};
    Piece piece = std::move(spare_.back());
    spare_.pop_back();
    return piece;
  }
  void give_back(Piece piece) noexcept;

  // Memory for one OutgoingMessage, which would make the frame of a send too large for Asio to
  // recycle.
  [[nodiscard]] void* take_block();
  void give_back_block(void* block) noexcept;

  SendMemory() = default;
  ~SendMemory();
  SendMemory(const SendMemory&) = delete;
  SendMemory& operator=(const SendMemory&) = delete;

 private:
  static constexpr std::size_t kMostSpare = 1024;
  static constexpr std::size_t kLargestSpare = 4096;  // bytes of a piece
  std::vector<Piece> spare_;
  std::vector<void*> blocks_;
};

// Messages that have been gathered into one body already (accumulator.hpp).
class GatheredBatch {
 public:
  std::string topic;  // as the application names it
  bool wait_store_ok = true;
  std::string body;  // as MessageDecoder.encodeMessages writes it
  std::string ids;   // unique ids, separated by commas
  std::size_t count = 0;
  std::vector<Message> messages;  // only where hooks want to see them
};

// What a send needs to know of its producer.
class SendSettings {
 public:
  SendSettings(const ProducerConfig& config_in, SendMemory& memory_in)
      : config(config_in), memory(memory_in) {}
  const ProducerConfig& config;
  SendMemory& memory;
  std::string group;  // on the wire
  bool has_hooks = false;
};

// A message, or a batch of them, on its way: checked, with its unique id, encoded once for all
// tries. Requests refer to it; it outlives them and stays where it is.
class OutgoingMessage {
 public:
  // Throws Error(illegal_message) with RocketMQ's complaint.
  OutgoingMessage(Message message, const SendSettings& settings, std::int64_t wall_millis);
  OutgoingMessage(std::vector<Message> batch, const SendSettings& settings,
                  std::int64_t wall_millis);
  OutgoingMessage(GatheredBatch batch, const SendSettings& settings, std::int64_t wall_millis);
  ~OutgoingMessage() { settings_.memory.give_back(std::move(memory_)); }
  OutgoingMessage(const OutgoingMessage&) = delete;
  OutgoingMessage& operator=(const OutgoingMessage&) = delete;

  [[nodiscard]] const SendSettings& settings() const noexcept { return settings_; }
  // On the wire: with the namespace.
  [[nodiscard]] const std::string& topic() const noexcept { return *topic_; }
  // As the application names it.
  [[nodiscard]] const std::string& shown_topic() const noexcept { return *shown_topic_; }
  [[nodiscard]] const std::string& unique_id() const noexcept { return unique_id_; }
  // For the result; the id may go with it when there will be no further try.
  [[nodiscard]] std::string result_id() {
    return settings_.config.retry_when_not_store_ok() ? unique_id_ : std::move(unique_id_);
  }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] std::size_t size() const noexcept { return body_.size(); }
  // For hooks and selectors. Empty for a gathered batch without hooks.
  [[nodiscard]] std::span<const Message> messages() const noexcept { return messages_; }

  // For one queue: SEND_MESSAGE_V2, SEND_BATCH_MESSAGE for batches.
  [[nodiscard]] remoting::RemotingCommand request(const MessageQueue& queue,
                                                  std::int64_t wall_millis);
  // The answer's memory serves the next request.
  void recycle(remoting::RemotingCommand& answer) noexcept {
    memory_.fields = std::move(answer.fields);
  }

 private:
  void set_topic(const std::string& topic);
  void set_batch(std::string body, bool wait_store_ok);
  void compress_body();

  const SendSettings& settings_;
  SendMemory::Piece memory_;
  const std::string* topic_ = nullptr;
  const std::string* shown_topic_ = nullptr;
  std::string wire_topic_;  // where it is not the message's
  std::string gathered_topic_;
  std::string unique_id_;
  std::shared_ptr<const Message> held_;  // large ones: their body is written from here
  std::vector<Message> batch_;
  Message message_;  // small ones
  std::span<const Message> messages_;
  SharedBytes body_;
  std::size_t count_ = 1;
  std::int32_t sys_flag_ = 0;
  bool is_batch_ = false;
  bool is_reply_ = false;
};

struct GiveBackOutgoing {
  void operator()(OutgoingMessage* outgoing) const noexcept {
    SendMemory& memory = outgoing->settings().memory;
    outgoing->~OutgoingMessage();
    memory.give_back_block(outgoing);
  }
};
using OutgoingPtr = std::unique_ptr<OutgoingMessage, GiveBackOutgoing>;
// Throws as the constructors do.
template <class Content>
[[nodiscard]] OutgoingPtr make_outgoing(Content content, const SendSettings& settings,
                                        std::int64_t wall_millis) {
  void* block = settings.memory.take_block();
  try {
    return OutgoingPtr(new (block) OutgoingMessage(std::move(content), settings, wall_millis));
  } catch (...) {
    settings.memory.give_back_block(block);
    throw;
  }
}

// The complaint about these messages as one batch, in RocketMQ's words; empty: they are one.
[[nodiscard]] std::string check_batch(std::span<const Message> messages);
// The bytes that the message adds to a batch.
[[nodiscard]] std::size_t batch_item_size(const Message& message);
// Throws Error(illegal_message): what no producer may send.
void validate(const Message& message, const ProducerConfig& config);
// The message's unique id: its own, or a new one.
[[nodiscard]] std::string id_of(const Message& message, std::int64_t wall_millis);
// Appends the properties with what the producer adds: UNIQ_KEY, WAIT, INSTANCE_ID.
void append_properties(const Message& message, const ProducerConfig& config,
                       std::string_view unique_id, std::string& out);

// The answers that mean "stored".
[[nodiscard]] bool is_stored(remoting::ResponseCode code) noexcept;
// Of such an answer; bad_answer when it lacks the ids and offsets that the protocol promises.
[[nodiscard]] error_code parse_send_answer(const remoting::RemotingCommand& answer,
                                           const MessageQueue& queue, OutgoingMessage& outgoing,
                                           SendResult& result);

}  // namespace comet::inline v0_1
