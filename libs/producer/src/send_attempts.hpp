#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "comet/base/address.hpp"
#include "comet/base/time.hpp"
#include "comet/producer/producer_config.hpp"
#include "comet/producer/send_outcome.hpp"
#include "send_outcome.hpp"
#include "send_plan.hpp"
#include "try_outcome.hpp"

namespace comet::inline v0_1 {

class OutgoingMessage;

// The tries of one send: its clock, its budget of tries and time, and what became of earlier tries.
class SendAttempts {
 public:
  SendAttempts(const ProducerConfig& config, TimeSource& time, const SendPlan& plan)
      : config_(config),
        time_(time),
        begin_(time.now()),
        now_(begin_),
        deadline_(plan.deadline(config, begin_)),
        max_tries_(plan.max_tries(config)) {}

  // As the clock was last read: it is dear.
  [[nodiscard]] Instant now() const noexcept { return now_; }
  // To be called after each wait.
  Instant read_clock() noexcept { return now_ = time_.now(); }
  [[nodiscard]] Duration elapsed() const noexcept { return now_ - begin_; }
  // Of the whole send, and of a try that begins now.
  [[nodiscard]] Instant deadline() const noexcept { return deadline_; }
  [[nodiscard]] Instant try_deadline() const noexcept;

  // Whether there is to be a (further) try.
  [[nodiscard]] bool next() const noexcept;
  // Of the broker that was tried last; empty before the first try.
  [[nodiscard]] std::string_view last_broker() const noexcept;
  // Before another try on this broker; zero for a broker that has not been tried yet.
  [[nodiscard]] Duration pause_before(const MessageQueue& queue) const noexcept;
  // Takes over how a try has ended; `broker`: its address, if it had one.
  void ended(const MessageQueue& queue, const std::optional<Address>& broker, TryOutcome& outcome);
  // Ends the tries for a reason that is none of a broker's: no route, no room, cancelled, thrown by
  // the application.
  void given_up(std::exception_ptr reason) noexcept { reason_ = std::move(reason); }

  // Of the whole send: the last result, even if it is one with a weaker guarantee than asked for,
  // or else an error with all tries.
  [[nodiscard]] SendOutcome outcome(const OutgoingMessage& outgoing);

 private:
  [[nodiscard]] bool is_enough(const SendResult& result) const noexcept;
  [[nodiscard]] std::string describe_tries() const;
  [[nodiscard]] error_code overall_error() const;

  const ProducerConfig& config_;
  TimeSource& time_;
  const Instant begin_;
  Instant now_;
  const Instant deadline_;
  const int max_tries_;
  bool repeatable_ = true;
  std::vector<SendTry> tries_;  // all but the one that ended the send
  StoredSend stored_;
  std::exception_ptr reason_;  // of giving up
};

}  // namespace comet::inline v0_1
