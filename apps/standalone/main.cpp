// comet-standalone: a name server and a broker in one process, for a first try. They talk to each
// other over TCP like separate daemons.

#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "access_settings.hpp"
#include "broker_metrics.hpp"
#include "broker_settings.hpp"
#include "comet/base/log.hpp"
#include "comet/broker/live_settings.hpp"
#include "comet/namesrv/name_server.hpp"
#include "command_line.hpp"
#include "common_settings.hpp"
#include "daemon.hpp"
#include "descriptors.hpp"
#include "event_loops.hpp"
#include "namesrv_metrics.hpp"

using namespace comet;
using program::CommandLine;

namespace {

constexpr const char* kName = "comet-standalone";

program::Options describe_options() {
  program::Options description("Options");
  const auto word = [] { return boost::program_options::value<std::string>(); };
  auto option = description.add_options();
  option("help,h", "this text");
  option("data", word()->default_value("comet-data"), "directory of all data");
  option("namesrv-port", program::number_option(9876), "0: a free one");
  option("broker-port", program::number_option(10911), "0: a free one");
  option("configFile,c", word(),
         "properties file with further settings of the broker (broker.conf)");
  option("logLevel", word(), "debug, info, warn or error, instead of the configuration's");
  option("version", "print the version and end");
  return description;
}

std::uint16_t port(const CommandLine& given, const char* option) {
  return static_cast<std::uint16_t>(given.number(option, 0, 65535));
}

Config broker_settings(const CommandLine& given) {
  Config settings = daemon::make_broker_settings();
  daemon::default_home(settings, given.text_or("configFile", ""));
  settings.set_default("brokerName", "broker-a");
  settings.set_default("namesrvAddr", "");
  daemon::apply_files(settings, given.text_or("configFile", ""));
  settings.set("storePathRootDir", given.text("data"), "command line");
  settings.set("listenPort", std::to_string(port(given, "broker-port")), "command line");
  if (given.has("logLevel")) settings.set("logLevel", given.text("logLevel"), "command line");
  broker::apply_stored_settings(settings,
                                broker::stored_settings_path(settings.text("storePathRootDir")));
  return settings;
}

int serve(const CommandLine& given) {
  const Config settings = broker_settings(given);
  daemon::configure_log(settings);
  for (const std::string& warning : settings.warnings()) log::warn("{}", warning);
  if (const std::string open = daemon::open_port_warning(settings); !open.empty()) {
    log::warn("{}", open);
  }
  broker::BrokerConfig broker_config = daemon::to_broker_config(settings);
  // The nameserver's connections come from the broker, from tools and from the same clients.
  broker_config.max_connections =
      daemon::connections_that_fit(2 * broker_config.max_connections) / 2;
  namesrv::NameServerConfig namesrv_config;
  namesrv_config.max_connections = broker_config.max_connections;
  namesrv_config.listen_at = Address("127.0.0.1", port(given, "namesrv-port"));
  namesrv_config.kv_config_path = given.text("data") + "/namesrv/kvConfig.json";

  daemon::EventLoops loops(daemon::event_loops(settings));
  daemon::DaemonNetwork daemon_network(settings);
  Network& network = daemon_network.network();
  daemon::DaemonMonitor monitor(settings, loops, daemon::broker_labels(broker_config));
  broker_config.observer = namesrv_config.observer = monitor.request_observer();
  namesrv::NameServer name_server(loops.executors(), network, real_time(), namesrv_config);
  std::unique_ptr<broker::Broker> broker;
  auto start = [&] {
    name_server.start();
    broker_config.name_servers.emplace_back("127.0.0.1", name_server.local().port());
    broker =
        std::make_unique<broker::Broker>(loops.executors(), network, real_time(), broker_config);
    broker->start();
    monitor.add_check([&] {
      std::vector<std::string> problems = name_server.problems();
      for (std::string& problem : broker->problems()) problems.push_back(std::move(problem));
      return problems;
    });
    monitor.add([&](monitor::Scrape& scrape) {
      daemon::report_name_server(name_server.stats(), scrape);
      daemon::report_broker(broker->stats(), scrape);
    });
    return fmt::format("{} (name server) and {} (broker), data in {}",
                       name_server.local().to_string(), broker->local().to_string(),
                       broker_config.store.root);
  };
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): awaited before it ends.
  auto stop = [&]() -> asio::awaitable<void> {
    const Instant deadline = real_time().now() + daemon::kStopPatience;
    co_await broker->stop(deadline);
    co_await name_server.stop(deadline);
  };
  auto reload = [&] {
    daemon::reload([&given] { return broker_settings(given); }, daemon_network);
    if (broker) broker->reload_access();
  };
  return daemon::run(kName, loops, daemon_network, monitor, start, stop, reload);
}

int act(const CommandLine& given, const program::Options& options) {
  if (given.has("help")) {
    std::cout << "usage: comet-standalone [options]\nA RocketMQ name server and a broker in one "
                 "process, on loopback. Ends with 0 after SIGTERM\nor SIGINT, with 1 when it "
                 "cannot start or fails, with 2 when options or configuration are\nwrong.\n\n"
              << options;
    return program::kOk;
  }
  if (given.has("version")) {
    std::cout << kName << " " COMET_VERSION "\n";
    return program::kOk;
  }
  return serve(given);
}

}  // namespace

int main(int argc, char** argv) { return program::run(kName, describe_options(), act, argc, argv); }
