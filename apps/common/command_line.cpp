#include "command_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "comet/base/error.hpp"
#include "comet/base/parse_number.hpp"
#include "comet/base/printable.hpp"

namespace comet::inline v0_1::program {

namespace po = boost::program_options;

namespace {

[[noreturn]] void fail(std::string_view name, std::string_view text, const std::string& what) {
  throw UsageError(fmt::format("{} {}: must be {}", name, printable(text), what));
}

}  // namespace

std::int64_t parse_number(std::string_view name, std::string_view text, std::int64_t least,
                          std::int64_t most) {
  const auto value = comet::parse_number<std::int64_t>(text);
  if (!value || *value < least || *value > most) {
    fail(name, text, fmt::format("a whole number from {} to {}", least, most));
  }
  return *value;
}

double parse_real(std::string_view name, std::string_view text, double least, double most) {
  const auto value = comet::parse_number<double>(text);
  if (!value || !std::isfinite(*value) || *value < least || *value > most) {
    fail(name, text, fmt::format("a number from {} to {}", least, most));
  }
  return *value;
}

po::typed_value<std::string>* number_option(std::int64_t otherwise) {
  return po::value<std::string>()->default_value(std::to_string(otherwise));
}

CommandLine::CommandLine(int argc, const char* const* argv, const Options& options)
    : CommandLine(argc, argv, options, 0) {}

CommandLine::CommandLine(int argc, const char* const* argv, const Options& options,
                         std::size_t most_words) {
  try {
    const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    const po::parsed_options parsed =
        po::command_line_parser(argc, argv).options(options).style(style).run();
    for (const auto& option : parsed.options) {
      if (option.position_key < 0) continue;
      words_.insert(words_.end(), option.value.begin(), option.value.end());
    }
    po::store(parsed, values_);
    po::notify(values_);
  } catch (const po::error& problem) {
    throw UsageError(problem.what());
  }
  if (words_.size() > most_words) {
    throw UsageError(fmt::format("'{}' stands behind no option that takes a value",
                                 printable(words_[most_words])));
  }
}

const std::string& CommandLine::text(const std::string& option) const {
  const std::string& value = values_[option].as<std::string>();
  if (value.empty()) throw UsageError(fmt::format("--{} is empty", option));
  return value;
}

std::string CommandLine::text_or(const std::string& option, std::string otherwise) const {
  return has(option) ? text(option) : std::move(otherwise);
}

std::int64_t CommandLine::number(const std::string& option, std::int64_t least,
                                 std::int64_t most) const {
  return parse_number("--" + option, values_[option].as<std::string>(), least, most);
}

double CommandLine::real(const std::string& option, double least, double most) const {
  return parse_real("--" + option, values_[option].as<std::string>(), least, most);
}

void complain(std::string_view program, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    fmt::print(stderr, "{}: {}\n", program, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

int run(std::string_view program, const std::function<int()>& body, int code_of_errors) {
  try {
    return body();
  } catch (const UsageError& problem) {
    fmt::print(stderr, "{}: {}\nTry {} --help\n", program, problem.what(), program);
    return kUsage;
  } catch (const Error& problem) {
    // A wrong value's context says all there is to say.
    complain(program, problem.code() == BaseErrc::bad_value ? problem.context() : problem.what());
    return code_of_errors;
  } catch (const std::exception& problem) {
    complain(program, problem.what());
    return kFailed;
  }
}

int run(std::string_view program, const Options& options,
        int (*act)(const CommandLine& given, const Options& options), int argc,
        const char* const* argv) {
  return run(program, [&] { return act(CommandLine(argc, argv, options), options); }, kUsage);
}

}  // namespace comet::inline v0_1::program
