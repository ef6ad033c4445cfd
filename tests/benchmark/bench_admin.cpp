// What sends feel of administrators' requests: a broker with many topics and groups, on a thread of
// its own; one producer that sends as soon as its last message is acknowledged; and somebody who
// asks one code after the other.
//
//   bench_admin [--topics 20000] [--groups 5000] [--seconds 10]
//
// Latencies of sends without and with the questions, and of the questions by code.

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/program_options.hpp>
#include <exception>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "comet/base/log.hpp"
#include "comet/base/tcp_network.hpp"
#include "comet/broker/broker.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/message_headers.hpp"
#include "temp_directory.hpp"

namespace {

namespace options = boost::program_options;
using namespace comet;
using namespace std::chrono_literals;
using remoting::RemotingCommand;
using remoting::RequestCode;

constexpr int kTopicsOfGroup = 4;
constexpr int kQueues = 4;

void write_state(const std::string& root, int topics, int groups) {
  std::filesystem::create_directories(root + "/config");
  const std::string version = R"({"dataVersion":{"counter":1,"timestamp":1},)";
  std::ofstream file(root + "/config/topics.json");
  file << version << R"("topicConfigTable":{)";
  for (int i = 0; i < topics; ++i) {
    file << fmt::format(R"({}"topic-{}":{{"order":false,"perm":6,"readQueueNums":{},)"
                        R"("topicFilterType":"SINGLE_TAG","topicName":"topic-{}",)"
                        R"("topicSysFlag":0,"writeQueueNums":{}}})",
                        i == 0 ? "" : ",", i, kQueues, i, kQueues);
  }
  file << "}}";
  std::ofstream group_file(root + "/config/subscriptionGroup.json");
  group_file << version << R"("subscriptionGroupTable":{)";
  std::ofstream offset_file(root + "/config/consumerOffset.json");
  offset_file << R"({"offsetTable":{)";
  for (int i = 0; i < groups; ++i) {
    const char* comma = i == 0 ? "" : ",";
    group_file << fmt::format(R"({}"group-{}":{{"groupName":"group-{}"}})", comma, i, i);
    for (int j = 0; j < kTopicsOfGroup; ++j) {
      offset_file << fmt::format(R"({}"topic-{}@group-{}":{{"0":0,"1":0,"2":0,"3":0}})",
                                 j == 0 ? comma : ",", (i * kTopicsOfGroup + j) % topics, i);
    }
  }
  group_file << "}}";
  offset_file << "}}";
}

// A broker on its own thread.
class BrokerThread {
 public:
  explicit BrokerThread(const std::string& root) {
    broker::BrokerConfig config;
    config.listen_at = Address("127.0.0.1", 0);
    config.store.root = root;
    broker_.emplace(std::vector<asio::any_io_executor>{context_.get_executor()}, network_,
                    real_time(), config);
    std::promise<void> started;
    asio::post(context_, [&] {
      try {
        broker_->start();
        started.set_value();
      } catch (...) {
        started.set_exception(std::current_exception());
      }
    });
    thread_ = std::thread([this] { context_.run(); });
    started.get_future().get();
  }
  ~BrokerThread() {
    asio::co_spawn(context_, broker_->stop(real_time().now() + 5s),
                   [this](const std::exception_ptr&) { work_.reset(); });
    thread_.join();
  }
  [[nodiscard]] Address address() const { return Address("127.0.0.1", broker_->local().port()); }

 private:
  TcpNetwork network_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ =
      asio::make_work_guard(context_);
  std::optional<broker::Broker> broker_;
  std::thread thread_;
};

using Latencies = std::vector<double>;  // us

std::string describe(Latencies latencies) {
  std::ranges::sort(latencies);
  const auto at = [&](double part) {
    const auto index = static_cast<std::size_t>(part * static_cast<double>(latencies.size() - 1));
    return latencies[index];
  };
  return fmt::format("{:>8} {:>9.0f} {:>9.0f} {:>9.0f} {:>9.0f}", latencies.size(), at(0.5),
                     at(0.99), at(0.999), latencies.back());
}

double micros_since(Instant begin) {
  return std::chrono::duration<double, std::micro>(real_time().now() - begin).count();
}

asio::awaitable<void> send_until(remoting::Client& client, Address broker, Instant end,
                                 Latencies& latencies) {
  remoting::SendMessageHeader header;
  header.producer_group = "PG";
  header.topic = "topic-7";
  header.default_topic = "TBW102";
  header.default_topic_queue_nums = 4;
  const std::string body(1024, 'x');
  while (real_time().now() < end) {
    RemotingCommand request = RemotingCommand::request(RequestCode::send_message_v2, Body(body));
    remoting::write_header(header, request.fields, remoting::FieldNames::short_form);
    const Instant begin = real_time().now();
    const RemotingCommand answer = co_await client.invoke(broker, std::move(request), begin + 30s);
    if (answer.code != 0) throw std::runtime_error("a send failed: " + answer.remark);
    latencies.push_back(micros_since(begin));
  }
}

struct Question {
  RequestCode code;
  std::vector<std::pair<const char*, const char*>> fields;
};

struct Answers {
  Latencies latencies;
  std::size_t size = 0;
};

asio::awaitable<void> ask_until(remoting::Client& client, Address broker, Instant end,
                                std::map<int, Answers>& answers) {
  std::vector<Question> questions;
  questions.push_back({RequestCode::get_all_topic_config, {}});
  questions.push_back({RequestCode::get_all_subscriptiongroup_config, {}});
  questions.push_back({RequestCode::get_all_consumer_offset, {}});
  questions.push_back({RequestCode::get_broker_runtime_info, {}});
  questions.push_back({RequestCode::get_broker_consume_stats, {{"isOrder", "false"}}});
  questions.push_back({RequestCode::get_topic_stats_info, {{"topic", "topic-7"}}});
  questions.push_back({RequestCode::get_consume_stats, {{"consumerGroup", "group-7"}}});
  questions.push_back({RequestCode::query_topic_consume_by_who, {{"topic", "topic-7"}}});
  for (std::size_t i = 0; real_time().now() < end; ++i) {
    const Question& question = questions[i % questions.size()];
    RemotingCommand request = RemotingCommand::request(question.code);
    for (const auto& [name, value] : question.fields) request.fields.add(name, value);
    const Instant begin = real_time().now();
    const RemotingCommand answer = co_await client.invoke(broker, std::move(request), begin + 30s);
    if (answer.code != 0) throw std::runtime_error("a question failed: " + answer.remark);
    Answers& all = answers[static_cast<int>(question.code)];
    all.latencies.push_back(micros_since(begin));
    all.size = answer.body.size();
  }
}

// Runs it on a context of its own.
template <class Task>
void run(Task task) {
  asio::io_context context{1};
  TcpNetwork network;
  remoting::Client client(context.get_executor(), network, real_time());
  std::exception_ptr problem;
  asio::co_spawn(context, task(client), [&](const std::exception_ptr& error) {
    problem = error;
    asio::co_spawn(context, client.stop(), [](const std::exception_ptr&) {});
  });
  context.run();
  if (problem) std::rethrow_exception(problem);
}

Latencies measure(const Address& broker, std::chrono::seconds duration,
                  std::map<int, Answers>* answers) {
  Latencies latencies;
  const Instant end = real_time().now() + duration;
  std::thread asker;
  if (answers != nullptr) {
    asker = std::thread([&] {
      run([&](remoting::Client& client) { return ask_until(client, broker, end, *answers); });
    });
  }
  run([&](remoting::Client& client) { return send_until(client, broker, end, latencies); });
  if (asker.joinable()) asker.join();
  return latencies;
}

}  // namespace

int main(int argc, char** argv) {
  int topics = 0, groups = 0, seconds = 0;
  options::options_description description("bench_admin");
  description.add_options()("topics", options::value(&topics)->default_value(20'000))(
      "groups", options::value(&groups)->default_value(5'000))(
      "seconds", options::value(&seconds)->default_value(10));
  try {
    options::variables_map given;
    options::store(options::parse_command_line(argc, argv, description), given);
    options::notify(given);
    log::configure(log::Level::warn);
    test::TempDirectory directory;
    write_state(directory.path(), topics, groups);
    BrokerThread broker(directory.path());
    std::map<int, Answers> answers;
    measure(broker.address(), std::chrono::seconds(1), nullptr);
    const Latencies alone = measure(broker.address(), std::chrono::seconds(seconds), nullptr);
    const Latencies together = measure(broker.address(), std::chrono::seconds(seconds), &answers);
    fmt::print("{:<24} {:>8} {:>9} {:>9} {:>9} {:>9}\n", "us", "count", "p50", "p99", "p999",
               "max");
    fmt::print("{:<24} {}\n", "sends", describe(alone));
    fmt::print("{:<24} {}\n", "sends meanwhile", describe(together));
    for (const auto& [code, all] : answers) {
      fmt::print("{:<24} {}\n", fmt::format("code {} ({} bytes)", code, all.size),
                 describe(all.latencies));
    }
    return 0;
  } catch (const std::exception& problem) {
    std::cerr << "bench_admin: " << problem.what() << '\n';
    return 1;
  }
}
