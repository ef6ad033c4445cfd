#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "comet/message/message.hpp"
#include "comet/producer/producer_config.hpp"
#include "comet/producer/send_result.hpp"
#include "comet/remoting/command.hpp"

namespace comet {

// A message on its way: checked, with its unique id, encoded once for all tries.
class OutgoingMessage {
 public:
  // Throws Error(illegal_message) with RocketMQ's complaint.
  OutgoingMessage(Message message, const ProducerConfig& config, std::int64_t wall_millis);

  [[nodiscard]] const std::string& topic() const noexcept { return message_->topic(); }
  [[nodiscard]] std::string_view unique_id() const noexcept { return message_->unique_id(); }

  // SEND_MESSAGE_V2 for one queue. The body is shared by the requests of all tries.
  [[nodiscard]] remoting::RemotingCommand request(const MessageQueue& queue,
                                                  const ProducerConfig& config,
                                                  std::int64_t wall_millis) const;

 private:
  std::shared_ptr<const Message> message_;
  std::string properties_;
  SharedBytes body_;
  std::int32_t sys_flag_ = 0;
};

// The answers that mean "stored".
[[nodiscard]] bool is_stored(remoting::ResponseCode code) noexcept;
// Of such an answer; bad_answer when it lacks the ids and offsets that the protocol promises.
[[nodiscard]] Result<SendResult> parse_send_answer(const remoting::RemotingCommand& answer,
                                                   const MessageQueue& queue,
                                                   std::string_view unique_id);

}  // namespace comet
