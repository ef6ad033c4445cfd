#pragma once

#include <cstddef>
#include <list>

#include "comet/base/awaitable.hpp"
#include "comet/base/time.hpp"

namespace comet::inline v0_1 {

// How many messages and bytes may be on their way at a time. Whoever comes later waits, in order.
// A message above the limit of bytes passes when nothing else is on its way.
class FlowLimit {
 public:
  FlowLimit(asio::any_io_executor executor, TimeSource& time, std::size_t max_messages,
            std::size_t max_bytes)
      : executor_(std::move(executor)),
        time_(time),
        max_messages_(max_messages),
        max_bytes_(max_bytes) {}

  // At once; false, with nothing taken, when there is no room or others wait.
  [[nodiscard]] bool try_take(std::size_t messages, std::size_t bytes) noexcept;
  // False, with nothing taken, at the deadline.
  [[nodiscard]] asio::awaitable<bool> take(std::size_t messages, std::size_t bytes,
                                           Instant deadline);
  void give_back(std::size_t messages, std::size_t bytes);

  [[nodiscard]] std::size_t messages() const noexcept { return messages_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  class Waiting;

  [[nodiscard]] bool has_room(std::size_t messages, std::size_t bytes) const noexcept;
  void admit();

  asio::any_io_executor executor_;
  TimeSource& time_;
  std::size_t max_messages_;
  std::size_t max_bytes_;
  std::size_t messages_ = 0;
  std::size_t bytes_ = 0;
  std::list<Waiting*> waiting_;
};

// What one send has taken; gives it back at its end.
class FlowShare {
 public:
  FlowShare(FlowLimit& limit, std::size_t messages, std::size_t bytes) noexcept
      : limit_(limit), messages_(messages), bytes_(bytes) {}
  ~FlowShare() {
    if (taken_) limit_.give_back(messages_, bytes_);
  }
  FlowShare(const FlowShare&) = delete;
  FlowShare& operator=(const FlowShare&) = delete;

  [[nodiscard]] bool try_take() noexcept { return taken_ = limit_.try_take(messages_, bytes_); }
  [[nodiscard]] asio::awaitable<bool> take(Instant deadline) {
    taken_ = co_await limit_.take(messages_, bytes_, deadline);
    co_return taken_;
  }

 private:
  FlowLimit& limit_;
  std::size_t messages_;
  std::size_t bytes_;
  bool taken_ = false;
};

}  // namespace comet::inline v0_1
