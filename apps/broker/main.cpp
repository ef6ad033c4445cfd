// comet-broker: RocketMQ's broker as a daemon. Options as mqbroker's.

#include <fmt/format.h>
#include <malloc.h>

#include <iostream>

#include "access_settings.hpp"
#include "broker_metrics.hpp"
#include "broker_settings.hpp"
#include "comet/base/log.hpp"
#include "comet/broker/live_settings.hpp"
#include "comet/broker/role_orders.hpp"
#include "command_line.hpp"
#include "common_settings.hpp"
#include "configuration_check.hpp"
#include "daemon.hpp"
#include "daemon_options.hpp"
#include "descriptors.hpp"
#include "event_loops.hpp"
#include "new_start.hpp"
#include "own_address.hpp"
#include "replication_settings.hpp"

using namespace comet;
using program::CommandLine;

namespace {

// Those that mqbroker prints with -m: what an operator most often looks for.
constexpr std::string_view kImportantKeys[] = {
    "brokerName",       "brokerClusterName", "brokerId",
    "brokerIP1",        "listenPort",        "namesrvAddr",
    "storePathRootDir", "flushDiskType",     "autoCreateTopicEnable"};

constexpr const char* kName = "comet-broker";

program::Options describe_options() {
  program::Options description = daemon::daemon_options("broker.conf");
  auto option = description.add_options();
  option("namesrvAddr,n", boost::program_options::value<std::string>(),
         "name servers, host:port;host:port");
  option("printImportantConfig,m", "print its most important items and end");
  option("keys", "list every key of RocketMQ's and what becomes of it here, and end");
  return description;
}

void print_help(const program::Options& options) {
  std::cout << "usage: comet-broker [options]\nA RocketMQ broker. Ends with 0 after SIGTERM or "
               "SIGINT, with 1 when it cannot start or\nfails, with 2 when options or "
               "configuration are wrong.\n\n"
            << options << "\nKeys of the configuration file\n"
            << daemon::make_broker_settings().describe();
}

// One line for each key: its name, its use, the reason of what is not supported.
void list_keys() {
  for (const ConfigKey& key : daemon::broker_keys()) {
    switch (key.use()) {
      case ConfigKey::Use::used:
        std::cout << key.name() << "\tused\t" << key.help() << '\n';
        break;
      case ConfigKey::Use::no_effect:
        std::cout << key.name() << "\tno effect\n";
        break;
      case ConfigKey::Use::refused:
        std::cout << key.name() << "\tonly " << key.choices() << "\t" << key.help() << '\n';
        break;
      case ConfigKey::Use::unsupported:
        std::cout << key.name() << "\tnot supported\t" << key.help() << '\n';
        break;
    }
  }
}

void apply_command_line(const CommandLine& given, Config& settings) {
  for (const char* option : {"namesrvAddr", "logLevel"}) {
    if (given.has(option)) settings.set(option, given.text(option), "command line");
  }
}

void apply_stored(Config& settings) {
  broker::apply_stored_settings(settings,
                                broker::stored_settings_path(settings.text("storePathRootDir")));
  broker::apply_promotion(settings);
}

// A configuration that says master by itself needs no promotion any more; a later SLAVE is meant.
void settle_promotion(const CommandLine& given) {
  Config plain = daemon::make_broker_settings();
  daemon::apply_files(plain, given.text_or("configFile", ""));
  if (plain.text("brokerRole") == "SLAVE") return;
  broker::forget_promotion(plain.text("storePathRootDir"));
}

Config read_settings(const CommandLine& given) {
  Config settings = daemon::make_broker_settings();
  daemon::default_home(settings, given.text_or("configFile", ""));
  daemon::apply_files(settings, given.text_or("configFile", ""));
  apply_command_line(given, settings);
  apply_stored(settings);
  daemon::explain_replication(settings);
  return settings;
}

int check(const CommandLine& given) {
  daemon::ConfigurationCheck check(kName);
  Config settings = daemon::make_broker_settings();
  daemon::default_home(settings, given.text_or("configFile", ""));
  check.attempt([&] { daemon::apply_files(settings, given.text_or("configFile", "")); });
  check.attempt([&] { apply_command_line(given, settings); });
  check.attempt([&] { apply_stored(settings); });
  check.attempt([&] { daemon::announce_where_name_servers_reach(settings); });
  check.attempt([&] { (void)daemon::to_broker_config(settings); });
  daemon::explain_replication(settings);
  check.try_tls(settings);
  return check.finish(settings);
}

int serve(const CommandLine& given, const Config& settings, broker::BrokerConfig config) {
  // What large frames need goes back to the system, not into malloc's reserves.
  ::mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
  daemon::EventLoops loops(daemon::event_loops(settings));
  config.max_connections = daemon::connections_that_fit(config.max_connections);
  daemon::DaemonNetwork network(settings);
  daemon::DaemonMonitor monitor(settings, loops, daemon::broker_labels(config));
  config.observer = monitor.request_observer();
  settle_promotion(given);
  config.on_restart_due = [] { daemon::stop_and_start_anew(); };
  broker::Broker broker(loops.executors(), network.network(), real_time(), config);
  monitor.add_check([&broker] { return broker.problems(); });
  monitor.add(
      [&broker](monitor::Scrape& scrape) { daemon::report_broker(broker.stats(), scrape); });
  for (const std::string& warning : settings.warnings()) log::warn("{}", warning);
  if (const std::string open = daemon::open_port_warning(settings); !open.empty()) {
    log::warn("{}", open);
  }
  if (config.name_servers.empty()) {
    log::warn(
        "no name server is configured: clients will not find this broker (namesrvAddr or -n)");
  }
  auto start = [&] {
    broker.start();
    return fmt::format("{} ({}), announced as {}, broker {} of cluster {}, data in {}",
                       broker.local().to_string(), daemon::explain_listen_address(settings),
                       broker.announced_address(), config.broker_name, config.cluster_name,
                       config.store.root);
  };
  auto stop = [&] { return broker.stop(real_time().now() + daemon::kStopPatience); };
  auto reload = [&] {
    daemon::reload([&given] { return read_settings(given); }, network);
    broker.reload_access();
  };
  return daemon::run(kName, loops, network, monitor, start, stop, reload);
}

int act(const CommandLine& given, const program::Options& options) {
  if (given.has("help")) return print_help(options), program::kOk;
  if (given.has("keys")) return list_keys(), program::kOk;
  if (given.has("version")) {
    std::cout << kName << " " COMET_VERSION "\n";
    return program::kOk;
  }
  if (given.has("test")) return check(given);
  Config settings = read_settings(given);
  daemon::announce_where_name_servers_reach(settings);
  daemon::configure_log(settings);
  const broker::BrokerConfig config = daemon::to_broker_config(settings);
  if (given.has("printConfigItem")) return daemon::print_settings(settings), program::kOk;
  if (given.has("printImportantConfig")) {
    for (std::string_view key : kImportantKeys)
      std::cout << key << '=' << settings.shown(key) << '\n';
    return program::kOk;
  }
  return serve(given, settings, config);
}

}  // namespace

int main(int argc, char** argv) {
  const int code = program::run(kName, describe_options(), act, argc, argv);
  return code == program::kOk ? daemon::start_anew_if_due(argv) : code;
}
