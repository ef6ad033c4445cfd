// Reads all messages of a topic, queue by queue, and prints their bodies, one per line:
//   example-read_queue --namesrv 127.0.0.1:9876 --topic lines > lines.txt
// With --count it goes on, waiting for new messages, until it has so many.

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/program_options.hpp>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "comet/base/tcp_network.hpp"
#include "comet/base/timer.hpp"
#include "comet/base/tls_network.hpp"
#include "comet/client/client_instance.hpp"
#include "comet/client/queue_reader.hpp"

namespace asio = boost::asio;
namespace po = boost::program_options;
using comet::client::ClientInstance;
using comet::client::QueueReader;

class Wanted {
 public:
  std::string topic;
  std::string group;
  std::string tag;        // empty: all
  std::size_t count = 0;  // 0: what is there now
  std::chrono::seconds patience{10};
};

class Output {
 public:
  explicit Output(std::ostream& out_in) : out(out_in) {}
  std::ostream& out;
  std::size_t messages = 0;
};

// Prints what the queue holds from the reader's position on; returns how many messages that were.
asio::awaitable<std::size_t> drain(QueueReader& reader, const Wanted& wanted, Output& output) {
  std::size_t read = 0;
  for (;;) {
    std::vector<comet::MessageExt> messages = co_await reader.read();
    if (messages.empty()) co_return read;
    for (const comet::MessageExt& message : messages) {
      ++read;
      if (!wanted.tag.empty() && message.tag() != wanted.tag) continue;
      if (wanted.count != 0 && output.messages == wanted.count) co_return read;
      output.out << message.body() << '\n';
      ++output.messages;
    }
  }
}

asio::awaitable<void> read_topic(std::shared_ptr<ClientInstance> client, const Wanted& wanted,
                                 Output& output) {
  co_await client->start();
  std::vector<QueueReader> readers;
  for (const comet::MessageQueue& queue :
       co_await comet::client::readable_queues(client, wanted.topic)) {
    readers.emplace_back(client, queue, wanted.group);
  }
  comet::Timer pause(client->executor(), client->time());
  comet::Instant last_news = client->time().now();
  for (;;) {
    std::size_t news = 0;
    for (QueueReader& reader : readers) news += co_await drain(reader, wanted, output);
    if (output.messages >= wanted.count) break;  // at once when no number was given
    const comet::Instant now = client->time().now();
    if (news != 0) last_news = now;
    if (now - last_news > wanted.patience) break;
    co_await pause.wait_for(std::chrono::milliseconds(50));
  }
  co_await client->stop();
}

// Boost takes "-1" for a large number where the type is unsigned.
std::size_t count_of(const po::variables_map& options, const std::string& name) {
  const auto value = options[name].as<std::int64_t>();
  if (value < 0) throw po::error("--" + name + " must not be negative");
  return static_cast<std::size_t>(value);
}

int run(const po::variables_map& options) {
  std::ofstream file;
  if (options.count("output") != 0) {
    file.open(options["output"].as<std::string>(), std::ios::binary);
    if (!file) throw std::runtime_error("cannot write " + options["output"].as<std::string>());
  }
  Output output(file.is_open() ? file : std::cout);
  Wanted wanted;
  wanted.topic = options["topic"].as<std::string>();
  wanted.group = options["group"].as<std::string>();
  wanted.tag = options["tag"].as<std::string>();
  wanted.count = count_of(options, "count");
  wanted.patience = std::chrono::seconds(options["wait"].as<int>());

  comet::TcpNetwork tcp;
  comet::TlsConfig tls;
  if (options.count("tls") != 0) {
    tls.client.emplace();
    tls.client->trust_cert_path = options["tls-ca"].as<std::string>();
  }
  comet::TlsNetwork network(tcp, tls);  // without --tls the same as tcp
  asio::io_context context;
  comet::client::ClientConfig config;
  config.name_servers = comet::Address::parse_list(options["namesrv"].as<std::string>());
  if (options.count("serialize") != 0) {
    config.serialize_type = options["serialize"].as<comet::remoting::SerializeType>();
  }
  auto client =
      std::make_shared<ClientInstance>(context.get_executor(), network, comet::real_time(), config);
  std::exception_ptr problem;
  auto on_end = [&](std::exception_ptr error) {
    problem = error;
    client.reset();  // ends what still runs after an error
  };
  asio::co_spawn(context, read_topic(client, wanted, output), on_end);
  context.run();
  output.out.flush();
  if (problem) std::rethrow_exception(problem);
  if (!output.out) throw std::runtime_error("writing the output failed");
  std::cerr << "read " << output.messages << " messages of topic " << wanted.topic << '\n';
  if (output.messages < wanted.count) throw std::runtime_error("fewer messages than asked for");
  return 0;
}

int main(int argc, char** argv) {
  po::options_description description("example-read_queue: prints the messages of a topic");
  auto option = description.add_options();
  option("help,h", "show this text");
  option("namesrv,n", po::value<std::string>()->default_value("127.0.0.1:9876"),
         "name servers, host:port[;host:port...]");
  option("topic,t", po::value<std::string>()->required(), "topic to read");
  option("group,g", po::value<std::string>()->default_value("comet-reader"),
         "consumer group that the broker is told; nothing is committed for it");
  option("tag", po::value<std::string>()->default_value(""), "only messages with this tag");
  option("count,c", po::value<std::int64_t>()->default_value(0),
         "read so many messages, waiting for new ones; 0: those that are there");
  option("wait", po::value<int>()->default_value(10),
         "with --count: give up when nothing has come for so many seconds");
  option("tls", "connect with TLS");
  option("tls-ca", po::value<std::string>()->default_value(""),
         "with --tls: who may sign for the servers, PEM (default: the system's certificates)");
  option("serialize", po::value<comet::remoting::SerializeType>(),
         "headers of requests: json or rocketmq (default: $ROCKETMQ_SERIALIZE_TYPE, else json)");
  option("output,o", po::value<std::string>(), "file to write (default: standard output)");
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
    std::cerr << error.what() << '\n';
    return 1;
  }
}
