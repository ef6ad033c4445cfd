#include "produce.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "comet/base/async.hpp"
#include "comet/base/timer.hpp"
#include "comet/producer/transaction_producer.hpp"
#include "process_stats.hpp"

namespace comet::inline v0_1::bench {
namespace {

constexpr std::uint64_t kErrorsShown = 5;
// With not one success before so many failures, the rest will not fare better.
constexpr std::uint64_t kHopeless = 100;

// Text that looks random, is the same in every run, and gives every message another body.
class BodyMaker {
 public:
  BodyMaker(std::size_t least, std::size_t most) : least_(least), most_(most) {
    constexpr std::string_view kLetters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .";
    text_.reserve(most + kShifts);
    while (text_.size() < most + kShifts) text_ += kLetters[next() >> 58];
  }
  [[nodiscard]] std::string make(std::uint64_t number) {
    const std::size_t size = least_ + (most_ > least_ ? (next() >> 32) % (most_ - least_ + 1) : 0);
    return text_.substr(static_cast<std::size_t>(number % kShifts), size);
  }

 private:
  static constexpr std::size_t kShifts = 4093;
  std::uint64_t next() noexcept {  // Knuth's MMIX generator
    return state_ = state_ * 6364136223846793005u + 1442695040888963407u;
  }
  std::size_t least_;
  std::size_t most_;
  std::uint64_t state_ = 20211121;
  std::string text_;
};

// How every transaction ends here, also for a broker that asks.
template <class M>
asio::awaitable<TransactionState> commit(const M& /*message*/) {
  co_return TransactionState::commit;
}

class Run {
 public:
  Run(asio::io_context& context, const ProduceOptions& options_in, const ProducerConfig& config)
      : options(options_in),
        bodies(options_in.size, options_in.max_size),
        executor(context.get_executor()) {
    for (int i = 0; i < options.connections; ++i) {
      producers.push_back(
          std::make_unique<TransactionProducer>(executor, config, commit<MessageExt>));
    }
  }

  const ProduceOptions& options;
  BodyMaker bodies;
  asio::any_io_executor executor;
  std::vector<std::unique_ptr<TransactionProducer>> producers;  // each has connections of its own
  ProduceReport report;
  std::uint64_t started = 0;  // messages of the current phase
  Instant phase_begin{};
  std::uint64_t errors_shown = 0;
  bool stop = false;
};

void note_failure(Run& run, std::uint64_t count, const Error& error) {
  run.report.failed += count;
  if (run.errors_shown++ < kErrorsShown) fmt::print(stderr, "{}\n", error.what());
  if (run.report.sent == 0 && run.report.failed >= kHopeless && !run.stop) {
    fmt::print(stderr, "giving up: the first {} sends have all failed\n", run.report.failed);
    run.stop = true;
  }
}

// One request with up to `count` messages, the first of which has that number.
asio::awaitable<void> send_next(Run& run, TransactionProducer& transactions, std::uint64_t number,
                                std::uint64_t count) {
  Producer& producer = transactions.producer();
  const ProduceOptions& options = run.options;
  SendOptions how;
  if (options.ordered > 0) {
    const auto keys = static_cast<std::uint64_t>(options.ordered);
    how.ordered_by("key " + std::to_string(number % keys));
  }
  if (options.batch > 1) {
    std::vector<Message> batch;
    batch.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      batch.emplace_back(options.topic, run.bodies.make(number + i));
    }
    co_await producer.send_batch(std::move(batch), std::move(how));
    co_return;
  }
  Message message(options.topic, run.bodies.make(number));
  if (options.transactions) {
    co_await transactions.send_in_transaction(std::move(message), commit<Message>);
  } else if (options.ordered > 0) {
    co_await producer.send(std::move(message), std::move(how));
  } else {
    co_await producer.send(std::move(message));
  }
}

// When that message is due: at its place in the schedule, or now.
Instant due_at(const Run& run, std::uint64_t number) {
  if (run.options.rate <= 0) return real_time().now();
  const std::chrono::duration<double> after(static_cast<double>(number) / run.options.rate);
  return run.phase_begin + std::chrono::duration_cast<Duration>(after);
}

asio::awaitable<void> send_in_turn(Run& run, TransactionProducer& producer, std::uint64_t total) {
  TimeSource& time = real_time();
  Timer timer(run.executor, time);
  while (!run.stop && run.started < total) {
    const std::uint64_t number = run.started;
    const std::uint64_t count = std::min<std::uint64_t>(run.options.batch, total - number);
    run.started += count;
    const Instant due = due_at(run, number);
    if (run.options.rate > 0) co_await timer.wait_until(due);
    try {
      co_await send_next(run, producer, number, count);
      run.report.latency.record(time.now() - due);
      run.report.sent += count;
    } catch (const Error& error) {
      note_failure(run, count, error);
    }
  }
}

asio::awaitable<void> send_all(Run& run, std::uint64_t count) {
  run.started = 0;
  run.phase_begin = real_time().now();
  TaskGroup senders(run.executor, real_time());
  for (std::size_t i = 0; i < static_cast<std::size_t>(run.options.concurrency); ++i) {
    TransactionProducer& producer = *run.producers[i % run.producers.size()];
    senders.spawn("sender", send_in_turn(run, producer, count));
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
  for (const auto& producer : run.producers) co_await producer->start();
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
  const pid_t broker = run.options.broker_pid;
  if (broker != 0) run.report.broker_before = read_process(broker);
  co_await send_all(run, run.options.count);
  run.report.elapsed = std::chrono::steady_clock::now() - begin;
  run.report.cpu_seconds = own_cpu_seconds() - cpu_begin;
  if (broker != 0) run.report.broker_after = read_process(broker);
  if (progress.size() > 0) fmt::print(stderr, "\r{:80}\r", "");
  progress.cancel();
  co_await progress.join();
  for (const auto& producer : run.producers) co_await producer->shutdown();
}

}  // namespace

ProduceReport produce(const ProduceOptions& options) {
  asio::io_context context(1);
  ProducerConfig config(options.group);
  config.name_servers(options.name_servers);
  const std::chrono::duration<double> timeout(options.timeout_seconds);
  config.send_timeout(std::chrono::duration_cast<Duration>(timeout));
  const std::size_t in_flight = static_cast<std::size_t>(options.concurrency) * options.batch;
  config.max_in_flight(std::max<std::size_t>(in_flight, 10'000), std::size_t{1} << 30);
  if (options.auto_batch) config.auto_batch(true);
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

}  // namespace comet::inline v0_1::bench
