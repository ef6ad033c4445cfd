// comet-broker: RocketMQ's broker as a daemon. Options as mqbroker's.

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/program_options.hpp>
#include <iostream>

#include "broker_metrics.hpp"
#include "broker_settings.hpp"
#include "comet/base/log.hpp"
#include "comet/broker/live_settings.hpp"
#include "common_settings.hpp"
#include "daemon.hpp"

namespace options = boost::program_options;
using namespace comet;

namespace {

// Those that mqbroker prints with -m: what an operator most often looks for.
constexpr std::string_view kImportantKeys[] = {
    "brokerName",       "brokerClusterName", "brokerId",
    "brokerIP1",        "listenPort",        "namesrvAddr",
    "storePathRootDir", "flushDiskType",     "autoCreateTopicEnable"};

options::options_description describe_options() {
  options::options_description description("comet-broker: a RocketMQ broker\nOptions");
  description.add_options()("help,h", "this text, and the keys of the configuration file")(
      "configFile,c", options::value<std::string>(), "properties file (broker.conf)")(
      "namesrvAddr,n", options::value<std::string>(), "name servers, host:port;host:port")(
      "printConfigItem,p", "print the effective configuration and end")(
      "printImportantConfig,m", "print its most important items and end")(
      "keys", "list every key of RocketMQ's and what becomes of it here, and end")(
      "logLevel", options::value<std::string>(),
      "debug, info, warn or error, instead of the configuration's")("version",
                                                                    "print the version and end");
  return description;
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
      case ConfigKey::Use::unsupported:
        std::cout << key.name() << "\tnot supported\t" << key.help() << '\n';
        break;
    }
  }
}

Config read_settings(const options::variables_map& given) {
  Config settings = daemon::make_broker_settings();
  daemon::apply_files(settings,
                      given.contains("configFile") ? given["configFile"].as<std::string>() : "");
  for (const char* option : {"namesrvAddr", "logLevel"}) {
    if (given.contains(option))
      settings.set(option, given[option].as<std::string>(), "command line");
  }
  broker::apply_stored_settings(settings,
                                broker::stored_settings_path(settings.text("storePathRootDir")));
  return settings;
}

int serve(const options::variables_map& given, const Config& settings,
          broker::BrokerConfig config) {
  asio::io_context context{1};
  daemon::DaemonNetwork network(settings);
  daemon::DaemonMonitor monitor(settings, context, daemon::broker_labels(config));
  config.observer = monitor.request_observer();
  broker::Broker broker({context.get_executor()}, network.network(), real_time(), config);
  monitor.add(
      [&broker](monitor::Scrape& scrape) { daemon::report_broker(broker.stats(), scrape); });
  for (const std::string& warning : settings.warnings()) log::warn("{}", warning);
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
  auto reload = [&] { daemon::reload([&given] { return read_settings(given); }, network); };
  return daemon::run("comet-broker", context, monitor, start, stop, reload);
}

}  // namespace

int main(int argc, char** argv) {
  const options::options_description description = describe_options();
  try {
    options::variables_map given;
    options::store(options::parse_command_line(argc, argv, description), given);
    options::notify(given);
    if (given.contains("help")) {
      std::cout << description << "\nKeys of the configuration file\n"
                << daemon::make_broker_settings().describe();
      return daemon::kExitOk;
    }
    if (given.contains("keys")) {
      list_keys();
      return daemon::kExitOk;
    }
    if (given.contains("version")) {
      std::cout << "comet-broker " COMET_VERSION "\n";
      return daemon::kExitOk;
    }
    const Config settings = read_settings(given);
    daemon::configure_log(settings);
    const broker::BrokerConfig config = daemon::to_broker_config(settings);
    if (given.contains("printConfigItem")) {
      for (const std::string& warning : settings.warnings()) log::warn("{}", warning);
      std::cout << settings.print();
      return daemon::kExitOk;
    }
    if (given.contains("printImportantConfig")) {
      for (std::string_view key : kImportantKeys)
        std::cout << key << '=' << settings.shown(key) << '\n';
      return daemon::kExitOk;
    }
    return serve(given, settings, config);
  } catch (const options::error& problem) {
    std::cerr << "comet-broker: " << problem.what() << "; see comet-broker --help\n";
    return daemon::kExitUsage;
  } catch (const Error& problem) {
    std::cerr << "comet-broker: " << problem.what() << '\n';
    return daemon::kExitUsage;
  } catch (const std::exception& problem) {
    std::cerr << "comet-broker: " << problem.what() << '\n';
    return daemon::kExitFailed;
  }
}
