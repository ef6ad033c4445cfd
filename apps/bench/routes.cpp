#include "routes.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <list>
#include <string>
#include <vector>

#include "comet/base/async.hpp"
#include "comet/base/tcp_network.hpp"
#include "comet/base/timer.hpp"
#include "comet/message/record.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "comet/routing/topic_config.hpp"
#include "comet/routing/topic_route.hpp"

namespace comet::inline v0_1::bench {
namespace {

using namespace std::chrono_literals;
using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::ResponseCode;

constexpr Duration kTimeout = 30s;
constexpr std::uint64_t kErrorsShown = 5;
constexpr std::uint64_t kCheckEvery = 1024;  // so many answers, one is read and compared
constexpr Duration kRegistrationPause = 200ms;

remoting::ClientConfig client_config(const RoutesOptions& options) {
  remoting::ClientConfig config;
  if (options.serialize_type) config.serialize_type = *options.serialize_type;
  return config;
}

class Run {
 public:
  Run(asio::io_context& context, const RoutesOptions& options_in)
      : options(options_in), executor(context.get_executor()) {
    for (int i = 0; i < options.topics; ++i) topics.push_back("bench-topic-" + std::to_string(i));
  }
  remoting::Client& connect() {
    return clients.emplace_back(executor, network, real_time(), client_config(options));
  }

  const RoutesOptions& options;
  asio::any_io_executor executor;
  TcpNetwork network;
  std::vector<std::string> topics;
  std::list<remoting::Client> clients;  // each has a connection of its own
  RoutesReport report;
  std::uint64_t errors_shown = 0;
  std::uint64_t registrations_begun = 0;
  bool registering = false;
  bool stop = false;
};

RemotingCommand registration(int number, const routing::RegisterBrokerBody& body) {
  std::string bytes = routing::to_json(body);
  remoting::RegisterBrokerHeader header;
  header.broker_name = "bench-broker-" + std::to_string(number);
  header.broker_addr =
      fmt::format("10.{}.{}.{}:10911", 1 + number / 65536, number / 256 % 256, number % 256);
  header.cluster_name = "bench";
  header.ha_server_addr = header.broker_addr;
  header.compressed = false;
  header.body_crc32 = body_crc(bytes);
  return RemotingCommand::request(RequestCode::register_broker, header, Body(std::move(bytes)));
}

void add_topic(const RoutesOptions& options, std::string name, routing::RegisterBrokerBody& body) {
  routing::TopicConfig topic;
  topic.topic_name = name;
  topic.read_queue_nums = topic.write_queue_nums = options.queues;
  body.topic_config.topics.emplace(std::move(name), std::move(topic));
}

asio::awaitable<void> register_once(remoting::Client& client, const RoutesOptions& options,
                                    RemotingCommand request) {
  const RemotingCommand answer =
      co_await client.invoke(options.name_server, std::move(request), real_time().now() + kTimeout);
  if (answer.response_code() != ResponseCode::success) {
    throw Error(answer.response_code(), "a registration is refused: " + answer.remark);
  }
}

// Topic i is on `spread` brokers, from broker i on.
asio::awaitable<void> register_brokers(Run& run) {
  const RoutesOptions& options = run.options;
  for (int broker = 0; broker < options.brokers; ++broker) {
    routing::RegisterBrokerBody body;
    body.topic_config.data_version.next(1);
    for (int i = 0; i < options.topics; ++i) {
      const int distance = (broker - i % options.brokers + options.brokers) % options.brokers;
      if (distance < options.spread)
        add_topic(options, run.topics[static_cast<std::size_t>(i)], body);
    }
    RemotingCommand request = registration(broker, body);
    co_await register_once(run.connect(), options, std::move(request));
  }
}

// One broker comes again and again, each time with changed topics.
asio::awaitable<void> register_meanwhile(Run& run) {
  const RoutesOptions& options = run.options;
  TimeSource& time = real_time();
  remoting::Client& client = run.connect();
  Timer timer(run.executor, time);
  routing::RegisterBrokerBody body;
  for (int i = 0; i < options.register_topics; ++i) {
    add_topic(options, "large-topic-" + std::to_string(i), body);
  }
  for (int i = 0; i < options.registrations && !run.stop; ++i) {
    co_await timer.wait_for(kRegistrationPause);
    body.topic_config.data_version.next(i + 2);
    for (auto& [name, topic] : body.topic_config.topics) topic.read_queue_nums = 1 + (i + 1) % 16;
    RemotingCommand request = registration(options.brokers, body);
    co_await timer.wait_for(kRegistrationPause);  // what this process has spent on it is over
    const Instant begin = time.now();
    run.registering = true;
    ++run.registrations_begun;
    co_await register_once(client, options, std::move(request));
    run.registering = false;
    run.report.registration.record(time.now() - begin);
  }
  run.stop = true;
}

void note_failure(Run& run, std::string_view what) {
  ++run.report.failed;
  if (run.errors_shown++ < kErrorsShown) fmt::print(stderr, "{}\n", what);
}

void take_answer(Run& run, const std::string& topic, const RemotingCommand& answer) {
  if (answer.response_code() != ResponseCode::success) {
    return note_failure(run, topic + ": " + answer.remark);
  }
  if (run.report.answered++ % kCheckEvery != 0) return;
  const auto route = routing::parse_topic_route(answer.body.view());
  const auto brokers = static_cast<std::size_t>(run.options.spread);
  if (!route || route->queues.size() != brokers || route->brokers.size() != brokers) {
    note_failure(run, topic + ": this is not the route that was registered");
  }
}

asio::awaitable<void> ask_in_turn(Run& run, remoting::Client& client, std::size_t next) {
  TimeSource& time = real_time();
  while (!run.stop) {
    const std::string& topic = run.topics[next++ % run.topics.size()];
    remoting::GetRouteInfoHeader header;
    header.topic = topic;
    if (run.options.watch) header.watch = true;
    RemotingCommand request = RemotingCommand::request(RequestCode::get_routeinfo_by_topic, header);
    const bool was_registering = run.registering;
    const std::uint64_t registrations_before = run.registrations_begun;
    const Instant begin = time.now();
    try {
      const RemotingCommand answer =
          co_await client.invoke(run.options.name_server, std::move(request), begin + kTimeout);
      const Duration took = time.now() - begin;
      run.report.latency.record(took);
      if (was_registering || registrations_before != run.registrations_begun) {
        run.report.during_registration.record(took);
      }
      take_answer(run, topic, answer);
    } catch (const Error& error) {
      note_failure(run, error.what());
      run.stop = true;
    }
  }
}

asio::awaitable<void> stop_after(Run& run) {
  Timer timer(run.executor, real_time());
  const Duration time = std::chrono::seconds(run.options.seconds);
  co_await timer.wait_for(time);
  run.stop = true;
}

asio::awaitable<void> ask_all(Run& run) {
  TaskGroup askers(run.executor, real_time());
  TaskGroup others(run.executor, real_time());
  const std::size_t all = static_cast<std::size_t>(run.options.connections * run.options.in_flight);
  std::size_t begun = 0;
  for (int i = 0; i < run.options.connections; ++i) {
    remoting::Client& client = run.connect();
    for (int j = 0; j < run.options.in_flight; ++j) {
      askers.spawn("queries", ask_in_turn(run, client, begun++ * run.topics.size() / all));
    }
  }
  if (run.options.register_topics > 0) {
    others.spawn("registrations", register_meanwhile(run));
  } else {
    others.spawn("end", stop_after(run));
  }
  co_await askers.join();
  others.cancel();
  co_await others.join();
}

asio::awaitable<void> measure(Run& run) {
  RoutesReport& report = run.report;
  const pid_t pid = run.options.server_pid;
  if (pid != 0) report.before = read_process(pid);
  co_await register_brokers(run);
  Timer timer(run.executor, real_time());
  co_await timer.wait_for(1s);
  if (pid != 0) report.registered = read_process(pid);
  if (run.options.seconds > 0) {
    const auto begin = std::chrono::steady_clock::now();
    const double cpu_begin = own_cpu_seconds();
    co_await ask_all(run);
    report.elapsed = std::chrono::steady_clock::now() - begin;
    report.cpu_seconds = own_cpu_seconds() - cpu_begin;
    if (pid != 0) report.after = read_process(pid);
  }
  for (remoting::Client& client : run.clients) co_await client.stop();
}

double millis(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

void print_table(const RoutesOptions& options, const RoutesReport& report, double rate,
                 double server_cpu) {
  const auto show = [](const char* name, const Histogram& latency) {
    if (latency.count() == 0) return;
    fmt::print("  {:<22} {:>10}   p50 {:.3f}   p99 {:.3f}   p99.9 {:.3f}   max {:.3f} ms\n", name,
               latency.count(), millis(latency.quantile(0.5)), millis(latency.quantile(0.99)),
               millis(latency.quantile(0.999)), millis(latency.max()));
  };
  fmt::print("{} topics on {} of {} brokers, {} queues; {} connections, {} in flight\n",
             options.topics, options.spread, options.brokers, options.queues, options.connections,
             options.in_flight);
  fmt::print("  {:.0f} queries/s, {} failed\n", rate, report.failed);
  show("queries", report.latency);
  show("while registering", report.during_registration);
  show("registrations", report.registration);
  if (!report.registered) return;
  if (report.after) fmt::print("  server CPU {:.3f} s per 100000 queries\n", server_cpu);
  fmt::print("  server memory {:.1f} MB before, {:.1f} MB with the brokers",
             report.before ? report.before->resident_mb : 0.0, report.registered->resident_mb);
  if (report.after) fmt::print(", {:.1f} MB at the end", report.after->resident_mb);
  fmt::print("\n");
}

}  // namespace

void print_report(const RoutesOptions& options, const RoutesReport& report) {
  const double seconds = report.elapsed.count();
  const double answered = static_cast<double>(report.answered);
  const double rate = seconds > 0 ? answered / seconds : 0;
  const double used = report.after ? report.after->cpu_seconds - report.registered->cpu_seconds : 0;
  const double server_cpu = answered > 0 ? used * 1e5 / answered : 0;
  if (!options.json) return print_table(options, report, rate, server_cpu);
  const auto& during = report.during_registration;
  fmt::print(
      "{{\"answered\":{},\"failed\":{},\"rate\":{:.1f},\"p50_ms\":{:.4f},\"p99_ms\":{:.4f},\"max_"
      "ms\":{:.4f},"
      "\"server_cpu_per_100k\":{:.4f},\"client_cpu_per_100k\":{:.4f},\"memory_before_mb\":{:.2f},"
      "\"memory_registered_mb\":{:.2f},\"memory_after_mb\":{:.2f},\"registrations\":{},"
      "\"registration_p50_ms\":{:.3f},\"registration_max_ms\":{:.3f},\"during_p99_ms\":{:.4f},"
      "\"during_max_ms\":{:.4f}}}\n",
      report.answered, report.failed, rate, millis(report.latency.quantile(0.5)),
      millis(report.latency.quantile(0.99)), millis(report.latency.max()), server_cpu,
      answered > 0 ? report.cpu_seconds * 1e5 / answered : 0,
      report.before ? report.before->resident_mb : 0,
      report.registered ? report.registered->resident_mb : 0,
      report.after ? report.after->resident_mb : 0, report.registration.count(),
      millis(report.registration.quantile(0.5)), millis(report.registration.max()),
      millis(during.quantile(0.99)), millis(during.max()));
}

RoutesReport ask_routes(const RoutesOptions& options) {
  asio::io_context context(1);
  Run run(context, options);
  std::exception_ptr problem;
  auto on_end = [&](std::exception_ptr error) {
    problem = error;
    if (error) context.stop();
  };
  asio::co_spawn(context, measure(run), on_end);
  context.run();
  if (problem) std::rethrow_exception(problem);
  return std::move(run.report);
}

}  // namespace comet::inline v0_1::bench
