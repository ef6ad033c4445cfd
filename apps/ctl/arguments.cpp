#include "arguments.hpp"

#include <fmt/format.h>

#include <boost/program_options.hpp>

#include "comet/base/parse_number.hpp"
#include "times.hpp"

namespace comet::inline v0_1::ctl {
namespace {

namespace po = boost::program_options;

constexpr Option kCommon[] = {
    {"namesrvAddr", 'n', "LIST", "name servers, host:port;host:port (else NAMESRV_ADDR)"},
    {"json", 0, "", "print JSON for programs"},
    {"timeout", 0, "MS", "for each request (5000)"},
    {"accessKey", 0, "KEY", "sign requests (else ROCKETMQ_ACCESS_KEY)"},
    {"secretKey", 0, "KEY", "the secret of that key (else ROCKETMQ_SECRET_KEY)"},
    {"aclFile", 0, "FILE", "read both from a file like mqadmin's conf/tools.yml"},
    {"tls", 0, "", "connect with TLS"},
    {"tlsTrustCert", 0, "FILE", "who may sign for servers (the system's certificates)"},
    {"tlsAnyServer", 0, "", "do not check the servers' certificates"},
    {"help", 'h', "", "this text"},
};

void describe(po::options_description& description, std::span<const Option> options) {
  for (const Option& option : options) {
    std::string name(option.name);
    if (option.letter != 0) name += {',', option.letter};
    if (option.value.empty()) {
      description.add_options()(name.c_str(), "");
    } else {
      description.add_options()(name.c_str(), po::value<std::string>(), "");
    }
  }
}

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

[[noreturn]] void fail(std::string_view option, std::string_view value, std::string_view wanted) {
  throw UsageError(fmt::format("--{} {}: {}", option, value, wanted));
}

}  // namespace

std::span<const Option> common_options() noexcept { return kCommon; }

Arguments Arguments::parse(std::span<const Option> options, const std::vector<std::string>& words) {
  po::options_description description;
  describe(description, options);
  describe(description, kCommon);
  po::variables_map found;
  try {
    const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    po::command_line_parser parser(words);
    parser.options(description).style(style).positional(po::positional_options_description());
    po::store(parser.run(), found);
  } catch (const po::too_many_positional_options_error&) {
    throw UsageError("every argument belongs behind an option");
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  Arguments arguments;
  for (const auto& [name, value] : found) {
    const std::string* text = boost::any_cast<std::string>(&value.value());
    arguments.values_.emplace(name, text == nullptr ? "" : trimmed(*text));
  }
  if (arguments.has("help")) return arguments;
  for (const Option& option : options) {
    if (option.required && arguments.text_or(option.name, "").empty())
      throw UsageError(fmt::format("-{} (--{}) is missing", option.letter, option.name));
  }
  return arguments;
}

const std::string& Arguments::text(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw UsageError(fmt::format("--{} is missing", name));
  return found->second;
}

std::string Arguments::text_or(std::string_view name, std::string_view otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string(otherwise) : found->second;
}

std::int64_t Arguments::number(std::string_view name, std::int64_t otherwise, std::int64_t least,
                               std::int64_t most) const {
  if (!has(name)) return otherwise;
  const std::string& value = text(name);
  const auto number = parse_number<std::int64_t>(value);
  if (!number) fail(name, value, "is no number");
  if (*number < least || *number > most)
    fail(name, value, fmt::format("must be from {} to {}", least, most));
  return *number;
}

std::int32_t Arguments::small_number(std::string_view name, std::int32_t otherwise,
                                     std::int32_t least, std::int32_t most) const {
  return static_cast<std::int32_t>(number(name, otherwise, least, most));
}

bool Arguments::boolean(std::string_view name, bool otherwise) const {
  if (!has(name)) return otherwise;
  const std::string& value = text(name);
  if (value == "true") return true;
  if (value == "false") return false;
  fail(name, value, "must be true or false");
}

std::int64_t Arguments::time(std::string_view name, std::int64_t otherwise) const {
  if (!has(name)) return otherwise;
  const std::string& value = text(name);
  if (const std::optional<std::int64_t> millis = parse_time(value)) return *millis;
  fail(name, value, "is no time; use milliseconds, yyyy-MM-dd#HH:mm:ss:SSS or now");
}

Address Arguments::address(std::string_view name) const {
  const std::string& value = text(name);
  Result<Address> address = Address::parse(value);
  if (!address || address->port() == 0) fail(name, value, "is no host:port");
  return std::move(*address);
}

}  // namespace comet::inline v0_1::ctl
