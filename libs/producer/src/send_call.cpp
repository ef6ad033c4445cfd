#include "send_call.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include "send_outcome.hpp"

namespace comet::inline v0_1 {
namespace {

// A message goes with others that are sent at the same time where that has been asked for.
Task<SendOutcome> begin(const std::shared_ptr<Producer::Impl>& producer, Message message,
                        SendPlanPtr plan) {
  const bool is_plain = plan == plain_send();
  if (is_plain && Accumulator::takes(message, producer->config)) {
    return producer->accumulator.send(producer, std::move(message));
  }
  return try_to_send(producer, std::move(message), std::move(plan));
}

}  // namespace

SendCall::SendCall(std::shared_ptr<Producer::Impl> producer, Task<SendOutcome> task,
                   Handler handler, asio::any_io_executor executor)
    : producer_(std::move(producer)), task_(std::move(task)), handler_(std::move(handler)) {
  constexpr auto with_work = asio::execution::outstanding_work.tracked;
  if (executor) {
    is_callers_ = executor == producer_->completions.callers();
    executor_ = asio::prefer(executor, with_work);
  } else {
    const auto found = asio::get_associated_executor(handler_, producer_->completions.callers());
    executor_.emplace<asio::any_completion_executor>(asio::prefer(found, with_work));
  }
  const auto slot = asio::get_associated_cancellation_slot(handler_);
  if (slot.is_connected()) connect(slot);
}

// With Boost 1.81 what is cancelled must be where that is done. The caller's slot only posts.
void SendCall::connect(asio::cancellation_slot slot) {
  link_ = std::allocate_shared<Link>(small_blocks::Allocator<Link>(), Link{this});
  slot.assign([weak = std::weak_ptr(link_),
               executor = producer_->executor()](asio::cancellation_type /*type*/) {
    asio::post(executor, [weak] {
      const std::shared_ptr<Link> link = weak.lock();
      if (link != nullptr && link->call != nullptr) link->call->cancel();
    });
  });
}

void SendCall::start(std::shared_ptr<Producer::Impl> producer, Message message, SendPlanPtr plan,
                     Handler handler, asio::any_io_executor executor) {
  Task<SendOutcome> task = begin(producer, std::move(message), std::move(plan));
  start(std::make_unique<SendCall>(std::move(producer), std::move(task), std::move(handler),
                                   std::move(executor)));
}

void SendCall::start(std::shared_ptr<Producer::Impl> producer, std::vector<Message> batch,
                     SendPlanPtr plan, Handler handler, asio::any_io_executor executor) {
  Task<SendOutcome> task = try_to_send(producer, std::move(batch), std::move(plan));
  start(std::make_unique<SendCall>(std::move(producer), std::move(task), std::move(handler),
                                   std::move(executor)));
}

void SendCall::start(std::unique_ptr<SendCall> call) {
  Producer::Impl& producer = *call->producer_;
  auto run = [call = std::move(call)]() mutable {
    SendCall& self = *call.release();  // its own from now on
    self.task_->start(self);
  };
  producer.execute(std::move(run));
}

void SendCall::ended() noexcept {
  std::unique_ptr<SendCall> self(this);
  if (link_ != nullptr) link_->call = nullptr;
  try {
    outcome_ = task_->result();
  } catch (...) {
    outcome_ = refused_send(std::current_exception());
  }
  task_.reset();
  Producer::Impl& producer = *producer_;
  producer.completions.add(std::move(self));
}

void SendCall::complete(std::unique_ptr<SendCall> call) {
  Handler handler = std::move(call->handler_);
  SendOutcome outcome = std::move(call->outcome_);
  const error_code error = outcome.error();
  const auto executor = std::move(call->executor_);
  const bool is_here = call->is_callers_;
  call.reset();
  if (is_here) return std::move(handler)(error, std::move(outcome));
  auto tell = [handler = std::move(handler), error, outcome = std::move(outcome)]() mutable {
    std::move(handler)(error, std::move(outcome));
  };
  std::visit([&tell](const auto& to) { asio::dispatch(to, std::move(tell)); }, executor);
}

}  // namespace comet::inline v0_1
