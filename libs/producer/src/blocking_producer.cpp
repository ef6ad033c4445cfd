#include "comet/producer/blocking_producer.hpp"

#include <utility>

#include "blocking_impl.hpp"
#include "comet/base/log.hpp"
#include "send_outcome.hpp"

namespace comet::inline v0_1 {

BlockingProducer::BlockingProducer(ProducerConfig config)
    : impl_(std::make_shared<Impl>(std::move(config))) {
  start();
}

BlockingProducer::BlockingProducer(ProducerConfig config, BlockingTransactionCheck check)
    : impl_(std::make_shared<Impl>(std::move(config), std::move(check))) {
  start();
}

void BlockingProducer::start() {
  impl_->thread = std::thread([impl = impl_.get()] { impl->context.run(); });
  try {
    impl_->run<void>([this] { return impl_->start(); });
  } catch (...) {
    shutdown();
    throw;
  }
}

BlockingProducer::~BlockingProducer() {
  if (impl_->must_not_wait()) {  // the last owner was a hook, a check or a local transaction
    std::thread([impl = std::move(impl_)] { end(*impl); }).detach();
  } else {
    end(*impl_);
  }
}

void BlockingProducer::end(Impl& impl) noexcept {
  try {
    impl.shutdown();
  } catch (const std::exception& error) {
    log::warn("a blocking producer did not end in order: {}", error.what());
  }
}

SendResult BlockingProducer::send(Message message) {
  return impl_->run_send<SendResult>([&] { return impl_->producer().send(std::move(message)); });
}

SendResult BlockingProducer::send(Message message, SendOptions options) {
  return impl_->run_send<SendResult>(
      [&] { return impl_->producer().send(std::move(message), std::move(options)); });
}

SendResult BlockingProducer::send_batch(std::vector<Message> batch) {
  return impl_->run_send<SendResult>(
      [&] { return impl_->producer().send_batch(std::move(batch)); });
}

SendResult BlockingProducer::send_batch(std::vector<Message> batch, SendOptions options) {
  return impl_->run_send<SendResult>(
      [&] { return impl_->producer().send_batch(std::move(batch), std::move(options)); });
}

SendOutcome BlockingProducer::try_send(Message message) {
  return try_send(std::move(message), SendOptions());
}

SendOutcome BlockingProducer::try_send(Message message, SendOptions options) {
  auto promise = std::make_shared<std::promise<SendOutcome>>();
  std::future<SendOutcome> future = promise->get_future();
  auto on_end = [promise](error_code, SendOutcome outcome) {
    promise->set_value(std::move(outcome));
  };
  try {
    impl_->post([&, on_end] {
      impl_->producer().async_send(std::move(message), std::move(options), on_end);
    });
  } catch (...) {
    return refused_send(std::current_exception());
  }
  return future.get();
}

std::vector<SendResult> BlockingProducer::send_in_batches(std::vector<Message> messages,
                                                          std::size_t max_bytes) {
  return impl_->run_send<std::vector<SendResult>>(
      [&] { return impl_->producer().send_in_batches(std::move(messages), max_bytes); });
}

MessageExt BlockingProducer::request(Message message, Duration timeout) {
  return impl_->run_send<MessageExt>(
      [&] { return impl_->producer().request(std::move(message), timeout); });
}

MessageExt BlockingProducer::request(Message message, Duration timeout, SendOptions options) {
  return impl_->run_send<MessageExt>(
      [&] { return impl_->producer().request(std::move(message), timeout, std::move(options)); });
}

std::string BlockingProducer::send_oneway(Message message) {
  return impl_->run_send<std::string>(
      [&] { return impl_->producer().send_oneway(std::move(message)); });
}

std::string BlockingProducer::send_oneway(Message message, SendOptions options) {
  return impl_->run_send<std::string>(
      [&] { return impl_->producer().send_oneway(std::move(message), std::move(options)); });
}

ProducerStats BlockingProducer::stats() const noexcept { return impl_->producer().stats(); }

std::string BlockingProducer::recall(std::string topic, std::string handle) {
  return impl_->run<std::string>(
      [&] { return impl_->producer().recall(std::move(topic), std::move(handle)); });
}

std::vector<MessageQueue> BlockingProducer::publish_queues(std::string topic) {
  return impl_->run<std::vector<MessageQueue>>(
      [&] { return impl_->producer().publish_queues(std::move(topic)); });
}

void BlockingProducer::shutdown() {
  if (impl_->must_not_wait()) {
    throw Error(ClientErrc::illegal_call,
                "shutdown of a BlockingProducer in a thread it waits for");
  }
  impl_->shutdown();
}

bool BlockingProducer::Impl::must_not_wait() const noexcept {
  return context.get_executor().running_in_this_thread() || in_local_transaction == this ||
         (checks && checks->get_executor().running_in_this_thread());
}

void BlockingProducer::Impl::shutdown() {
  const std::lock_guard only_one(shutting_down);
  if (!thread.joinable()) return;
  std::exception_ptr problem;
  try {
    run<void>([this] { return stop(); });
  } catch (...) {
    problem = std::current_exception();
    context.stop();
  }
  {
    const std::lock_guard lock(mutex);
    ended = true;
  }
  work.reset();
  thread.join();
  if (checks) checks->join();
  if (problem) std::rethrow_exception(problem);
}

}  // namespace comet::inline v0_1
