#include "help.hpp"

#include <fmt/format.h>

namespace comet::inline v0_1::ctl {
namespace {

std::string spell(const Option& option) {
  std::string text = option.letter == 0 ? "    " : fmt::format("-{}, ", option.letter);
  text += fmt::format("--{}", option.name);
  if (!option.value.empty()) text += fmt::format(" {}", option.value);
  return text;
}

std::string list_options(std::span<const Option> options) {
  std::string text;
  for (const Option& option : options) {
    text += fmt::format("  {:<30}  {}{}\n", spell(option), option.help,
                        option.required ? " (required)" : "");
  }
  return text;
}

std::string usage(const Subcommand& subcommand) {
  std::string text = fmt::format("cometctl {}", subcommand.name);
  for (const Option& option : subcommand.options) {
    if (!option.required) continue;
    text += fmt::format(" -{} {}", option.letter, option.value);
  }
  return text + " [options]";
}

}  // namespace

std::string list_subcommands() {
  std::string text =
      "usage: cometctl SUBCOMMAND [options]\n"
      "Asks name servers and brokers of RocketMQ, Apache's or CometMQ's. Subcommands and options "
      "are mqadmin's.\n";
  std::string_view group;
  for (const Subcommand& one : subcommands()) {
    if (one.group != group) text += fmt::format("\n{}\n", one.group);
    group = one.group;
    text += fmt::format("  {:<24}{}\n", one.name, one.help);
  }
  text +=
      "\nOthers\n"
      "  help [SUBCOMMAND]       this text, or the options of a subcommand\n"
      "  completion bash         a script: source <(cometctl completion bash)\n"
      "  version                 the version of this program\n"
      "\nEnds with 0 when done, 1 when a server refuses or there is nothing, 2 for wrong usage,\n"
      "3 when a server cannot be reached.\n";
  return text;
}

std::string describe(const Subcommand& subcommand) {
  return fmt::format("usage: {}\n{}\n\nOptions\n{}\nCommon options\n{}", usage(subcommand),
                     subcommand.help, list_options(subcommand.options),
                     list_options(common_options()));
}

std::string markdown_reference() {
  std::string text;
  std::string_view group;
  const auto rows = [&text](std::span<const Option> options) {
    text += "| option | value | meaning |\n|---|---|---|\n";
    for (const Option& option : options) {
      const std::string letter =
          option.letter == 0 ? std::string() : fmt::format("`-{}`, ", option.letter);
      text += fmt::format("| {}`--{}` | {} | {}{} |\n", letter, option.name, option.value,
                          option.help, option.required ? " (required)" : "");
    }
  };
  text += "### Common options\n\n";
  rows(common_options());
  for (const Subcommand& one : subcommands()) {
    if (one.group != group) text += fmt::format("\n### {}\n", one.group);
    group = one.group;
    text += fmt::format("\n#### {}\n\n{}\n\n", one.name, one.help);
    if (!one.options.empty()) rows(one.options);
  }
  return text;
}

}  // namespace comet::inline v0_1::ctl
