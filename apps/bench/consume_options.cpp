#include "consume_options.hpp"

#include <boost/program_options.hpp>
#include <iostream>
#include <string>
#include <string_view>

namespace comet::inline v0_1::bench {
namespace po = boost::program_options;
namespace {

constexpr std::string_view kUsage =
    "usage: comet-bench consume --topic TOPIC [options]\n"
    "Reads a topic's queues from their first message on, each with one pull after the other, all\n"
    "over one connection. Ends when it has read --count messages, or, without that, all that were\n"
    "there. Exit code: 0 all read, 1 a pull has failed or messages are missing, 2 wrong usage.\n";

}  // namespace

std::optional<ConsumeOptions> parse_consume_options(int argc, char** argv) {
  ConsumeOptions options;
  std::string name_server;
  po::options_description description("options");
  auto option = description.add_options();
  option("help,h", "show this text");
  option("namesrv,n", po::value(&name_server)->default_value("127.0.0.1:9876"), "the name server");
  option("topic,t", po::value(&options.topic), "topic to read");
  option("group,g", po::value(&options.group)->default_value("comet-bench"), "consumer group");
  option("batch,b", program::number_option(32), "messages of one pull (1..1024)");
  option("count,k", program::number_option(0),
         "messages to read, waiting for them; 0: those that are there");
  option("server-pid", program::number_option(0),
         "process of the broker, to report its CPU time and memory");
  option("serialize", po::value<remoting::SerializeType>(), "headers: json or rocketmq");
  option("json", po::bool_switch(&options.json), "print the result as one line of JSON");
  const program::CommandLine given(argc, argv, description);
  if (given.has("help")) {
    std::cout << kUsage << '\n' << description;
    return std::nullopt;
  }
  if (given.has("serialize")) {
    options.serialize_type = given.as<remoting::SerializeType>("serialize");
  }
  if (options.topic.empty()) throw UsageError("--topic is missing");
  options.batch = static_cast<int>(given.number("batch", 1, 1024));
  options.count = static_cast<std::uint64_t>(given.number("count", 0, kMostMessages));
  options.server_pid = process_id(given, "server-pid");
  const Result<Address> address = Address::parse(name_server);
  if (!address) throw UsageError("--namesrv must be host:port");
  options.name_server = *address;
  return options;
}

}  // namespace comet::inline v0_1::bench
