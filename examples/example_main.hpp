#pragma once
// What the examples share: run one coroutine on an io_context and print what went wrong.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <iostream>
#include <string>

#include "comet/base/awaitable.hpp"

namespace example {

namespace asio = boost::asio;

// The program's first argument, or where a name server listens on this machine.
inline std::string name_server(int argc, char** argv) {
  return argc > 1 ? argv[1] : "127.0.0.1:9876";
}

// The second argument, or what the example sends to.
inline std::string topic(int argc, char** argv, const char* usual) {
  return argc > 2 ? argv[2] : usual;
}

// `make(executor)` gives the coroutine. The program's exit code.
template <class Make>
int run(Make make) {
  asio::io_context context(1);
  int exit_code = 0;
  auto on_end = [&exit_code](std::exception_ptr problem) {
    try {
      if (problem) std::rethrow_exception(problem);
    } catch (const std::exception& error) {  // a comet::Error says what, where, and every try
      std::cerr << error.what() << '\n';
      exit_code = 1;
    }
  };
  asio::co_spawn(context, make(context.get_executor()), on_end);
  context.run();
  return exit_code;
}

}  // namespace example
