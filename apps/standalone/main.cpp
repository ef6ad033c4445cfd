// comet-standalone: a name server and a broker in one process, for a first try. They talk to each
// other over TCP like separate daemons.

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/program_options.hpp>
#include <iostream>
#include <memory>

#include "broker_metrics.hpp"
#include "broker_settings.hpp"
#include "comet/base/log.hpp"
#include "comet/broker/live_settings.hpp"
#include "comet/namesrv/name_server.hpp"
#include "common_settings.hpp"
#include "daemon.hpp"
#include "namesrv_metrics.hpp"

namespace options = boost::program_options;
using namespace comet;

namespace {

options::options_description describe_options() {
  options::options_description description(
      "comet-standalone: a RocketMQ name server and a broker in one process, on loopback\nOptions");
  description.add_options()("help,h", "this text")(
      "data", options::value<std::string>()->default_value("comet-data"), "directory of all data")(
      "namesrv-port", options::value<std::uint16_t>()->default_value(9876), "0: a free one")(
      "broker-port", options::value<std::uint16_t>()->default_value(10911), "0: a free one")(
      "configFile,c", options::value<std::string>(),
      "properties file with further settings of the broker (broker.conf)")(
      "logLevel", options::value<std::string>(),
      "debug, info, warn or error, instead of the configuration's")("version",
                                                                    "print the version and end");
  return description;
}

Config broker_settings(const options::variables_map& given) {
  Config settings = daemon::make_broker_settings();
  settings.set_default("brokerName", "broker-a");
  settings.set_default("namesrvAddr", "");
  daemon::apply_files(settings,
                      given.contains("configFile") ? given["configFile"].as<std::string>() : "");
  settings.set("storePathRootDir", given["data"].as<std::string>(), "command line");
  settings.set("listenPort", std::to_string(given["broker-port"].as<std::uint16_t>()),
               "command line");
  if (given.contains("logLevel"))
    settings.set("logLevel", given["logLevel"].as<std::string>(), "command line");
  broker::apply_stored_settings(settings,
                                broker::stored_settings_path(settings.text("storePathRootDir")));
  return settings;
}

int serve(const options::variables_map& given) {
  const Config settings = broker_settings(given);
  daemon::configure_log(settings);
  for (const std::string& warning : settings.warnings()) log::warn("{}", warning);
  broker::BrokerConfig broker_config = daemon::to_broker_config(settings);
  namesrv::NameServerConfig namesrv_config;
  namesrv_config.listen_at = Address("127.0.0.1", given["namesrv-port"].as<std::uint16_t>());
  namesrv_config.kv_config_path = given["data"].as<std::string>() + "/namesrv/kvConfig.json";

  asio::io_context context{1};
  daemon::DaemonNetwork daemon_network(settings);
  Network& network = daemon_network.network();
  daemon::DaemonMonitor monitor(settings, context, daemon::broker_labels(broker_config));
  broker_config.observer = namesrv_config.observer = monitor.request_observer();
  namesrv::NameServer name_server({context.get_executor()}, network, real_time(), namesrv_config);
  std::unique_ptr<broker::Broker> broker;
  auto start = [&] {
    name_server.start();
    broker_config.name_servers.emplace_back("127.0.0.1", name_server.local().port());
    broker =
        std::make_unique<broker::Broker>(std::vector<asio::any_io_executor>{context.get_executor()},
                                         network, real_time(), broker_config);
    broker->start();
    monitor.add([&](monitor::Scrape& scrape) {
      daemon::report_name_server(name_server.stats(), scrape);
      daemon::report_broker(broker->stats(), scrape);
    });
    return fmt::format("{} (name server) and {} (broker), data in {}",
                       name_server.local().to_string(), broker->local().to_string(),
                       broker_config.store.root);
  };
  auto stop = [&]() -> asio::awaitable<void> {
    const Instant deadline = real_time().now() + daemon::kStopPatience;
    co_await broker->stop(deadline);
    co_await name_server.stop(deadline);
  };
  auto reload = [&] {
    daemon::reload([&given] { return broker_settings(given); }, daemon_network);
  };
  return daemon::run("comet-standalone", context, monitor, start, stop, reload);
}

}  // namespace

int main(int argc, char** argv) {
  const options::options_description description = describe_options();
  try {
    options::variables_map given;
    options::store(options::parse_command_line(argc, argv, description), given);
    options::notify(given);
    if (given.contains("help")) {
      std::cout << description;
      return daemon::kExitOk;
    }
    if (given.contains("version")) {
      std::cout << "comet-standalone " COMET_VERSION "\n";
      return daemon::kExitOk;
    }
    return serve(given);
  } catch (const options::error& problem) {
    std::cerr << "comet-standalone: " << problem.what() << "; see comet-standalone --help\n";
    return daemon::kExitUsage;
  } catch (const std::exception& problem) {
    std::cerr << "comet-standalone: " << problem.what() << '\n';
    return daemon::kExitUsage;
  }
}
