#include "options.hpp"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <charconv>
#include <iostream>
#include <string_view>

namespace comet::bench {
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
  option("concurrency,c", po::value(&options.concurrency)->default_value(16),
         "senders (1..100000)");
  option("size,s", po::value<std::string>()->default_value("1024"),
         "bytes of a message body; \"100-2000\": any size between");
  option("rate,r", po::value(&options.rate)->default_value(0),
         "messages per second (0: as fast as they are answered)");
  option("batch", po::value(&options.batch)->default_value(1), "messages of one request");
  option("auto-batch", po::bool_switch(&options.auto_batch), "let the producer gather messages");
  option("ordered", po::value(&options.ordered)->default_value(0)->implicit_value(64),
         "send by sharding key, with so many keys");
  option("transactions", po::bool_switch(&options.transactions),
         "each message is half of a transaction, which is committed at once");
  option("timeout", po::value(&options.timeout_seconds)->default_value(3),
         "seconds until a send is given up, with all its tries");
  option("broker-pid", po::value(&options.broker_pid)->default_value(0),
         "process of the broker, to report its CPU time and memory");
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

std::size_t parse_size(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

// "1024" or "100-2000"; anything else leaves zeros, which check() refuses.
void parse_sizes(std::string_view text, ProduceOptions& options) {
  const std::size_t dash = text.find('-');
  options.size = parse_size(text.substr(0, dash));
  options.max_size =
      dash == std::string_view::npos ? options.size : parse_size(text.substr(dash + 1));
}

void check(const ProduceOptions& options) {
  if (options.topic.empty()) throw UsageError("--topic is missing");
  if (options.concurrency < 1 || options.concurrency > 100'000) {
    throw UsageError("--concurrency must be between 1 and 100000");
  }
  if (options.size < 1 || options.max_size < options.size || options.max_size > (4u << 20)) {
    throw UsageError("--size must be between 1 and 4194304, or two such numbers with a '-'");
  }
  if (options.batch < 1 || options.batch > 10'000 ||
      options.batch * options.max_size > (4u << 20)) {
    throw UsageError("--batch must be between 1 and 10000, and a batch must not exceed 4 MiB");
  }
  if (options.batch > 1 && options.auto_batch) {
    throw UsageError("--batch and --auto-batch exclude each other");
  }
  if (options.transactions && (options.batch > 1 || options.auto_batch || options.ordered > 0)) {
    throw UsageError("--transactions excludes --batch, --auto-batch and --ordered");
  }
  if (options.rate < 0 || options.rate > 1e7) {
    throw UsageError("--rate must be between 0 and 10000000");
  }
  if (!(options.timeout_seconds >= 0.001 && options.timeout_seconds <= 86'400)) {
    throw UsageError("--timeout must be between 0.001 and 86400");
  }
  if (options.ordered < 0) throw UsageError("--ordered must not be negative");
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
    parse_sizes(values["size"].as<std::string>(), options);
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
