#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/address.hpp"
#include "comet/base/time.hpp"
#include "comet/producer/producer_config.hpp"
#include "comet/producer/send_error.hpp"
#include "comet/producer/send_result.hpp"
#include "comet/remoting/command.hpp"

namespace comet {

// How one try ended: with a result, or with what went wrong.
class SendOutcome {
 public:
  explicit SendOutcome(Instant begin) noexcept : begin_(begin) {}

  void stored(SendResult result) { result_.emplace(std::move(result)); }
  // An answer other than "stored".
  void refused(const remoting::RemotingCommand& answer, const ProducerConfig& config);
  // No answer, or none that counts. `repeatable`: another try makes sense.
  void failed(error_code error, std::string text, bool repeatable);
  void ended(Instant now) noexcept { end_ = now; }

  [[nodiscard]] bool is_stored() const noexcept { return result_.has_value(); }
  [[nodiscard]] SendResult& result() noexcept { return *result_; }
  [[nodiscard]] const SendResult& result() const noexcept { return *result_; }
  [[nodiscard]] const error_code& error() const noexcept { return error_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  // The broker has answered, if only to refuse.
  [[nodiscard]] bool answered() const noexcept { return answered_; }
  [[nodiscard]] bool repeatable() const noexcept { return repeatable_; }
  [[nodiscard]] Instant begin() const noexcept { return begin_; }
  [[nodiscard]] Instant end() const noexcept { return end_; }
  [[nodiscard]] Duration elapsed() const noexcept { return end_ - begin_; }

 private:
  Instant begin_;
  Instant end_{};
  std::optional<SendResult> result_;
  error_code error_;
  std::string text_;
  bool answered_ = false;
  bool repeatable_ = false;
};

// The tries of one send: how many there may still be, and what became of the earlier ones.
class SendAttempts {
 public:
  SendAttempts(const ProducerConfig& config, int max_tries, Instant begin, Instant deadline)
      : config_(config), max_tries_(max_tries), begin_(begin), deadline_(deadline) {}

  // Whether there is to be a (further) try.
  [[nodiscard]] bool next(Instant now) const noexcept;
  // Whether the send ends with this outcome. If not, it is remembered.
  [[nodiscard]] bool is_final(const SendOutcome& outcome) const noexcept;
  void failed(const MessageQueue& queue, const std::optional<Address>& broker,
              SendOutcome& outcome);
  // Of the broker that was tried last; empty before the first try.
  [[nodiscard]] std::string_view last_broker() const noexcept;
  // Before another try on this broker; zero for a broker that has not been tried yet.
  [[nodiscard]] Duration pause_before(const MessageQueue& queue, Instant now) const noexcept;

  // What the caller gets when the tries have come to nothing better: the last result with a weaker
  // guarantee, or else an error with all tries.
  [[nodiscard]] SendResult result_or_throw(const std::string& topic, Instant now);

 private:
  [[nodiscard]] SendError error(const std::string& topic, Instant now) const;

  const ProducerConfig& config_;
  int max_tries_;
  Instant begin_;
  Instant deadline_;
  bool repeatable_ = true;
  std::vector<SendTry> tries_;
  std::unique_ptr<SendResult> weaker_;  // seldom there
};

}  // namespace comet
