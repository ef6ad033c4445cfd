// comet-namesrv: RocketMQ's name server as a daemon. Options as mqnamesrv's.

#include <malloc.h>

#include <iostream>

#include "comet/base/log.hpp"
#include "command_line.hpp"
#include "common_settings.hpp"
#include "configuration_check.hpp"
#include "daemon.hpp"
#include "daemon_options.hpp"
#include "descriptors.hpp"
#include "event_loops.hpp"
#include "namesrv_metrics.hpp"
#include "namesrv_settings.hpp"
#include "worker_thread.hpp"

using namespace comet;
using program::CommandLine;

namespace {

constexpr const char* kName = "comet-namesrv";

program::Options describe_options() {
  program::Options description = daemon::daemon_options("namesrv.conf");
  description.add_options()("namesrvAddr,n", boost::program_options::value<std::string>(),
                            "accepted without effect, as by mqnamesrv");
  return description;
}

void print_help(const program::Options& options) {
  std::cout << "usage: comet-namesrv [options]\nA RocketMQ name server. Ends with 0 after SIGTERM "
               "or SIGINT, with 1 when it cannot\nstart or fails, with 2 when options or "
               "configuration are wrong.\n\n"
            << options << "\nKeys of the configuration file\n"
            << daemon::make_namesrv_settings().describe();
}

// What is changed over the network lies beside the configuration file: two name servers of one
// user that have a file each never share it.
Config settings_before_files(const std::string& config_file) {
  Config settings = daemon::make_namesrv_settings();
  if (!config_file.empty()) settings.set_default("configStorePath", config_file + ".stored");
  return settings;
}

void apply_command_line(const CommandLine& given, Config& settings) {
  if (given.has("logLevel")) settings.set("logLevel", given.text("logLevel"), "command line");
}

Config read_settings(const CommandLine& given) {
  const std::string file = given.text_or("configFile", "");
  Config settings = settings_before_files(file);
  daemon::apply_files(settings, file);
  namesrv::apply_stored_settings(settings, settings.text("configStorePath"));
  apply_command_line(given, settings);
  return settings;
}

int check(const CommandLine& given) {
  daemon::ConfigurationCheck check(kName);
  const std::string file = given.text_or("configFile", "");
  Config settings = settings_before_files(file);
  check.attempt([&] { daemon::apply_files(settings, file); });
  check.attempt(
      [&] { namesrv::apply_stored_settings(settings, settings.text("configStorePath")); });
  check.attempt([&] { apply_command_line(given, settings); });
  check.attempt([&] { (void)daemon::to_name_server_config(settings); });
  check.try_tls(settings);
  return check.finish(settings);
}

int serve(const CommandLine& given, const Config& settings, namesrv::NameServerConfig config) {
  // What large registrations need goes back to the system, not into malloc's reserves.
  ::mallopt(M_MMAP_THRESHOLD, 512 * 1024);
  config.max_connections = daemon::connections_that_fit(config.max_connections);
  daemon::EventLoops loops(daemon::event_loops(settings));
  daemon::DaemonNetwork network(settings);
  daemon::DaemonMonitor monitor(settings, loops, {{"node_type", "nameserver"}});
  config.observer = monitor.request_observer();
  daemon::WorkerThread worker;
  namesrv::NameServer server(loops.executors(), network.network(), real_time(), config,
                             worker.executor());
  monitor.add_check([&server] { return server.problems(); });
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
  return daemon::run(kName, loops, network, monitor, start, stop, reload);
}

int act(const CommandLine& given, const program::Options& options) {
  if (given.has("help")) return print_help(options), program::kOk;
  if (given.has("version")) {
    std::cout << kName << " " COMET_VERSION "\n";
    return program::kOk;
  }
  if (given.has("test")) return check(given);
  const Config settings = read_settings(given);
  daemon::configure_log(settings);
  namesrv::NameServerConfig config = daemon::to_name_server_config(settings);
  if (given.has("printConfigItem")) return daemon::print_settings(settings), program::kOk;
  return serve(given, settings, std::move(config));
}

}  // namespace

int main(int argc, char** argv) { return program::run(kName, describe_options(), act, argc, argv); }
