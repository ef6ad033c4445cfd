#pragma once
// Options of subcommands: described in tables, from which parsing, help and completion are made.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/address.hpp"

namespace comet::inline v0_1::ctl {

// The command line cannot be understood; ends with exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Option {
 public:
  std::string_view name;   // as mqadmin has it: --topic
  char letter = 0;         // -t; 0: none
  std::string_view value;  // what stands behind it, for the help: TOPIC; empty: a flag
  std::string_view help;
  bool required = false;
};

// What every subcommand takes.
[[nodiscard]] std::span<const Option> common_options() noexcept;

// The options that were given.
class Arguments {
 public:
  // `words` without the subcommand's name. Throws UsageError; not for a missing option when the
  // help is asked for.
  static Arguments parse(std::span<const Option> options, const std::vector<std::string>& words);

  [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }
  // Precondition: the option is required, or was given.
  [[nodiscard]] const std::string& text(std::string_view name) const;
  [[nodiscard]] std::string text_or(std::string_view name, std::string_view otherwise) const;
  // The following throw UsageError naming the option when its value has another form or is out of
  // range. Absent: `otherwise`.
  [[nodiscard]] std::int64_t number(std::string_view name, std::int64_t otherwise,
                                    std::int64_t least, std::int64_t most) const;
  [[nodiscard]] std::int32_t small_number(std::string_view name, std::int32_t otherwise,
                                          std::int32_t least, std::int32_t most) const;
  [[nodiscard]] bool boolean(std::string_view name, bool otherwise) const;
  // "now" is -1, milliseconds, yyyy-MM-dd#HH:mm:ss:SSS as mqadmin has it, or yyyy-MM-dd[ HH:mm:ss].
  [[nodiscard]] std::int64_t time(std::string_view name, std::int64_t otherwise) const;
  [[nodiscard]] Address address(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace comet::inline v0_1::ctl
