#include "consume.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <list>

#include "comet/base/async.hpp"
#include "comet/base/tcp_network.hpp"
#include "comet/message/record.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "comet/routing/topic_route.hpp"

namespace comet::inline v0_1::bench {
namespace {

using namespace std::chrono_literals;
using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::ResponseCode;

constexpr Duration kTimeout = 30s;
constexpr std::int64_t kSuspendMillis = 1000;
constexpr std::uint64_t kErrorsShown = 5;

class Queue {
 public:
  Queue(Address broker_in, std::int32_t id_in) : broker(std::move(broker_in)), id(id_in) {}
  Address broker;
  std::int32_t id;
  std::int64_t offset = 0;  // next to read
};

class Run {
 public:
  Run(asio::io_context& context, const ConsumeOptions& options_in)
      : options(options_in),
        executor(context.get_executor()),
        client(executor, network, real_time(), config(options_in)) {}

  const ConsumeOptions& options;
  asio::any_io_executor executor;
  TcpNetwork network;
  remoting::Client client;
  std::list<Queue> queues;
  ConsumeReport report;
  Instant begin{};  // of the first message
  Instant end{};    // of the last one
  bool stop = false;

 private:
  static remoting::ClientConfig config(const ConsumeOptions& options) {
    remoting::ClientConfig config;
    if (options.serialize_type) config.serialize_type = *options.serialize_type;
    return config;
  }
};

void note_failure(Run& run, std::string_view what) {
  if (run.report.failed++ < kErrorsShown) fmt::print(stderr, "{}\n", what);
}

asio::awaitable<void> find_queues(Run& run) {
  remoting::GetRouteInfoHeader header;
  header.topic = run.options.topic;
  RemotingCommand request = RemotingCommand::request(RequestCode::get_routeinfo_by_topic, header);
  const RemotingCommand answer = co_await run.client.invoke(
      run.options.name_server, std::move(request), real_time().now() + kTimeout);
  if (answer.response_code() != ResponseCode::success) {
    throw Error(answer.response_code(), answer.remark);
  }
  const auto route = routing::parse_topic_route(answer.body.view());
  if (!route) throw Error(route.error(), "the name server's answer");
  for (const routing::QueueData& data : route->queues) {
    for (const routing::BrokerData& broker : route->brokers) {
      const auto master = broker.broker_addrs.find(routing::kMasterId);
      if (broker.broker_name != data.broker_name || master == broker.broker_addrs.end()) continue;
      const Result<Address> address = Address::parse(master->second);
      if (!address) throw Error(address.error(), master->second);
      for (std::int32_t id = 0; id < data.read_queue_nums; ++id)
        run.queues.emplace_back(*address, id);
    }
  }
}

RemotingCommand pull_request(const Run& run, const Queue& queue) {
  remoting::PullMessageHeader header;
  header.consumer_group = run.options.group;
  header.topic = run.options.topic;
  header.queue_id = queue.id;
  header.queue_offset = queue.offset;
  header.max_msg_nums = run.options.batch;
  header.sys_flag = remoting::pull_sys_flag::kSubscription;
  if (run.options.count > 0) {
    header.sys_flag |= remoting::pull_sys_flag::kSuspend;
    header.suspend_timeout_millis = kSuspendMillis;
  }
  header.subscription = "*";
  header.expression_type = "TAG";
  return RemotingCommand::request(RequestCode::pull_message, header);
}

// Every message is looked at: it is the next one of its queue, or there is something wrong.
void take_messages(Run& run, Queue& queue, std::string_view records) {
  const std::int64_t now = real_time().wall_millis();
  run.report.bytes += records.size();
  while (!records.empty()) {
    const Result<RecordView> record = parse_record(records, CheckCrc::no);
    if (!record) return note_failure(run, "a damaged record: " + record.error().message());
    if (record->queue_offset != queue.offset) {
      note_failure(run, fmt::format("queue {}: message {} came when {} was due", queue.id,
                                    record->queue_offset, queue.offset));
    }
    queue.offset = record->queue_offset + 1;
    run.report.age.record(std::chrono::milliseconds(now - record->born_timestamp));
    ++run.report.received;
    records.remove_prefix(static_cast<std::size_t>(record->total_size));
  }
}

bool is_done(const Run& run) {
  return run.stop || (run.options.count > 0 && run.report.received >= run.options.count);
}

// Nothing was read: whether there may be more.
bool goes_on(Run& run, Queue& queue, const RemotingCommand& answer) {
  ++run.report.empty_pulls;
  const auto header = remoting::read_header<remoting::PullMessageResponseHeader>(answer.fields);
  switch (answer.response_code()) {
    case ResponseCode::pull_not_found:
      return run.options.count > 0;
    case ResponseCode::pull_retry_immediately:
    case ResponseCode::pull_offset_moved:
      if (!header || header->next_begin_offset == queue.offset) break;
      queue.offset = header->next_begin_offset;
      return true;
    default:
      break;
  }
  note_failure(run, fmt::format("pull of queue {} at {}: code {} {}", queue.id, queue.offset,
                                answer.code, answer.remark));
  return false;
}

asio::awaitable<void> read_queue(Run& run, Queue& queue) {
  TimeSource& time = real_time();
  while (!is_done(run)) {
    RemotingCommand request = pull_request(run, queue);
    const Instant begin = time.now();
    ++run.report.pulls;
    const RemotingCommand answer =
        co_await run.client.invoke(queue.broker, std::move(request), begin + kTimeout);
    if (answer.response_code() != ResponseCode::success) {
      if (!goes_on(run, queue, answer)) co_return;
      continue;
    }
    run.end = time.now();
    if (run.report.received == 0) run.begin = begin;
    run.report.pull_latency.record(run.end - begin);
    take_messages(run, queue, answer.body.view());
  }
}

asio::awaitable<void> measure(Run& run) {
  co_await find_queues(run);
  if (run.options.server_pid != 0) run.report.before = read_process(run.options.server_pid);
  const double cpu_begin = own_cpu_seconds();
  TaskGroup readers(run.executor, real_time());
  for (Queue& queue : run.queues) readers.spawn("queue", read_queue(run, queue));
  co_await readers.join();
  run.report.elapsed = run.end - run.begin;
  run.report.cpu_seconds = own_cpu_seconds() - cpu_begin;
  if (run.options.server_pid != 0) run.report.after = read_process(run.options.server_pid);
  co_await run.client.stop();
}

double millis(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

ConsumeReport consume(const ConsumeOptions& options) {
  asio::io_context context(1);
  Run run(context, options);
  asio::signal_set signals(context, SIGINT, SIGTERM);
  auto on_signal = [&run](error_code error, int) { run.stop = run.stop || !error; };
  signals.async_wait(on_signal);
  std::exception_ptr problem;
  auto on_end = [&](std::exception_ptr error) {
    problem = error;
    signals.cancel();
    if (error) context.stop();
  };
  asio::co_spawn(context, measure(run), on_end);
  context.run();
  if (problem) std::rethrow_exception(problem);
  return run.report;
}

void print_report(const ConsumeOptions& options, const ConsumeReport& report) {
  const double seconds = report.elapsed.count();
  const double received = static_cast<double>(report.received);
  const double rate = seconds > 0 ? received / seconds : 0;
  const bool known = report.before && report.after && received > 0;
  const double per_100k = received > 0 ? 1e5 / received : 0;
  const double broker_cpu =
      known ? (report.after->cpu_seconds - report.before->cpu_seconds) * per_100k : 0;
  const double broker_mb = report.after ? report.after->resident_mb : 0;
  if (options.json) {
    fmt::print(
        "{{\"received\":{},\"failed\":{},\"pulls\":{},\"empty_pulls\":{},\"rate\":{:.1f},"
        "\"mb_per_s\":{:.1f},\"pull_p50_ms\":{:.4f},\"pull_p99_ms\":{:.4f},\"age_p50_ms\":{:.1f},"
        "\"age_p99_ms\":{:.1f},\"broker_cpu_per_100k\":{:.4f},\"client_cpu_per_100k\":{:.4f},"
        "\"broker_memory_mb\":{:.2f}}}\n",
        report.received, report.failed, report.pulls, report.empty_pulls, rate,
        seconds > 0 ? static_cast<double>(report.bytes) / 1e6 / seconds : 0,
        millis(report.pull_latency.quantile(0.5)), millis(report.pull_latency.quantile(0.99)),
        millis(report.age.quantile(0.5)), millis(report.age.quantile(0.99)), broker_cpu,
        report.cpu_seconds * per_100k, broker_mb);
    return;
  }
  fmt::print("topic {}, pulls of {}\n", options.topic, options.batch);
  fmt::print("  received {:>12}   failed {}\n", report.received, report.failed);
  fmt::print("  rate     {:>12.0f} /s in {:.3f} s\n", rate, seconds);
  fmt::print("  pulls    {:>12}   {} of them brought nothing; p50 {:.3f} ms, p99 {:.3f} ms\n",
             report.pulls, report.empty_pulls, millis(report.pull_latency.quantile(0.5)),
             millis(report.pull_latency.quantile(0.99)));
  fmt::print("  age      {:>12.0f} ms p50, {:.0f} ms p99\n", millis(report.age.quantile(0.5)),
             millis(report.age.quantile(0.99)));
  fmt::print("  CPU      {:>12.3f} s of this process per 100000 messages\n",
             report.cpu_seconds * per_100k);
  if (known) {
    fmt::print("  broker   {:>12.3f} s of CPU per 100000 messages, {:.1f} MB at the end\n",
               broker_cpu, broker_mb);
  }
}

}  // namespace comet::inline v0_1::bench
