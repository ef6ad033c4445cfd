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

// What went wrong, in words.
std::string reason_of(std::exception_ptr problem) {
  try {
    std::rethrow_exception(problem);
  } catch (const comet::Error& error) {
    return error.what();
  }
}

asio::awaitable<void> send_without_throwing(comet::Producer& producer) {
  auto executor = co_await asio::this_coro::executor;
  comet::Message message("styles", "");  // illegal: a body has at least one byte
  auto [problem, result] = co_await asio::co_spawn(executor, producer.send(std::move(message)),
                                                   asio::as_tuple(asio::use_awaitable));
  std::cout << "as a tuple: " << (problem ? reason_of(problem) : result.to_string()) << '\n';
}

int main(int argc, char** argv) {
  asio::io_context context(1);
  comet::ProducerConfig config("styles-example");
  config.name_servers(example::name_server(argc, argv));
  comet::Producer producer(context.get_executor(), config);
  auto work = asio::make_work_guard(context);
  std::thread thread([&context] { context.run(); });  // what belongs to the producer runs here
  int exit_code = 0;
  try {
    asio::co_spawn(context, producer.start(), asio::use_future).get();

    std::promise<void> called;
    auto callback = [&](std::exception_ptr problem, comet::SendResult result) {
      std::cout << "callback: " << (problem ? reason_of(problem) : result.to_string()) << '\n';
      called.set_value();
    };
    comet::Message first("styles", "with a callback");
    asio::co_spawn(context, producer.send(std::move(first)), callback);
    called.get_future().wait();

    comet::Message second("styles", "as a future");
    std::future<comet::SendResult> future =
        asio::co_spawn(context, producer.send(std::move(second)), asio::use_future);
    const comet::SendResult result = future.get();
    std::cout << "future: " << result << '\n';

    asio::co_spawn(context, send_without_throwing(producer), asio::use_future).get();
  } catch (const comet::Error& error) {
    std::cerr << error.what() << '\n';
    exit_code = 1;
  }
  asio::co_spawn(context, producer.shutdown(), asio::use_future).get();
  work.reset();
  thread.join();
  return exit_code;
}
