#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "comet/client/client_instance.hpp"
#include "comet/message/message.hpp"

namespace comet::inline v0_1::client {

// The queues of a topic that may be read, by broker name and queue id. Throws as find_route does.
[[nodiscard]] asio::awaitable<std::vector<MessageQueue>> readable_queues(
    std::shared_ptr<ClientInstance> client, std::string topic);

// Reads one queue from an offset on, without being a member of a consumer group: nothing is
// committed, nobody else is disturbed. For tools, tests and replays.
// Belongs to the client's executor; one operation at a time.
class QueueReader {
 public:
  // `group` is what the broker is told; it need not exist where groups are created automatically.
  QueueReader(std::shared_ptr<ClientInstance> client, MessageQueue queue,
              std::string group = "comet-reader");

  // The offset of the oldest message, and the one that the next message will get.
  [[nodiscard]] asio::awaitable<std::int64_t> min_offset();
  [[nodiscard]] asio::awaitable<std::int64_t> max_offset();

  // Where the next read begins; 0 at first. An offset that has no message any more (or not yet) is
  // moved by the next read to where the broker says the messages are.
  void seek(std::int64_t offset) noexcept { offset_ = offset; }
  [[nodiscard]] std::int64_t offset() const noexcept { return offset_; }

  // Up to `max_messages` (the broker may give fewer), bodies decompressed; empty at the end of the
  // queue, where the broker is asked to wait up to `wait` for a message to come. Every record's
  // checksum is verified.
  // Throws Error: as ClientInstance::invoke does, broker_not_exist, the broker's response code, or
  // bad_answer when a record is damaged. offset() is then unchanged, and the read may be repeated.
  [[nodiscard]] asio::awaitable<std::vector<MessageExt>> read(int max_messages = 32,
                                                              Duration wait = Duration::zero());

  [[nodiscard]] const MessageQueue& queue() const noexcept { return queue_; }

 private:
  [[nodiscard]] asio::awaitable<Address> find_address();
  [[nodiscard]] asio::awaitable<std::int64_t> query_offset(remoting::RequestCode code);
  [[nodiscard]] std::string name() const;

  std::shared_ptr<ClientInstance> client_;
  MessageQueue queue_;
  std::string group_;
  std::int64_t offset_ = 0;
};

}  // namespace comet::inline v0_1::client
