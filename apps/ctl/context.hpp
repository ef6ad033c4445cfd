#pragma once
// What a subcommand works with.

#include <string>
#include <vector>

#include "arguments.hpp"
#include "comet/admin/admin.hpp"
#include "comet/producer/producer_config.hpp"
#include "output.hpp"
#include "subcommand.hpp"

namespace comet::ctl {

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
// How a failure ends the program.
[[nodiscard]] int exit_code(const error_code& error) noexcept;

}  // namespace comet::ctl
