// comet-namesrv: RocketMQ's name server as a daemon. Options as mqnamesrv's.

#include <malloc.h>

#include <boost/asio/io_context.hpp>
#include <boost/program_options.hpp>
#include <iostream>

#include "comet/base/log.hpp"
#include "common_settings.hpp"
#include "daemon.hpp"
#include "namesrv_metrics.hpp"
#include "namesrv_settings.hpp"
#include "worker_thread.hpp"

namespace options = boost::program_options;
using namespace comet;

namespace {

options::options_description describe_options() {
  options::options_description description("comet-namesrv: a RocketMQ name server\nOptions");
  description.add_options()("help,h", "this text, and the keys of the configuration file")(
      "configFile,c", options::value<std::string>(), "properties file (namesrv.conf)")(
      "namesrvAddr,n", options::value<std::string>(), "accepted without effect, as by mqnamesrv")(
      "printConfigItem,p", "print the effective configuration and end")(
      "logLevel", options::value<std::string>(),
      "debug, info, warn or error, instead of the configuration's")("version",
                                                                    "print the version and end");
  return description;
}

Config read_settings(const options::variables_map& given) {
  Config settings = daemon::make_namesrv_settings();
  daemon::apply_files(settings,
                      given.contains("configFile") ? given["configFile"].as<std::string>() : "");
  namesrv::apply_stored_settings(settings, settings.text("configStorePath"));
  if (given.contains("logLevel")) {
    settings.set("logLevel", given["logLevel"].as<std::string>(), "command line");
  }
  return settings;
}

int serve(const options::variables_map& given, const Config& settings,
          namesrv::NameServerConfig config) {
  // What large registrations need goes back to the system, not into malloc's reserves.
  ::mallopt(M_MMAP_THRESHOLD, 512 * 1024);
  asio::io_context context{1};
  daemon::DaemonNetwork network(settings);
  daemon::DaemonMonitor monitor(settings, context, {{"node_type", "nameserver"}});
  config.observer = monitor.request_observer();
  daemon::WorkerThread worker;
  namesrv::NameServer server({context.get_executor()}, network.network(), real_time(), config,
                             worker.executor());
  monitor.add(
      [&server](monitor::Scrape& scrape) { daemon::report_name_server(server.stats(), scrape); });
  for (const std::string& warning : settings.warnings()) log::warn("{}", warning);
  auto start = [&] {
    server.start();
    return server.local().to_string() + " (" + daemon::explain_namesrv_address(server.local()) +
           ")";
  };
  auto stop = [&] { return server.stop(real_time().now() + daemon::kStopPatience); };
  auto reload = [&] { daemon::reload([&given] { return read_settings(given); }, network); };
  return daemon::run("comet-namesrv", context, monitor, start, stop, reload);
}

int run(const options::variables_map& given, const options::options_description& description) {
  if (given.contains("help")) {
    std::cout << description << "\nKeys of the configuration file\n"
              << daemon::make_namesrv_settings().describe();
    return daemon::kExitOk;
  }
  if (given.contains("version")) {
    std::cout << "comet-namesrv " COMET_VERSION "\n";
    return daemon::kExitOk;
  }
  const Config settings = read_settings(given);
  daemon::configure_log(settings);
  namesrv::NameServerConfig config = daemon::to_name_server_config(settings);
  if (given.contains("printConfigItem")) {
    for (const std::string& warning : settings.warnings()) log::warn("{}", warning);
    std::cout << settings.print();
    return daemon::kExitOk;
  }
  return serve(given, settings, std::move(config));
}

}  // namespace

int main(int argc, char** argv) {
  const options::options_description description = describe_options();
  try {
    options::variables_map given;
    options::store(options::parse_command_line(argc, argv, description), given);
    options::notify(given);
    return run(given, description);
  } catch (const options::error& problem) {
    std::cerr << "comet-namesrv: " << problem.what() << "; see comet-namesrv --help\n";
    return daemon::kExitUsage;
  } catch (const Error& problem) {  // of the configuration; daemon::run handles those of the start
    std::cerr << "comet-namesrv: " << problem.what() << '\n';
    return daemon::kExitUsage;
  } catch (const std::exception& problem) {
    std::cerr << "comet-namesrv: " << problem.what() << '\n';
    return daemon::kExitFailed;
  }
}
