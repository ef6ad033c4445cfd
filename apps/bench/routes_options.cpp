#include "routes_options.hpp"

#include <boost/program_options.hpp>
#include <iostream>
#include <string>
#include <string_view>

namespace comet::bench {
namespace po = boost::program_options;
namespace {

constexpr std::string_view kUsage =
    "usage: comet-bench routes [options]\n"
    "Registers brokers of its own with a name server and asks it for routes. Use a name server "
    "that\n"
    "nobody else uses. Exit code: 0 all answered, 1 some failed, 2 wrong usage.\n";

void in_range(const char* name, int value, int least, int most) {
  if (value >= least && value <= most) return;
  throw UsageError("--" + std::string(name) + " must be between " + std::to_string(least) +
                   " and " + std::to_string(most));
}

void check(RoutesOptions& options) {
  in_range("connections", options.connections, 1, 10'000);
  in_range("in-flight", options.in_flight, 1, 10'000);
  in_range("seconds", options.seconds, 0, 86'400);
  in_range("topics", options.topics, 1, 1'000'000);
  in_range("brokers", options.brokers, 1, 10'000);
  in_range("queues", options.queues, 1, 65'536);
  in_range("register-topics", options.register_topics, 0, 100'000);
  in_range("registrations", options.registrations, 1, 10'000);
  if (options.spread == 0) options.spread = options.brokers;
  in_range("spread", options.spread, 1, options.brokers);
}

}  // namespace

std::optional<RoutesOptions> parse_routes_options(int argc, char** argv) {
  RoutesOptions options;
  std::string name_server;
  po::options_description description("options");
  auto option = description.add_options();
  option("help,h", "show this text");
  option("namesrv,n", po::value(&name_server)->default_value("127.0.0.1:9876"), "the name server");
  option("connections,c", po::value(&options.connections)->default_value(16), "connections");
  option("in-flight", po::value(&options.in_flight)->default_value(1),
         "queries in flight on each connection");
  option("seconds,s", po::value(&options.seconds)->default_value(5),
         "how long to ask; 0: register, wait a second and report memory only");
  option("topics", po::value(&options.topics)->default_value(1000), "topics");
  option("brokers", po::value(&options.brokers)->default_value(3), "brokers");
  option("queues", po::value(&options.queues)->default_value(8),
         "queues of a topic on each broker");
  option("spread", po::value(&options.spread)->default_value(0),
         "brokers that have each topic (0: all of them)");
  option("register-topics", po::value(&options.register_topics)->default_value(0),
         "meanwhile one more broker registers with so many topics of its own");
  option("registrations", po::value(&options.registrations)->default_value(5),
         "how often it does so, with other data each time");
  option("server-pid", po::value(&options.server_pid)->default_value(0),
         "process of the name server, to report its CPU time and memory");
  option("watch", po::bool_switch(&options.watch), "ask for route watches");
  option("serialize", po::value<remoting::SerializeType>(), "headers: json or rocketmq");
  option("json", po::bool_switch(&options.json), "print the result as one line of JSON");
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
  const Result<Address> address = Address::parse(name_server);
  if (!address) throw UsageError("--namesrv must be host:port");
  options.name_server = *address;
  check(options);
  return options;
}

}  // namespace comet::bench
