#include "routes_options.hpp"

#include <boost/program_options.hpp>
#include <iostream>
#include <string>
#include <string_view>

namespace comet::inline v0_1::bench {
namespace po = boost::program_options;
namespace {

constexpr std::string_view kUsage =
    "usage: comet-bench routes [options]\n"
    "Registers brokers of its own with a name server and asks it for routes. Use a name server "
    "that\n"
    "nobody else uses. Exit code: 0 all answered, 1 some failed, 2 wrong usage.\n";

void take_numbers(const program::CommandLine& given, RoutesOptions& options) {
  const auto take = [&given](const char* option, std::int64_t least, std::int64_t most) {
    return static_cast<int>(given.number(option, least, most));
  };
  options.connections = take("connections", 1, 10'000);
  options.in_flight = take("in-flight", 1, 10'000);
  options.seconds = take("seconds", 0, 86'400);
  options.topics = take("topics", 1, 1'000'000);
  options.brokers = take("brokers", 1, 10'000);
  options.queues = take("queues", 1, 65'536);
  options.register_topics = take("register-topics", 0, 100'000);
  options.registrations = take("registrations", 1, 10'000);
  options.spread = take("spread", 0, options.brokers);
  if (options.spread == 0) options.spread = options.brokers;
  options.server_pid = process_id(given, "server-pid");
}

}  // namespace

std::optional<RoutesOptions> parse_routes_options(int argc, char** argv) {
  RoutesOptions options;
  std::string name_server;
  po::options_description description("options");
  auto option = description.add_options();
  option("help,h", "show this text");
  option("namesrv,n", po::value(&name_server)->default_value("127.0.0.1:9876"), "the name server");
  option("connections,c", program::number_option(16), "connections");
  option("in-flight", program::number_option(1), "queries in flight on each connection");
  option("seconds,s", program::number_option(5),
         "how long to ask; 0: register, wait a second and report memory only");
  option("topics", program::number_option(1000), "topics");
  option("brokers", program::number_option(3), "brokers");
  option("queues", program::number_option(8), "queues of a topic on each broker");
  option("spread", program::number_option(0), "brokers that have each topic (0: all of them)");
  option("register-topics", program::number_option(0),
         "meanwhile one more broker registers with so many topics of its own");
  option("registrations", program::number_option(5),
         "how often it does so, with other data each time");
  option("server-pid", program::number_option(0),
         "process of the name server, to report its CPU time and memory");
  option("watch", po::bool_switch(&options.watch), "ask for route watches");
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
  const Result<Address> address = Address::parse(name_server);
  if (!address) throw UsageError("--namesrv must be host:port");
  options.name_server = *address;
  take_numbers(given, options);
  return options;
}

}  // namespace comet::inline v0_1::bench
