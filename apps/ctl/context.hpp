#pragma once
// What a subcommand works with.

#include <stdexcept>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "comet/admin/admin.hpp"
#include "comet/producer/producer_config.hpp"
#include "output.hpp"
#include "subcommand.hpp"

namespace comet::inline v0_1::ctl {

class Context {
 public:
  Context(admin::Admin& admin_in, const Arguments& arguments_in, Output& out_in)
      : admin(admin_in), arguments(arguments_in), out(out_in) {}

  // -b or -c, one of which must have been given.
  [[nodiscard]] admin::Scope scope() const;
  // The same; without either, all masters.
  [[nodiscard]] admin::Scope scope_or_everywhere() const;

  admin::Admin& admin;
  const Arguments& arguments;
  Output& out;
};

// Settings from the common options and the environment. Throws UsageError, Error.
[[nodiscard]] admin::AdminConfig admin_config(const Arguments& arguments);
[[nodiscard]] ProducerConfig producer_config(const Arguments& arguments, std::string group);

// What became of a change, one line per server. kOk when all have done it.
[[nodiscard]] int print_outcomes(Context& context, const std::vector<admin::Outcome>& outcomes,
                                 Report report);
// There is nothing to show; ends with kRefused.
class NothingFound : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
// A refusal that means that there is nothing, not that something is wrong.
[[nodiscard]] bool means_nothing(const admin::Refused& refused) noexcept;
// How a failure ends the program.
[[nodiscard]] int exit_code(const error_code& error) noexcept;

}  // namespace comet::inline v0_1::ctl
