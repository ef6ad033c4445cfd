#pragma once

#include <string>

#include "subcommand.hpp"

namespace comet::inline v0_1::ctl {

// `cometctl help`: all subcommands.
[[nodiscard]] std::string list_subcommands();
// `cometctl help SUBCOMMAND`.
[[nodiscard]] std::string describe(const Subcommand& subcommand);
// `cometctl completion bash`: a script to be sourced.
[[nodiscard]] std::string bash_completion();
// `cometctl help --markdown`: the reference in docs/cometctl.md.
[[nodiscard]] std::string markdown_reference();

}  // namespace comet::inline v0_1::ctl
