// The same send with a callback, as a future, and without exceptions:
//   example-callbacks [name server]

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <thread>

#include "comet/producer/producer.hpp"
#include "example_main.hpp"

namespace asio = boost::asio;

// What became of a send, in words.
std::string describe(const comet::SendOutcome& outcome) {
  return outcome.ok() ? outcome.result().to_string() : outcome.text();
}

asio::awaitable<void> send_without_throwing(comet::Producer& producer) {
  comet::Message message("styles", "");  // illegal: a body has at least one byte
  auto [error, outcome] =
      co_await producer.async_send(std::move(message), asio::as_tuple(asio::use_awaitable));
  std::cout << "as a tuple: " << describe(outcome) << '\n';
}

int main(int argc, char** argv) {
  asio::io_context context(1);
  comet::ProducerConfig config("styles-example");
  config.name_servers(example::name_server(argc, argv));
  comet::Producer producer(context.get_executor(), config);
  auto work = asio::make_work_guard(context);
  std::thread thread([&context] { context.run(); });
  int exit_code = 0;
  try {
    asio::co_spawn(context, producer.start(), asio::use_future).get();

    std::promise<bool> called;
    auto callback = [&called](comet::error_code error, const comet::SendOutcome& outcome) {
      (error ? std::cerr : std::cout) << "callback: " << describe(outcome) << '\n';
      called.set_value(!error);
    };
    comet::Message first("styles", "with a callback");
    producer.async_send(std::move(first), callback);
    if (!called.get_future().get()) exit_code = 1;

    comet::Message second("styles", "as a future");
    std::future<comet::SendOutcome> future =
        producer.async_send(std::move(second), asio::use_future);
    std::cout << "future: " << describe(future.get()) << '\n';

    asio::co_spawn(context, send_without_throwing(producer), asio::use_future).get();
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    exit_code = 1;
  }
  asio::co_spawn(context, producer.shutdown(), asio::use_future).get();
  work.reset();
  thread.join();
  return exit_code;
}
