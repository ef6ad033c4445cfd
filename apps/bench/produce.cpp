#include "produce.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <string>

#include "comet/base/async.hpp"
#include "comet/producer/producer.hpp"
#include "process_stats.hpp"

namespace comet::bench {
namespace {

constexpr std::uint64_t kErrorsShown = 5;
// With not one success before so many failures, the rest will not fare better.
constexpr std::uint64_t kHopeless = 100;

// Text that looks random, is the same in every run, and gives every message another body.
class BodyMaker {
 public:
  explicit BodyMaker(std::size_t size) : size_(size) {
    constexpr std::string_view kLetters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .";
    std::uint64_t state = 20211121;
    text_.reserve(size + kShifts);
    while (text_.size() < size + kShifts) {
      state = state * 6364136223846793005u + 1442695040888963407u;  // Knuth's MMIX generator
      text_ += kLetters[static_cast<std::size_t>(state >> 58)];
    }
  }
  [[nodiscard]] std::string make(std::uint64_t number) const {
    return text_.substr(static_cast<std::size_t>(number % kShifts), size_);
  }

 private:
  static constexpr std::size_t kShifts = 4093;
  std::size_t size_;
  std::string text_;
};

class Run {
 public:
  Run(asio::io_context& context, const ProduceOptions& options_in, const ProducerConfig& config)
      : options(options_in),
        bodies(options_in.size),
        producer(context.get_executor(), config),
        executor(context.get_executor()) {}

  const ProduceOptions& options;
  BodyMaker bodies;
  Producer producer;
  asio::any_io_executor executor;
  ProduceReport report;
  std::uint64_t started = 0;  // sends of the current phase
  std::uint64_t errors_shown = 0;
  bool stop = false;
};

void note_failure(Run& run, const Error& error) {
  ++run.report.failed;
  if (run.errors_shown++ < kErrorsShown) fmt::print(stderr, "{}\n", error.what());
  if (run.report.sent == 0 && run.report.failed == kHopeless) {
    fmt::print(stderr, "giving up: the first {} sends have all failed\n", kHopeless);
    run.stop = true;
  }
}

asio::awaitable<void> send_in_turn(Run& run, std::uint64_t count) {
  TimeSource& time = real_time();
  while (!run.stop && run.started < count) {
    Message message(run.options.topic, run.bodies.make(run.started++));
    const Instant begin = time.now();
    try {
      co_await run.producer.send(std::move(message));
      run.report.latency.record(time.now() - begin);
      ++run.report.sent;
    } catch (const Error& error) {
      note_failure(run, error);
    }
  }
}

asio::awaitable<void> send_all(Run& run, std::uint64_t count) {
  run.started = 0;
  TaskGroup senders(run.executor, real_time());
  for (int i = 0; i < run.options.concurrency; ++i) {
    senders.spawn("sender", send_in_turn(run, count));
  }
  co_await senders.join();
}

asio::awaitable<void> show_progress(Run& run) {
  Timer timer(run.executor, real_time());
  std::uint64_t before = 0;
  while (co_await timer.wait_for(std::chrono::seconds(1))) {
    const ProduceReport& report = run.report;
    fmt::print(stderr, "\r{:>12} of {} sent, {} failed, {:>9}/s, p99 {:.2f} ms ", report.sent,
               run.options.count, report.failed, report.sent - before,
               std::chrono::duration<double, std::milli>(report.latency.quantile(0.99)).count());
    before = report.sent;
  }
}

asio::awaitable<void> measure(Run& run) {
  co_await run.producer.start();
  if (run.options.warmup > 0) {
    co_await send_all(run, run.options.warmup);
    // A warm-up that failed is a result; one that went well is forgotten.
    if (run.report.failed > 0) run.stop = true;
    if (!run.stop) run.report = ProduceReport();
  }
  TaskGroup progress(run.executor, real_time());
  if (isatty(STDERR_FILENO) != 0) progress.spawn("progress", show_progress(run));
  const auto begin = std::chrono::steady_clock::now();
  const double cpu_begin = own_cpu_seconds();
  co_await send_all(run, run.options.count);
  run.report.elapsed = std::chrono::steady_clock::now() - begin;
  run.report.cpu_seconds = own_cpu_seconds() - cpu_begin;
  if (progress.size() > 0) fmt::print(stderr, "\r{:80}\r", "");
  progress.cancel();
  co_await progress.join();
  co_await run.producer.shutdown();
}

}  // namespace

ProduceReport produce(const ProduceOptions& options) {
  asio::io_context context(1);
  ProducerConfig config(options.group);
  config.name_servers(options.name_servers);
  if (options.tls) {
    TlsClientConfig tls;
    tls.trust_cert_path = options.tls_ca;
    config.tls(tls);
  }
  if (options.serialize_type) config.serialize_type(*options.serialize_type);
  Run run(context, options, config);
  // The first SIGINT ends the run with what has been measured so far, the second one the process.
  asio::signal_set signals(context, SIGINT, SIGTERM);
  auto on_signal = [&run, &signals](error_code error, int) {
    if (error) return;
    run.stop = true;
    signals.clear();
  };
  signals.async_wait(on_signal);
  std::exception_ptr problem;
  auto on_end = [&](std::exception_ptr error) {
    problem = error;
    signals.cancel();
  };
  asio::co_spawn(context, measure(run), on_end);
  context.run();
  if (problem) std::rethrow_exception(problem);
  return run.report;
}

}  // namespace comet::bench
