#pragma once
// What CometMQ logs, in a program of yours. Its libraries write one line per event that an operator
// cares about (a connection lost, a name server that does not answer), none per message. Without a
// call of anything below, lines of level info and above go to standard error:
//
//   2026-11-21 10:00:00.123 I text
//
//   comet::log::set_sink([](comet::log::Level level, std::string_view text) {
//   my_logger.write(level, text); });
//
// All functions may be called from any thread at any time.

#include <functional>
#include <string_view>

namespace comet::inline v0_1::log {

enum class Level { trace, debug, info, warn, error, off };

// Gets one line: no time, no line feed. Valid UTF-8 is not promised: names that others sent may be
// part of it. Called by the thread on which the event happened, by several at a time. It must not
// block for long, and must not call set_sink. What it throws is dropped.
using Sink = std::function<void(Level level, std::string_view text)>;

// From now on lines go to the sink instead of standard error; an empty one takes that back. When
// this returns, the former sink has returned too and is destroyed.
void set_sink(Sink sink);

// Lines below the level are not even formatted. Level::off: none at all.
void set_level(Level level) noexcept;
[[nodiscard]] bool enabled(Level level) noexcept;

// "info" -> Level::info; unknown text -> Level::info.
[[nodiscard]] Level parse_level(std::string_view text) noexcept;
// Level::info -> "info".
[[nodiscard]] std::string_view to_string(Level level) noexcept;

}  // namespace comet::inline v0_1::log
