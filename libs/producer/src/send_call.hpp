#pragma once

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_completion_handler.hpp>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "comet/base/task.hpp"
#include "comet/base/turns.hpp"
#include "producer_impl.hpp"

namespace comet::inline v0_1 {

// One send from the call to the call of its handler: it comes from the caller's thread to the
// producer's executor, runs there (send.cpp), and goes to the handler's executor.
class SendCall final : public TaskRoot, public Turns::Item {
 public:
  using Handler = asio::any_completion_handler<void(error_code, SendOutcome)>;

  // `executor`: the handler's, where it is known; empty: the handler is asked for it, which takes
  // memory (Boost 1.81).
  static void start(std::shared_ptr<Producer::Impl> producer, Message message, SendPlanPtr plan,
                    Handler handler, asio::any_io_executor executor = {});
  static void start(std::shared_ptr<Producer::Impl> producer, std::vector<Message> batch,
                    SendPlanPtr plan, Handler handler, asio::any_io_executor executor = {});

  SendCall(std::shared_ptr<Producer::Impl> producer, Task<SendOutcome> task, Handler handler,
           asio::any_io_executor executor);
  static void* operator new(std::size_t size) { return small_blocks::take(size); }
  static void operator delete(void* block, std::size_t size) noexcept {
    small_blocks::give_back(block, size);
  }

  // On the handler's executor, or on the callers'.
  static void complete(std::unique_ptr<SendCall> call);
  void abandon() noexcept override { delete this; }

 private:
  // What a request to cancel finds when it has come to the producer's executor.
  struct Link {
    SendCall* call;  // null: it has ended
  };

  static void start(std::unique_ptr<SendCall> call);
  void connect(asio::cancellation_slot slot);
  void ended() noexcept override;
  void take_turn() override { complete(std::unique_ptr<SendCall>(this)); }
  void drop() noexcept override { delete this; }

  std::shared_ptr<Producer::Impl> producer_;
  std::optional<Task<SendOutcome>> task_;
  SendOutcome outcome_;
  std::shared_ptr<Link> link_;  // only if it can be cancelled
  // Constructed in place and moved out only: assignment of these handlers is broken in Boost 1.81.
  Handler handler_;
  // The handler's; it has work until the handler is called.
  std::variant<asio::any_io_executor, asio::any_completion_executor> executor_;
  bool is_callers_ = false;  // it is the one that the producer was made with
};

}  // namespace comet::inline v0_1
