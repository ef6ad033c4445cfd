#include "configuration_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "comet/base/tcp_network.hpp"
#include "comet/base/tls_network.hpp"
#include "command_line.hpp"
#include "tls_settings.hpp"

namespace comet::inline v0_1::daemon {

void ConfigurationCheck::attempt(const std::function<void()>& step) {
  try {
    step();
  } catch (const Error& problem) {
    failed_ = true;
    program::complain(program_,
                      problem.code() == BaseErrc::bad_value ? problem.context() : problem.what());
  }
}

void ConfigurationCheck::try_tls(const Config& settings) {
  attempt([&settings] {
    const TlsConfig config = to_tls_config(settings);
    if (!config.server && !config.client) return;
    TcpNetwork below;
    TlsNetwork network(below, config);
  });
}

int ConfigurationCheck::finish(const Config& settings) {
  const std::vector<std::string>& unknown = settings.unknown_keys();
  for (const std::string& line : unknown) program::complain(program_, line);
  for (const std::string& line : settings.warnings()) {
    const bool said = std::ranges::find(unknown, line) != unknown.end();
    if (!said) program::complain(program_, "note: " + line);
  }
  if (failed_ || !unknown.empty()) return program::kFailed;
  fmt::print("{}: the configuration is in order\n", program_);
  return program::kOk;
}

}  // namespace comet::inline v0_1::daemon
