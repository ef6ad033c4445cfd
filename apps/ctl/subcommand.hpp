#pragma once
// The table of subcommands: each says its name, its options and the coroutine that does it.

#include <boost/asio/awaitable.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "arguments.hpp"

namespace comet::inline v0_1::ctl {

class Context;

// Exit codes.
inline constexpr int kOk = 0;
inline constexpr int kRefused = 1;      // a server says no, or there is nothing
inline constexpr int kWrongUsage = 2;   // the command line
inline constexpr int kUnreachable = 3;  // no answer

// Does it and prints what is to be printed. The context outlives it. Returns kOk or kRefused; what
// goes wrong is thrown (comet::Error, UsageError).
using Run = boost::asio::awaitable<int> (*)(Context& context);

class Subcommand {
 public:
  std::string_view name;   // as mqadmin has it
  std::string_view group;  // heading in the list
  std::string_view help;
  std::span<const Option> options;
  Run run;
};

// All of them, in the order of the list.
[[nodiscard]] const std::vector<Subcommand>& subcommands();
// Names are taken in any case, as mqadmin takes them. Null: there is none.
[[nodiscard]] const Subcommand* find_subcommand(std::string_view name);
// The name that is most like this one; empty when none is.
[[nodiscard]] std::string_view nearest_subcommand(std::string_view name);

// One table per concern.
[[nodiscard]] std::span<const Subcommand> topic_subcommands() noexcept;
[[nodiscard]] std::span<const Subcommand> group_subcommands() noexcept;
[[nodiscard]] std::span<const Subcommand> connection_subcommands() noexcept;
[[nodiscard]] std::span<const Subcommand> offset_subcommands() noexcept;
[[nodiscard]] std::span<const Subcommand> message_subcommands() noexcept;
[[nodiscard]] std::span<const Subcommand> read_subcommands() noexcept;
[[nodiscard]] std::span<const Subcommand> send_subcommands() noexcept;
[[nodiscard]] std::span<const Subcommand> broker_subcommands() noexcept;
[[nodiscard]] std::span<const Subcommand> replication_subcommands() noexcept;
[[nodiscard]] std::span<const Subcommand> access_subcommands() noexcept;
[[nodiscard]] std::span<const Subcommand> stats_subcommands() noexcept;
[[nodiscard]] std::span<const Subcommand> namesrv_subcommands() noexcept;

}  // namespace comet::inline v0_1::ctl
