// comet-bench: measures a RocketMQ cluster.

#include <fmt/format.h>

#include <csignal>
#include <optional>
#include <string>
#include <string_view>

#include "comet/base/log.hpp"
#include "consume.hpp"
#include "failover.hpp"
#include "options.hpp"
#include "produce.hpp"
#include "routes.hpp"

namespace {

using comet::bench::ProduceOptions;
using comet::bench::ProduceReport;

double millis(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

std::string broker_json(const ProduceReport& report) {
  if (!report.broker_cpu_seconds()) return {};
  return fmt::format(",\"broker_cpu_seconds\":{:.2f},\"broker_memory_mb\":{:.2f}",
                     *report.broker_cpu_seconds(), report.broker_after->resident_mb);
}

std::string describe(const ProduceOptions& options) {
  std::string text = fmt::format(
      "topic {}, {} senders, {}{} bytes", options.topic, options.concurrency, options.size,
      options.max_size > options.size ? fmt::format(" to {}", options.max_size) : std::string());
  if (options.rate > 0) text += fmt::format(", {} messages/s due", options.rate);
  if (options.batch > 1) text += fmt::format(", batches of {}", options.batch);
  if (options.auto_batch) text += ", gathered by the producer";
  if (options.ordered > 0) text += fmt::format(", ordered by {} keys", options.ordered);
  if (options.transactions) text += ", each in a transaction";
  return text;
}

void print_json(const ProduceReport& report) {
  const auto& latency = report.latency;
  fmt::print(
      "{{\"sent\":{},\"failed\":{},\"rate\":{:.1f},\"p50_ms\":{:.4f},\"p99_ms\":{:.4f},"
      "\"p999_ms\":{:.4f},\"max_ms\":{:.4f},\"client_cpu_seconds\":{:.4f}{}}}\n",
      report.sent, report.failed, report.rate(), millis(latency.quantile(0.5)),
      millis(latency.quantile(0.99)), millis(latency.quantile(0.999)), millis(latency.max()),
      report.cpu_seconds, broker_json(report));
}

void print_table(const ProduceOptions& options, const ProduceReport& report) {
  const auto& latency = report.latency;
  fmt::print("{}\n", describe(options));
  fmt::print("  sent     {:>12}   failed {}\n", report.sent, report.failed);
  fmt::print("  time     {:>12.3f} s\n", report.elapsed.count());
  fmt::print("  rate     {:>12.0f} /s\n", report.rate());
  if (report.sent == 0) return;
  fmt::print("  latency  {:>12.3f} ms p50\n", millis(latency.quantile(0.5)));
  fmt::print("           {:>12.3f} ms p99\n", millis(latency.quantile(0.99)));
  fmt::print("           {:>12.3f} ms p99.9\n", millis(latency.quantile(0.999)));
  fmt::print("           {:>12.3f} ms max\n", millis(latency.max()));
  fmt::print("  CPU      {:>12.3f} s of this process ({:.3f} s per 100000 sends)\n",
             report.cpu_seconds, report.cpu_seconds * 1e5 / static_cast<double>(report.sent));
  if (const auto broker = report.broker_cpu_seconds()) {
    fmt::print("           {:>12.3f} s of the broker ({:.3f} s per 100000 messages, {:.1f} MB)\n",
               *broker, *broker * 1e5 / static_cast<double>(report.sent),
               report.broker_after->resident_mb);
  }
}

int produce(int argc, char** argv) {
  const std::optional<ProduceOptions> options = comet::bench::parse_command_line(argc, argv);
  if (!options) return 0;
  const ProduceReport report = comet::bench::produce(*options);
  if (options->json) {
    print_json(report);
  } else {
    print_table(*options, report);
  }
  return report.failed == 0 && report.sent > 0 ? 0 : 1;
}

int routes(int argc, char** argv) {
  const auto options = comet::bench::parse_routes_options(argc, argv);
  if (!options) return 0;
  const comet::bench::RoutesReport report = comet::bench::ask_routes(*options);
  comet::bench::print_report(*options, report);
  return report.failed == 0 ? 0 : 1;
}

int failover(int argc, char** argv) {
  const auto options = comet::bench::parse_failover_options(argc, argv);
  if (options) comet::bench::send_through_failover(*options);
  return 0;
}

int consume(int argc, char** argv) {
  const auto options = comet::bench::parse_consume_options(argc, argv);
  if (!options) return 0;
  const comet::bench::ConsumeReport report = comet::bench::consume(*options);
  comet::bench::print_report(*options, report);
  return report.failed == 0 && report.received >= options->count ? 0 : 1;
}

struct Command {
  std::string_view name;
  int (*run)(int argc, char** argv);  // without the program's name
  std::string_view help;
};
constexpr Command kCommands[] = {
    {"produce", produce, "sends messages and measures"},
    {"consume", consume, "reads messages and measures"},
    {"routes", routes, "asks a name server for routes and measures"},
    {"failover", failover, "sends and says when the route changes and when sends fail"},
};

std::string list_commands() {
  std::string list = "usage: comet-bench COMMAND [options]; comet-bench COMMAND --help\n";
  for (const Command& command : kCommands)
    list += fmt::format("  {:<10} {}\n", command.name, command.help);
  return list +
         "Ends with 0 when all was done, 1 when something failed, 2 for wrong usage. --version\n";
}

int run_command(int argc, char** argv) {
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  if (wanted == "--help" || wanted == "-h" || wanted == "help") {
    fmt::print("{}", list_commands());
    return 0;
  }
  if (wanted == "--version") {
    fmt::print("comet-bench {}\n", COMET_VERSION);
    return 0;
  }
  for (const Command& command : kCommands) {
    if (command.name == wanted) return command.run(argc - 1, argv + 1);
  }
  throw comet::bench::UsageError(wanted.empty() ? "a command is missing"
                                                : fmt::format("unknown command '{}'", wanted));
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  comet::log::configure(comet::log::Level::warn);
  return comet::program::run("comet-bench", [&] { return run_command(argc, argv); });
}
