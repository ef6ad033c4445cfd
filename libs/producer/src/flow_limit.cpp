#include "flow_limit.hpp"

#include "comet/base/timer.hpp"

namespace comet::inline v0_1 {

// One that waits, in the frame of its coroutine. Room that it was given and did not use, because
// it was cancelled at that moment, goes back.
class FlowLimit::Waiting {
 public:
  Waiting(FlowLimit& limit_in, std::size_t messages_in, std::size_t bytes_in)
      : messages(messages_in),
        bytes(bytes_in),
        timer(limit_in.executor_, limit_in.time_),
        limit_(limit_in),
        position_(limit_in.waiting_.insert(limit_in.waiting_.end(), this)) {}
  ~Waiting() {
    if (admitted_) {
      if (!used_) limit_.give_back(messages, bytes);
      return;
    }
    limit_.waiting_.erase(position_);
    limit_.admit();  // a smaller one behind it may fit
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  void admit() {
    limit_.waiting_.erase(position_);
    admitted_ = true;
    timer.cancel();
  }
  [[nodiscard]] bool use() noexcept { return used_ = admitted_; }
  [[nodiscard]] bool admitted() const noexcept { return admitted_; }

  const std::size_t messages;
  const std::size_t bytes;
  Timer timer;

 private:
  FlowLimit& limit_;
  std::list<Waiting*>::iterator position_;
  bool admitted_ = false;
  bool used_ = false;
};

bool FlowLimit::has_room(std::size_t messages, std::size_t bytes) const noexcept {
  if (messages_ == 0) return true;
  return messages_ + messages <= max_messages_ && bytes_ + bytes <= max_bytes_;
}

bool FlowLimit::try_take(std::size_t messages, std::size_t bytes) noexcept {
  if (!waiting_.empty() || !has_room(messages, bytes)) return false;
  messages_ += messages;
  bytes_ += bytes;
  return true;
}

asio::awaitable<bool> FlowLimit::take(std::size_t messages, std::size_t bytes, Instant deadline) {
  if (try_take(messages, bytes)) co_return true;
  Waiting waiting(*this, messages, bytes);
  if (!waiting.admitted()) (void)co_await waiting.timer.wait_until(deadline);
  co_return waiting.use();
}

void FlowLimit::give_back(std::size_t messages, std::size_t bytes) {
  messages_ -= messages;
  bytes_ -= bytes;
  admit();
}

void FlowLimit::admit() {
  while (!waiting_.empty() && has_room(waiting_.front()->messages, waiting_.front()->bytes)) {
    Waiting& next = *waiting_.front();
    messages_ += next.messages;
    bytes_ += next.bytes;
    next.admit();
  }
}

}  // namespace comet::inline v0_1
