#include "options.hpp"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <iostream>
#include <string_view>

namespace comet::bench {
namespace po = boost::program_options;
namespace {

constexpr std::string_view kUsage =
    "usage: comet-bench produce --topic TOPIC [options]\n"
    "Sends messages with one producer on one thread: N senders, each of which sends its next "
    "message\n"
    "when the last one is acknowledged. Exit code: 0 all sent, 1 some failed, 2 wrong usage.\n";

po::options_description describe(ProduceOptions& options) {
  po::options_description description("options");
  auto option = description.add_options();
  option("help,h", "show this text");
  option("namesrv,n", po::value(&options.name_servers)->default_value("127.0.0.1:9876"),
         "name servers, host:port[;host:port...]");
  option("topic,t", po::value(&options.topic), "topic to send to");
  option("group,g", po::value(&options.group)->default_value("comet-bench"), "producer group");
  option("concurrency,c", po::value(&options.concurrency)->default_value(16),
         "senders (1..100000)");
  option("size,s", po::value(&options.size)->default_value(1024), "bytes of a message body");
  option("count,k", po::value(&options.count)->default_value(100'000), "messages to send");
  option("warmup", po::value(&options.warmup)->default_value(0),
         "messages to send before measuring");
  option("tls", po::bool_switch(&options.tls), "connect with TLS");
  option("tls-ca", po::value(&options.tls_ca),
         "who may sign for the servers, PEM (default: the certificates of the system)");
  option("serialize", po::value<remoting::SerializeType>(),
         "headers of requests: json or rocketmq (default: $ROCKETMQ_SERIALIZE_TYPE, else json)");
  option("json", po::bool_switch(&options.json), "print the result as one line of JSON");
  return description;
}

void check(const ProduceOptions& options) {
  if (options.topic.empty()) throw UsageError("--topic is missing");
  if (options.concurrency < 1 || options.concurrency > 100'000) {
    throw UsageError("--concurrency must be between 1 and 100000");
  }
  if (options.size < 1 || options.size > (4u << 20)) {
    throw UsageError("--size must be between 1 and 4194304");
  }
  if (!options.tls_ca.empty() && !options.tls) throw UsageError("--tls-ca needs --tls");
  if (options.count < 1) throw UsageError("--count must be at least 1");
}

}  // namespace

std::optional<ProduceOptions> parse_command_line(int argc, char** argv) {
  ProduceOptions options;
  const po::options_description description = describe(options);
  try {
    po::variables_map values;
    po::store(po::parse_command_line(argc, argv, description), values);
    po::notify(values);
    if (values.count("serialize") != 0) {
      options.serialize_type = values["serialize"].as<remoting::SerializeType>();
    }
    if (values.count("help") != 0) {
      std::cout << kUsage << '\n' << description;
      return std::nullopt;
    }
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  check(options);
  return options;
}

}  // namespace comet::bench
