#pragma once

#include <boost/asio/awaitable.hpp>
#include <deque>
#include <memory>
#include <set>
#include <string>

#include "comet/base/async.hpp"
#include "comet/producer/producer.hpp"
#include "comet/producer/send_hook.hpp"

namespace comet::inline v0_1 {

// The message trace of RocketMQ: for each stored message a record of where it went, sent in
// batches to a topic of its own (Apache: AsyncTraceDispatcher, SendMessageTraceHookImpl).
// Losing records costs nothing but the records: beyond a bound they are dropped.
class Trace final : public SendHook, public std::enable_shared_from_this<Trace> {
 public:
  // Shares the client of the producer whose sends it records.
  Trace(std::shared_ptr<client::ClientInstance> client, const ProducerConfig& config);

  [[nodiscard]] asio::awaitable<void> start();
  // Sends what has been recorded, within a limit of time.
  [[nodiscard]] asio::awaitable<void> stop();

  void after_send(const SendContext& context) override;
  void after_end_transaction(const EndTransactionContext& context) override;

 private:
  class Record {
   public:
    std::string text;
    std::set<std::string> keys;  // by which the record is to be found
  };

  // False, and the record is lost: too many wait already.
  [[nodiscard]] bool has_room();
  void add(Record record);
  [[nodiscard]] asio::awaitable<void> send_records();
  [[nodiscard]] Message next_message();

  std::string topic_;
  Producer producer_;
  Event changed_;
  TaskGroup tasks_;
  std::deque<Record> records_;
  std::size_t dropped_ = 0;
  bool stopping_ = false;
};

}  // namespace comet::inline v0_1
