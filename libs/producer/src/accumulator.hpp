#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "comet/base/task.hpp"
#include "comet/base/time.hpp"
#include "comet/base/waiter.hpp"
#include "comet/producer/producer.hpp"

namespace comet::inline v0_1 {

// Gathers messages of one topic that are sent at about the same time into one request (5.x:
// ProduceAccumulator). Each send waits for its batch and gets its own result of it.
class Accumulator {
 public:
  explicit Accumulator(asio::any_io_executor executor);
  ~Accumulator();

  // Whether the message may travel with others: not delayed, not for a retry topic, and so small
  // that others find room and compression has nothing to do.
  [[nodiscard]] static bool takes(const Message& message, const ProducerConfig& config);
  [[nodiscard]] Task<SendOutcome> send(std::shared_ptr<Producer::Impl> producer, Message message);
  // What has been gathered goes at once.
  void flush();
  // Forgets it: the execution context goes away.
  void drop() noexcept { open_.clear(); }

 private:
  class Batch;
  class Entry;

  [[nodiscard]] std::shared_ptr<Batch> add(const std::shared_ptr<Producer::Impl>& producer,
                                           Message message, Entry& entry);
  // No more messages; it goes to the broker now.
  void close(Batch& batch);
  [[nodiscard]] asio::awaitable<void> deliver(std::shared_ptr<Producer::Impl> producer,
                                              std::shared_ptr<Batch> batch);

  Turns turns_;
  std::vector<std::shared_ptr<Batch>> open_;  // few: one for each topic and store guarantee
  std::string properties_;                    // of the message being added
};

}  // namespace comet::inline v0_1
