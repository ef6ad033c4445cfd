// comet-namesrv: RocketMQ's name server as a daemon. Options as mqnamesrv's.

#include <boost/asio/io_context.hpp>
#include <boost/program_options.hpp>
#include <iostream>

#include "comet/base/log.hpp"
#include "daemon.hpp"
#include "namesrv_settings.hpp"
#include "tls_settings.hpp"

namespace options = boost::program_options;
using namespace comet;

namespace {

options::options_description describe_options() {
  options::options_description description("comet-namesrv: a RocketMQ name server\nOptions");
  description.add_options()("help,h", "this text, and the keys of the configuration file")(
      "configFile,c", options::value<std::string>(), "properties file (namesrv.conf)")(
      "namesrvAddr,n", options::value<std::string>(), "accepted without effect, as by mqnamesrv")(
      "printConfigItem,p", "print the effective configuration and end")(
      "logLevel", options::value<std::string>()->default_value("info"),
      "debug, info, warn or error")("version", "print the version and end");
  return description;
}

Config read_settings(const options::variables_map& given) {
  Config settings = daemon::make_namesrv_settings();
  daemon::apply_files(settings, given.contains("configFile") ? given["configFile"].as<std::string>() : "");
  return settings;
}

int serve(const Config& settings, const namesrv::NameServerConfig& config) {
  asio::io_context context{1};
  daemon::DaemonNetwork network(settings);
  namesrv::NameServer server({context.get_executor()}, network.network(), real_time(), config);
  for (const std::string& warning : settings.warnings()) log::warn("{}", warning);
  auto start = [&] {
    server.start();
    return server.local().to_string() + " (" + daemon::explain_namesrv_address(server.local()) +
           ")";
  };
  auto stop = [&] { return server.stop(real_time().now() + daemon::kStopPatience); };
  return daemon::run("comet-namesrv", context, start, stop, network.reload());
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
  log::configure(log::parse_level(given["logLevel"].as<std::string>()));
  const Config settings = read_settings(given);
  const namesrv::NameServerConfig config = daemon::to_name_server_config(settings);
  if (given.contains("printConfigItem")) {
    for (const std::string& warning : settings.warnings()) log::warn("{}", warning);
    std::cout << settings.print();
    return daemon::kExitOk;
  }
  return serve(settings, config);
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
