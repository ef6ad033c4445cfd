#include "comet/producer/blocking_producer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "comet/base/log.hpp"
#include "comet/client/errors.hpp"
#include "comet/producer/producer.hpp"

namespace comet {
namespace {

using Work = asio::executor_work_guard<asio::io_context::executor_type>;

}  // namespace

struct BlockingProducer::Impl {
  explicit Impl(ProducerConfig config) : producer(context.get_executor(), std::move(config)) {}

  // Runs what `begin` makes (in the thread of the context) and waits for its end.
  template <class T, class Begin>
  T run(Begin begin) {
    // Shared: the caller may be gone before set_value() has returned.
    auto promise = std::make_shared<std::promise<T>>();
    std::future<T> future = promise->get_future();
    auto start = [promise, &begin, this] {
      auto on_end = [promise](std::exception_ptr problem, auto... value) {
        if (problem) {
          promise->set_exception(problem);
        } else {
          promise->set_value(std::move(value)...);
        }
      };
      asio::co_spawn(context, begin(), on_end);
    };
    {
      const std::lock_guard lock(mutex);
      if (ended) throw Error(ClientErrc::not_running, "the producer has been shut down");
      asio::post(context, start);
    }
    return future.get();
  }

  asio::io_context context{1};
  Work work{context.get_executor()};
  Producer producer;
  std::mutex shutting_down;
  std::mutex mutex;
  bool ended = false;  // nothing more is posted
  std::thread thread;
};

BlockingProducer::BlockingProducer(ProducerConfig config)
    : impl_(std::make_unique<Impl>(std::move(config))) {
  impl_->thread = std::thread([this] { impl_->context.run(); });
  try {
    impl_->run<void>([this] { return impl_->producer.start(); });
  } catch (...) {
    shutdown();
    throw;
  }
}

BlockingProducer::~BlockingProducer() {
  try {
    shutdown();
  } catch (const std::exception& error) {
    log::warn("a blocking producer did not end in order: {}", error.what());
  }
}

SendResult BlockingProducer::send(Message message) {
  return impl_->run<SendResult>([&] { return impl_->producer.send(std::move(message)); });
}

SendResult BlockingProducer::send(Message message, SendOptions options) {
  return impl_->run<SendResult>(
      [&] { return impl_->producer.send(std::move(message), std::move(options)); });
}

SendResult BlockingProducer::send_batch(std::vector<Message> batch) {
  return impl_->run<SendResult>([&] { return impl_->producer.send_batch(std::move(batch)); });
}

SendResult BlockingProducer::send_batch(std::vector<Message> batch, SendOptions options) {
  return impl_->run<SendResult>(
      [&] { return impl_->producer.send_batch(std::move(batch), std::move(options)); });
}

void BlockingProducer::send_oneway(Message message) {
  impl_->run<std::string>([&] { return impl_->producer.send_oneway(std::move(message)); });
}

std::string BlockingProducer::recall(std::string topic, std::string handle) {
  return impl_->run<std::string>(
      [&] { return impl_->producer.recall(std::move(topic), std::move(handle)); });
}

std::vector<MessageQueue> BlockingProducer::publish_queues(std::string topic) {
  return impl_->run<std::vector<MessageQueue>>(
      [&] { return impl_->producer.publish_queues(std::move(topic)); });
}

void BlockingProducer::shutdown() {
  const std::lock_guard only_one(impl_->shutting_down);
  if (!impl_->thread.joinable()) return;
  std::exception_ptr problem;
  try {
    impl_->run<void>([this] { return impl_->producer.shutdown(); });
  } catch (...) {
    problem = std::current_exception();
    impl_->context.stop();
  }
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->ended = true;
  }
  impl_->work.reset();
  impl_->thread.join();
  if (problem) std::rethrow_exception(problem);
}

}  // namespace comet
