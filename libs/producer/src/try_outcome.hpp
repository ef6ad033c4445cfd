#pragma once

#include <string>
#include <utility>

#include "comet/base/error.hpp"
#include "comet/base/time.hpp"
#include "comet/producer/producer_config.hpp"
#include "comet/producer/send_result.hpp"
#include "comet/remoting/command.hpp"
#include "send_outcome.hpp"

namespace comet::inline v0_1 {

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

}  // namespace comet::inline v0_1
