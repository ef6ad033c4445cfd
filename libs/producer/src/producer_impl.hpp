#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "accumulator.hpp"
#include "comet/base/async.hpp"
#include "comet/base/context_watch.hpp"
#include "comet/base/strand.hpp"
#include "comet/base/task_asio.hpp"
#include "comet/client/client_instance.hpp"
#include "comet/client/namespaces.hpp"
#include "comet/producer/fault_table.hpp"
#include "comet/producer/producer.hpp"
#include "comet/producer/transaction.hpp"
#include "completions.hpp"
#include "flow_limit.hpp"
#include "outgoing_message.hpp"
#include "send_counters.hpp"
#include "send_plan.hpp"
#include "trace.hpp"

namespace comet::inline v0_1 {

struct Producer::Impl {
  enum class State { created, running, stopping, stopped };

  // `caller_executor`: where completions go that name none.
  Impl(std::shared_ptr<client::ClientInstance> client_in, ProducerConfig config_in,
       asio::any_io_executor caller_executor);

  // All of it belongs to this executor: a strand, or one thread.
  [[nodiscard]] const asio::any_io_executor& executor() const noexcept { return executor_; }
  // Calls it there, from anywhere: at once where that is allowed, else soon.
  template <class Function>
  void execute(Function function) {
    if (strand_) return strand_->execute(std::move(function));
    if (is_here()) return function();
    asio::post(executor_, std::move(function));
  }
  // What a task awaits of Asio.
  template <class T>
  [[nodiscard]] FromAsio<T> from_asio(asio::awaitable<T> coroutine) {
    return FromAsio<T>(executor_, std::move(coroutine));
  }

  std::shared_ptr<client::ClientInstance> client;
  ProducerConfig config;
  TimeSource& time;
  FaultTable faults;
  FlowLimit flow;
  SendMemory memory;
  SendSettings settings;
  std::vector<std::shared_ptr<SendHook>> hooks;  // the configuration's, and the message trace's
  Accumulator accumulator;
  std::shared_ptr<Trace> trace;  // null: off
  TaskGroup tasks;               // what goes on in the background

  std::atomic<State> state = State::created;  // changed on the executor only
  SendCounters counters;
  std::size_t sending = 0;     // sends in progress
  bool shutting_down = false;  // a shutdown() is in progress
  Event progress;              // one of the three has changed in a way that shutdown() waits for
  Completions completions;
  ContextWatch context;

 private:
  [[nodiscard]] bool is_here() const noexcept;

  const asio::any_io_executor executor_;
  std::optional<Strand> strand_;  // the same, where it is one
};

// Counts a send for as long as it is in progress; only a running producer takes any.
class SendInProgress {
 public:
  // Throws Error(not_running).
  SendInProgress(Producer::Impl& producer, const SendPlan& plan);
  ~SendInProgress() {
    if (--producer_.sending == 0) producer_.progress.notify_all();
  }
  SendInProgress(const SendInProgress&) = delete;
  SendInProgress& operator=(const SendInProgress&) = delete;

 private:
  Producer::Impl& producer_;
};

// The send algorithm (send.cpp), on the producer's executor. The coroutine keeps the producer
// alive. Throws Error for what is refused before the message has its id: not_running,
// illegal_message.
[[nodiscard]] Task<SendOutcome> try_to_send(std::shared_ptr<Producer::Impl> producer,
                                            Message message, SendPlanPtr plan);
[[nodiscard]] Task<SendOutcome> try_to_send(std::shared_ptr<Producer::Impl> producer,
                                            std::vector<Message> batch, SendPlanPtr plan);
[[nodiscard]] Task<SendOutcome> try_to_send(std::shared_ptr<Producer::Impl> producer,
                                            GatheredBatch batch, SendPlanPtr plan);
// The same with the outcome's result, or its error thrown.
[[nodiscard]] asio::awaitable<SendResult> send_message(std::shared_ptr<Producer::Impl> producer,
                                                       Message message, SendPlanPtr plan);

// A request and its reply (request.cpp). The coroutine keeps the producer alive.
[[nodiscard]] asio::awaitable<MessageExt> request(std::shared_ptr<Producer::Impl> producer,
                                                  Message message, Duration timeout,
                                                  SendOptions options);

// Stores a half message (transaction.cpp), on any executor.
[[nodiscard]] asio::awaitable<Transaction> begin_transaction(
    std::shared_ptr<Producer::Impl> producer, Message message);

class SendAttempts;
// Throws Error(illegal_message) when the plan chooses none. `route` is null only if the plan needs
// none. The queue lives as long as route and plan do.
[[nodiscard]] const MessageQueue& choose_queue(Producer::Impl& producer, client::TopicRoute* route,
                                               const SendPlan& plan,
                                               const OutgoingMessage& outgoing,
                                               const SendAttempts& attempts);

// Throws Error(too_many_requests) at the deadline.
[[nodiscard]] asio::awaitable<void> wait_for_room(Producer::Impl& producer, FlowShare& share,
                                                  Instant deadline);

// Tells the brokers of these topics of the producer, in the background.
void announce(Producer::Impl& producer, const std::vector<std::string>& topics);

// Asks brokers that failed whether they are back, until cancelled (fault_detector.cpp).
[[nodiscard]] asio::awaitable<void> detect_faults(std::shared_ptr<Producer::Impl> producer);

// One call of each hook (send_hooks.cpp). The first may throw; what the others throw is logged.
void check_forbidden(const Producer::Impl& producer, const SendContext& context);
void call_before(const Producer::Impl& producer, const SendContext& context) noexcept;
void call_after(const Producer::Impl& producer, const SendContext& context) noexcept;
void call_end_transaction(const Producer::Impl& producer,
                          const EndTransactionContext& context) noexcept;

}  // namespace comet::inline v0_1
