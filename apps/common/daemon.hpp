#pragma once
// What our daemons have in common: life from start to signal.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <string>

#include "daemon_monitor.hpp"
#include "event_loops.hpp"
#include "tls_settings.hpp"

namespace comet::inline v0_1::daemon {

// How long a stop may take before connections are cut.
inline constexpr std::chrono::seconds kStopPatience{10};

// `start` (blocking) returns where the daemon listens; then one line says
// "<name> ready on <where> (pid N) in X ms". On SIGINT or SIGTERM awaits `stop` and returns; a
// SIGINT meanwhile ends the process at once, a SIGTERM nothing. Errors become one line on the log.
// `reload` is called on SIGHUP. The monitor follows, and shows what becomes of the network's TLS
// files, which are read again when they are replaced. `start`, `stop` and `reload` are called on
// the main loop. Returns program::kOk, or kFailed when the daemon could not start or not stop in
// order, or an exception has left a loop. Call at the beginning of main: X counts from there.
int run(const std::string& name, EventLoops& loops, DaemonNetwork& network, DaemonMonitor& monitor,
        const std::function<std::string()>& start,
        const std::function<boost::asio::awaitable<void>()>& stop,
        const std::function<void()>& reload);

}  // namespace comet::inline v0_1::daemon
