// Sends every line of a file (or of standard input) as a message of its own, many at a time:
//   example-send_lines --namesrv 127.0.0.1:9876 --topic lines --file README.md
// Prints one SendResult per line on standard output and a summary on standard error. A ledger, if
// wanted, has for each acknowledged line its number, message id, queue id and queue offset.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/program_options.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <limits>
#include <string>

#include "comet/base/async.hpp"
#include "comet/producer/producer.hpp"

namespace asio = boost::asio;
namespace po = boost::program_options;

class Lines {
 public:
  Lines(comet::Producer& producer_in, std::istream& input_in)
      : producer(producer_in), input(input_in) {}
  comet::Producer& producer;
  std::istream& input;
  std::string topic;
  std::string tag;
  std::size_t show = 0;  // how many results to print
  std::ostream* ledger = nullptr;
  std::size_t line_number = 0;  // of the line read last, from 1
  std::size_t sent = 0;
  std::size_t bytes = 0;
  std::string failure;  // of the first send that failed; ends the sending
};

// One of several senders that take lines from the same input, one line at a time each.
asio::awaitable<void> send_lines(Lines& lines) {
  std::string line;
  while (lines.failure.empty() && std::getline(lines.input, line)) {
    const std::size_t number = ++lines.line_number;
    if (line.empty()) continue;  // RocketMQ has no empty messages
    comet::Message message(lines.topic, line);
    if (!lines.tag.empty()) message.tag(lines.tag);
    try {
      comet::SendResult result = co_await lines.producer.send(std::move(message));
      if (lines.sent < lines.show) std::cout << result << '\n';
      // Others are stored, too, but not yet as safe as the broker is set to make them.
      if (lines.ledger != nullptr && result.status == comet::SendStatus::send_ok) {
        *lines.ledger << number << '\t' << result.message_id << '\t' << result.queue.queue_id
                      << '\t' << result.queue_offset
                      << std::endl;  // written now: this process may be killed
      }
      ++lines.sent;
      lines.bytes += line.size();
    } catch (const comet::Error& error) {
      if (lines.failure.empty()) lines.failure = error.what();
    }
  }
}

asio::awaitable<void> send_all(Lines& lines, int window) {
  co_await lines.producer.start();
  const auto executor = co_await asio::this_coro::executor;
  comet::TaskGroup senders(executor, comet::real_time());
  for (int i = 0; i < window; ++i) senders.spawn("sender", send_lines(lines));
  co_await senders.join();
  co_await lines.producer.shutdown();
}

// Boost takes "-1" for a large number where the type is unsigned.
std::size_t count_of(const po::variables_map& options, const std::string& name) {
  const auto value = options[name].as<std::int64_t>();
  if (value < 0) throw po::error("--" + name + " must not be negative");
  return static_cast<std::size_t>(value);
}

int run(const po::variables_map& options) {
  std::ifstream file;
  if (options.count("file") != 0) {
    file.open(options["file"].as<std::string>(), std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + options["file"].as<std::string>());
  }
  asio::io_context context;
  comet::ProducerConfig config(options["group"].as<std::string>());
  config.name_servers(options["namesrv"].as<std::string>());
  if (options.count("tls") != 0) {
    comet::TlsClientConfig tls;
    tls.trust_cert_path = options["tls-ca"].as<std::string>();
    config.tls(tls);
  }
  if (options.count("serialize") != 0) {
    config.serialize_type(options["serialize"].as<comet::remoting::SerializeType>());
  }
  comet::Producer producer(context.get_executor(), config);
  Lines lines(producer, file.is_open() ? file : std::cin);
  lines.topic = options["topic"].as<std::string>();
  lines.tag = options["tag"].as<std::string>();
  lines.show = count_of(options, "show");
  std::ofstream ledger;
  if (options.count("ledger") != 0) {
    ledger.open(options["ledger"].as<std::string>(), std::ios::binary);
    if (!ledger) throw std::runtime_error("cannot write " + options["ledger"].as<std::string>());
    lines.ledger = &ledger;
  }

  std::exception_ptr problem;
  auto on_end = [&problem](std::exception_ptr error) { problem = error; };
  const auto begin = std::chrono::steady_clock::now();
  asio::co_spawn(context, send_all(lines, options["window"].as<int>()), on_end);
  context.run();
  if (problem) std::rethrow_exception(problem);

  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::cout.flush();
  std::cerr << "sent " << lines.sent << " lines (" << lines.bytes << " bytes) to topic "
            << lines.topic << " in " << took.count() << " s\n";
  if (!lines.failure.empty()) throw std::runtime_error(lines.failure);
  return 0;
}

int main(int argc, char** argv) {
  po::options_description description("example-send_lines: each line becomes a message");
  auto option = description.add_options();
  option("help,h", "show this text");
  option("namesrv,n", po::value<std::string>()->default_value("127.0.0.1:9876"),
         "name servers, host:port[;host:port...]");
  option("topic,t", po::value<std::string>()->required(), "topic to send to");
  option("file,f", po::value<std::string>(), "file to read (default: standard input)");
  option("group,g", po::value<std::string>()->default_value("send-lines"), "producer group");
  option("tag", po::value<std::string>()->default_value(""), "tag of the messages");
  option("window,w", po::value<int>()->default_value(32), "sends in progress at the same time");
  option("show",
         po::value<std::int64_t>()->default_value(std::numeric_limits<std::int64_t>::max(), "all"),
         "how many SendResults to print");
  option("tls", "connect with TLS");
  option("tls-ca", po::value<std::string>()->default_value(""),
         "with --tls: who may sign for the servers, PEM (default: the system's certificates)");
  option("serialize", po::value<comet::remoting::SerializeType>(),
         "headers of requests: json or rocketmq (default: $ROCKETMQ_SERIALIZE_TYPE, else json)");
  option("ledger", po::value<std::string>(), "file that lists what the broker has acknowledged");
  try {
    po::variables_map options;
    po::store(po::parse_command_line(argc, argv, description), options);
    if (options.count("help") != 0) {
      std::cout << description;
      return 0;
    }
    po::notify(options);
    return run(options);
  } catch (const po::error& error) {
    std::cerr << error.what() << "\n\n" << description;
    return 2;
  } catch (const std::exception& error) {
    std::cout.flush();
    std::cerr << error.what() << '\n';
    return 1;
  }
}
