#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/address.hpp"
#include "comet/base/time.hpp"
#include "comet/producer/producer_config.hpp"
#include "comet/producer/send_outcome.hpp"
#include "comet/producer/send_result.hpp"
#include "comet/remoting/command.hpp"
#include "send_outcome.hpp"

namespace comet::inline v0_1 {

class OutgoingMessage;

// How one try ended: with a result, or with what went wrong.
class TryOutcome {
 public:
  explicit TryOutcome(Instant begin) noexcept : begin_(begin) {}

  void stored(StoredSend stored) noexcept { stored_ = std::move(stored); }
  // An answer other than "stored".
  void refused(const remoting::RemotingCommand& answer, const ProducerConfig& config);
  // No answer, or none that counts. `repeatable`: another try makes sense.
  void failed(error_code error, std::string text, bool repeatable);
  void ended(Instant now) noexcept { end_ = now; }
  // The broker may have got the request.
  void sent(bool on_its_way) noexcept { may_be_stored_ = on_its_way; }

  [[nodiscard]] bool is_stored() const noexcept { return stored_ != nullptr; }
  // Precondition of both: is_stored(). The second takes it away.
  [[nodiscard]] const SendResult& result() const noexcept { return stored_->result; }
  [[nodiscard]] StoredSend take_stored() noexcept { return std::move(stored_); }
  [[nodiscard]] const error_code& error() const noexcept { return error_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  // The broker has answered, if only to refuse.
  [[nodiscard]] bool answered() const noexcept { return answered_; }
  [[nodiscard]] bool repeatable() const noexcept { return repeatable_; }
  // After a failure: nobody knows that it is not.
  [[nodiscard]] bool may_be_stored() const noexcept { return may_be_stored_; }
  [[nodiscard]] Instant begin() const noexcept { return begin_; }
  [[nodiscard]] Instant end() const noexcept { return end_; }
  [[nodiscard]] Duration elapsed() const noexcept { return end_ - begin_; }

 private:
  Instant begin_;
  Instant end_{};
  StoredSend stored_;
  error_code error_;
  std::string text_;
  bool answered_ = false;
  bool repeatable_ = false;
  bool may_be_stored_ = false;
};

// The tries of one send: how many there may still be, and what became of the earlier ones.
class SendAttempts {
 public:
  SendAttempts(const ProducerConfig& config, int max_tries, Instant begin, Instant deadline)
      : config_(config), max_tries_(max_tries), begin_(begin), deadline_(deadline) {}

  // Whether there is to be a (further) try.
  [[nodiscard]] bool next(Instant now) const noexcept;
  // Whether the send ends with this outcome. If not, it is remembered.
  [[nodiscard]] bool is_final(const TryOutcome& outcome) const noexcept;
  void failed(const MessageQueue& queue, const std::optional<Address>& broker, TryOutcome& outcome);
  // Of the broker that was tried last; empty before the first try.
  [[nodiscard]] std::string_view last_broker() const noexcept;
  // Before another try on this broker; zero for a broker that has not been tried yet.
  [[nodiscard]] Duration pause_before(const MessageQueue& queue, Instant now) const noexcept;

  // Ends the tries for a reason that is none of a broker's: no route, no room, cancelled, thrown by
  // the application.
  void given_up(std::exception_ptr reason) noexcept { reason_ = std::move(reason); }

  [[nodiscard]] SendOutcome stored(StoredSend stored);
  // When the tries have come to nothing better: the last result with a weaker guarantee, or else an
  // error with all tries.
  [[nodiscard]] SendOutcome outcome(const OutgoingMessage& outgoing, Instant now);

 private:
  [[nodiscard]] std::string describe_tries() const;
  [[nodiscard]] error_code overall_error() const;

  const ProducerConfig& config_;
  int max_tries_;
  Instant begin_;
  Instant deadline_;
  bool repeatable_ = true;
  std::vector<SendTry> tries_;
  StoredSend weaker_;          // seldom there
  std::exception_ptr reason_;  // of giving up
};

}  // namespace comet::inline v0_1
