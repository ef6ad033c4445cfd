#pragma once

#include <string>

#include "comet/base/config.hpp"
#include "command_line.hpp"

namespace comet::inline v0_1::daemon {

// What the command line of every daemon with a configuration file has; `usual_name`: of that file.
[[nodiscard]] program::Options daemon_options(const std::string& usual_name);

// --printConfigItem: the effective configuration, what is odd about it on the log.
void print_settings(const Config& settings);

}  // namespace comet::inline v0_1::daemon
