#include "common_settings.hpp"

#include "comet/base/log.hpp"

namespace comet::inline v0_1::daemon {

std::size_t event_loops(const Config& settings) {
  return static_cast<std::size_t>(settings.integer("serverSelectorThreads"));
}

void configure_log(const Config& settings) {
  log::configure(log::parse_level(settings.text("logLevel")));
}

void reload(const std::function<Config()>& read_settings, DaemonNetwork& network) {
  network.reload();
  try {
    const Config settings = read_settings();
    const std::string& level = settings.text("logLevel");
    // Said at the less silent one of the two levels.
    log::info("configuration read again: log level {}", level);
    log::set_level(log::parse_level(level));
    log::debug("log level {}", level);
  } catch (const Error& problem) {
    log::error("configuration not read again, the old one stays in use: {}", problem.what());
  }
}

}  // namespace comet::inline v0_1::daemon
