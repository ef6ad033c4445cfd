// comet's server against the least that an echo server on Asio can do, with the same frames:
//
//   bench_echo server comet|bare [BYTES of an answer; none: the request]
//   bench_echo load --port P [--connections C] [--in-flight N] [--body BYTES] [--seconds S]
//
// echo.py runs all of them in turn and compares.

#include "bench_echo.hpp"

#include <boost/program_options.hpp>
#include <iostream>
#include <string>

namespace options = boost::program_options;
using namespace comet::benchmark_support;

namespace {

int usage() {
  std::cerr
      << "usage: bench_echo server comet|bare [BYTES of an answer]\n"
         "       bench_echo load --port P [--connections C] [--in-flight N] [--body BYTES]\n"
         "                       [--seconds S | --requests R] [--header json|rocketmq|send]\n";
  return 2;
}

int load(int argc, char** argv) {
  LoadOptions chosen;
  options::options_description known;
  known.add_options()("port", options::value(&chosen.port)->required())(
      "connections", options::value(&chosen.connections))(
      "in-flight", options::value(&chosen.in_flight))("body", options::value(&chosen.body))(
      "seconds", options::value(&chosen.seconds))("requests", options::value(&chosen.requests))(
      "header", options::value(&chosen.header));
  options::variables_map values;
  options::store(options::parse_command_line(argc, argv, known), values);
  options::notify(values);
  run_load(chosen);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const std::string kind = argc > 2 ? argv[2] : "";
  try {
    if (mode == "server" && kind == "comet") return serve_comet(), 0;
    if (mode == "server" && kind == "bare") {
      const std::size_t answer = argc > 3 ? std::stoul(argv[3]) : 0;
      if (answer == 0 || (answer >= 8 && answer <= 4096)) return serve_bare(answer), 0;
    }
    if (mode == "load") return load(argc - 1, argv + 1);
  } catch (const std::exception& problem) {
    std::cerr << "bench_echo: " << problem.what() << '\n';
    return 1;
  }
  return usage();
}
