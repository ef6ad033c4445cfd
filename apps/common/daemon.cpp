#include "daemon.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstdlib>

#include "comet/base/async.hpp"
#include "comet/base/error.hpp"
#include "comet/base/log.hpp"
#include "comet/base/time.hpp"
#include "command_line.hpp"

namespace comet::inline v0_1::daemon {
namespace {

const auto kProcessStart = std::chrono::steady_clock::now();

asio::awaitable<void> wait_for_stop(std::string name, asio::signal_set& signals,
                                    DaemonNetwork& network, DaemonMonitor& monitor,
                                    const std::function<asio::awaitable<void>()>& stop) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  TaskGroup tasks(executor, real_time());
  tasks.spawn("TLS files", network.watch_files(real_time()));
  auto [error, number] = co_await signals.async_wait(asio::as_tuple(asio::use_awaitable));
  // A second Ctrl-C ends the process at once; supervisors and scripts may repeat SIGTERM, which
  // must not cost the orderly end.
  signals.clear();
  std::signal(SIGTERM, SIG_IGN);
  log::info("{} stops on signal {}", name, number);
  monitor.stopping();
  tasks.cancel();
  co_await tasks.join();
  co_await stop();
  log::info("{} stopped", name);
}

void reload_on_hangup(asio::signal_set& hangups, const std::function<void()>& reload) {
  hangups.async_wait([&hangups, &reload](boost::system::error_code error, int) {
    if (error) return;
    reload();
    reload_on_hangup(hangups, reload);
  });
}

// Every connection takes a descriptor; the soft limit of a login shell is far too low.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int run(const std::string& name, EventLoops& loops, DaemonNetwork& network, DaemonMonitor& monitor,
        const std::function<std::string()>& start,
        const std::function<asio::awaitable<void>()>& stop, const std::function<void()>& reload) {
  raise_descriptor_limit();
  monitor.add([&network](monitor::Scrape& scrape) { network.report(scrape); });
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ,
              SIG_IGN);  // a limit of file sizes is an error of the write, like a full disk
  asio::signal_set signals(loops.main(), SIGINT, SIGTERM);
  asio::signal_set hangups(loops.main(), SIGHUP);
  reload_on_hangup(hangups, reload);
  try {
    monitor.start();
    const std::string where = start();
    const auto took = std::chrono::steady_clock::now() - kProcessStart;
    log::info("{} ready on {} (pid {}) in {:.1f} ms", name, where, ::getpid(),
              std::chrono::duration<double, std::milli>(took).count());
  } catch (const std::exception& problem) {
    log::error("{} cannot start: {}", name, problem.what());
    return program::kFailed;
  }
  int exit_code = program::kFailed;
  auto on_end = [&](std::exception_ptr problem) {
    if (problem) {
      log::error("{} did not stop in order: {}", name, exception_text(problem));
    } else {
      exit_code = program::kOk;
    }
    loops.stop();
  };
  monitor.ready();
  asio::co_spawn(loops.main(), wait_for_stop(name, signals, network, monitor, stop), on_end);
  if (const std::string problem = loops.run(); !problem.empty()) {
    log::error("{} ends: {}", name, problem);
    return program::kFailed;
  }
  return exit_code;
}

}  // namespace comet::inline v0_1::daemon
