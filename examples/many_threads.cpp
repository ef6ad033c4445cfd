// Four threads run one context and share one producer: coroutines, callbacks, a deadline, a
// cancelled send.   example-many_threads [name server]

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <iostream>
#include <memory>
#include <thread>
#include <vector>

#include "comet/producer/producer.hpp"
#include "example_main.hpp"

namespace asio = boost::asio;

std::atomic<int> stored = 0;

// Any number of these run at the same time, each on any of the threads.
asio::awaitable<void> send_some(comet::Producer& producer, int sender) {
  for (int i = 0; i < 25; ++i) {
    comet::Message message("threads", "sender " + std::to_string(sender));
    auto options = comet::SendOptions().timeout(std::chrono::seconds(2));  // for all of the send
    co_await producer.send(std::move(message), std::move(options));
    ++stored;
  }
}

// A send that may be given up. The slot, the handler and the signal share a strand: Asio's slots
// are not thread-safe, whatever the operation is.
class CancellableSend : public std::enable_shared_from_this<CancellableSend> {
 public:
  explicit CancellableSend(asio::any_io_executor executor) : strand_(asio::make_strand(executor)) {}

  void start(comet::Producer& producer) {
    auto on_end = [](comet::error_code error, const comet::SendOutcome& outcome) {
      std::cout << "the send to be given up: " << (error ? error.message() : "stored") << ", id "
                << outcome.message_id() << '\n';
    };
    asio::post(strand_, [this, self = shared_from_this(), &producer, on_end] {
      comet::Message message("threads", "perhaps");
      auto on_strand = asio::bind_executor(strand_, on_end);
      producer.async_send(std::move(message),
                          asio::bind_cancellation_slot(signal_.slot(), on_strand));
    });
  }
  void cancel() {  // from any thread
    asio::post(strand_, [self = shared_from_this()] {
      self->signal_.emit(asio::cancellation_type::terminal);
    });
  }

 private:
  asio::strand<asio::any_io_executor> strand_;
  asio::cancellation_signal signal_;
};

asio::awaitable<void> send_all(asio::any_io_executor executor, std::string name_server) {
  comet::ProducerConfig config("threads-example");
  config.name_servers(name_server);
  comet::Producer producer(executor, config);
  co_await producer.start();

  auto perhaps = std::make_shared<CancellableSend>(executor);
  perhaps->start(producer);
  std::atomic<int> running = 8;
  std::exception_ptr problem;
  auto on_end = [&](std::exception_ptr error) {
    if (error) problem = error;
    --running;
  };
  auto all = asio::make_strand(executor);  // where on_end is called, one after the other
  for (int i = 0; i < 8; ++i) {
    asio::co_spawn(executor, send_some(producer, i), asio::bind_executor(all, on_end));
  }
  perhaps->cancel();
  while (running > 0) {
    comet::Message message("threads", "while we wait");
    co_await producer.send(std::move(message));
  }
  co_await producer.shutdown();  // waits for the send to be given up as well
  if (problem) std::rethrow_exception(problem);
  std::cout << stored << " messages stored\n";
}

int main(int argc, char** argv) {
  asio::io_context context;
  int exit_code = 0;
  auto on_end = [&](std::exception_ptr problem) {
    try {
      if (problem) std::rethrow_exception(problem);
    } catch (const std::exception& error) {
      std::cerr << error.what() << '\n';
      exit_code = 1;
    }
  };
  asio::co_spawn(context, send_all(context.get_executor(), example::name_server(argc, argv)),
                 on_end);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&context] { context.run(); });
  for (std::thread& thread : threads) thread.join();
  return exit_code;
}
