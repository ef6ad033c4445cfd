#include <fmt/format.h>

#include "help.hpp"

namespace comet::inline v0_1::ctl {
namespace {

std::string option_words(std::span<const Option> options) {
  std::string words;
  for (const Option& option : options)
    words += fmt::format("{}--{}", words.empty() ? "" : " ", option.name);
  return words;
}

}  // namespace

std::string bash_completion() {
  std::string names;
  std::string cases;
  for (const Subcommand& one : subcommands()) {
    names += fmt::format("{} ", one.name);
    cases += fmt::format("    {}) words=\"{}\" ;;\n", one.name, option_words(one.options));
  }
  return fmt::format(
      "# bash completion of cometctl; source <(cometctl completion bash)\n"
      "_cometctl() {{\n"
      "  local current=\"${{COMP_WORDS[COMP_CWORD]}}\" words=\"\"\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W \"{}help completion version\" -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"${{COMP_WORDS[1]}}\" in\n"
      "    help) COMPREPLY=($(compgen -W \"{}\" -- \"$current\")); return ;;\n"
      "    completion) COMPREPLY=($(compgen -W \"bash\" -- \"$current\")); return ;;\n"
      "{}"
      "  esac\n"
      "  case \"$current\" in\n"
      "    -*) COMPREPLY=($(compgen -W \"$words {}\" -- \"$current\")) ;;\n"
      "    *) COMPREPLY=($(compgen -f -- \"$current\")) ;;\n"
      "  esac\n"
      "}}\n"
      "complete -F _cometctl cometctl\n",
      names, names, cases, option_words(common_options()));
}

}  // namespace comet::inline v0_1::ctl
