#include "options.hpp"

#include <boost/program_options.hpp>
#include <iostream>
#include <limits>
#include <string_view>

namespace comet::inline v0_1::bench {
namespace po = boost::program_options;
namespace {

constexpr std::string_view kUsage =
    "usage: comet-bench produce --topic TOPIC [options]\n"
    "Sends messages with one producer on one thread: N senders, each of which sends its next "
    "message\n"
    "when the last one is acknowledged (closed loop). With --rate the messages have times at "
    "which\n"
    "they are due, and latencies count from there, so that a stall of the broker shows in all "
    "that\n"
    "was due meanwhile (open loop; no coordinated omission).\n"
    "Exit code: 0 all sent, 1 some failed, 2 wrong usage.\n";

po::options_description describe(ProduceOptions& options) {
  po::options_description description("options");
  auto option = description.add_options();
  option("help,h", "show this text");
  option("namesrv,n", po::value(&options.name_servers)->default_value("127.0.0.1:9876"),
         "name servers, host:port[;host:port...]");
  option("topic,t", po::value(&options.topic), "topic to send to");
  option("group,g", po::value(&options.group)->default_value("comet-bench"), "producer group");
  option("concurrency,c", program::number_option(16), "senders (1..100000)");
  option("connections", program::number_option(1),
         "connections to each broker, among which the senders are divided (1..10000)");
  option("size,s", po::value<std::string>()->default_value("1024"),
         "bytes of a message body; \"100-2000\": any size between");
  option("rate,r", program::number_option(0),
         "messages per second (0: as fast as they are answered)");
  option("batch", program::number_option(1), "messages of one request");
  option("auto-batch", po::bool_switch(&options.auto_batch), "let the producer gather messages");
  option("ordered", program::number_option(0)->implicit_value("64"),
         "send by sharding key, with so many keys");
  option("transactions", po::bool_switch(&options.transactions),
         "each message is half of a transaction, which is committed at once");
  option("timeout", program::number_option(3),
         "seconds until a send is given up, with all its tries");
  option("broker-pid", program::number_option(0),
         "process of the broker, to report its CPU time and memory");
  option("count,k", program::number_option(100'000), "messages to send");
  option("warmup", program::number_option(0), "messages to send before measuring");
  option("tls", po::bool_switch(&options.tls), "connect with TLS");
  option("tls-ca", po::value(&options.tls_ca),
         "who may sign for the servers, PEM (default: the certificates of the system)");
  option("serialize", po::value<remoting::SerializeType>(),
         "headers of requests: json or rocketmq (default: $ROCKETMQ_SERIALIZE_TYPE, else json)");
  option("json", po::bool_switch(&options.json), "print the result as one line of JSON");
  return description;
}

constexpr std::int64_t kMostBytes = 4 << 20;

// "1024" or "100-2000".
void take_sizes(std::string_view text, ProduceOptions& options) {
  const auto size = [](std::string_view part) {
    return static_cast<std::size_t>(program::parse_number("--size", part, 1, kMostBytes));
  };
  const std::size_t dash = text.find('-', 1);
  options.size = size(text.substr(0, dash));
  options.max_size = dash == std::string_view::npos ? options.size : size(text.substr(dash + 1));
}

void take_numbers(const program::CommandLine& given, ProduceOptions& options) {
  take_sizes(given.text("size"), options);
  options.concurrency = static_cast<int>(given.number("concurrency", 1, 100'000));
  options.connections = static_cast<int>(given.number("connections", 1, 10'000));
  options.rate = given.real("rate", 0, 1e7);
  options.batch = static_cast<std::size_t>(given.number("batch", 1, 10'000));
  options.ordered = static_cast<int>(given.number("ordered", 0, 1'000'000));
  options.timeout_seconds = given.real("timeout", 0.001, 86'400);
  options.broker_pid = process_id(given, "broker-pid");
  options.count = static_cast<std::uint64_t>(given.number("count", 1, kMostMessages));
  options.warmup = static_cast<std::uint64_t>(given.number("warmup", 0, kMostMessages));
}

void check(const ProduceOptions& options) {
  if (options.topic.empty()) throw UsageError("--topic is missing");
  if (options.connections > options.concurrency) {
    throw UsageError("--connections must not exceed --concurrency: each needs a sender");
  }
  if (options.max_size < options.size) {
    throw UsageError("--size must be a number, or two with a '-' of which the first is the least");
  }
  if (options.batch * options.max_size > static_cast<std::size_t>(kMostBytes)) {
    throw UsageError("--batch times --size must not exceed 4 MiB");
  }
  if (options.batch > 1 && options.auto_batch) {
    throw UsageError("--batch and --auto-batch exclude each other");
  }
  if (options.transactions && (options.batch > 1 || options.auto_batch || options.ordered > 0)) {
    throw UsageError("--transactions excludes --batch, --auto-batch and --ordered");
  }
  if (!options.tls_ca.empty() && !options.tls) throw UsageError("--tls-ca needs --tls");
}

}  // namespace

pid_t process_id(const program::CommandLine& given, const std::string& option) {
  return static_cast<pid_t>(given.number(option, 0, std::numeric_limits<pid_t>::max()));
}

std::optional<ProduceOptions> parse_command_line(int argc, char** argv) {
  ProduceOptions options;
  const po::options_description description = describe(options);
  const program::CommandLine given(argc, argv, description);
  if (given.has("help")) {
    std::cout << kUsage << '\n' << description;
    return std::nullopt;
  }
  take_numbers(given, options);
  if (given.has("serialize")) {
    options.serialize_type = given.as<remoting::SerializeType>("serialize");
  }
  check(options);
  return options;
}

}  // namespace comet::inline v0_1::bench
