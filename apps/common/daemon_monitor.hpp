#pragma once
// A daemon's HTTP endpoint for its operator's tools.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "comet/base/config.hpp"
#include "comet/monitor/metrics.hpp"
#include "comet/monitor/request_metrics.hpp"
#include "event_loops.hpp"

namespace comet::inline v0_1::daemon {

// Serves on a thread of its own, so that it tells of a start that takes long or of event loops
// that hang, and so that writing thousands of samples delays no request. Without monitorPort there
// is neither thread nor endpoint.
class DaemonMonitor {
 public:
  // `served`: the daemon's event loops; they must outlive the monitor.
  DaemonMonitor(const Config& settings, EventLoops& served, monitor::Labels labels);
  ~DaemonMonitor();  // ends the thread
  DaemonMonitor(const DaemonMonitor&) = delete;
  DaemonMonitor& operator=(const DaemonMonitor&) = delete;

  // For the daemon's servers; null without an endpoint, so that nothing is counted in vain.
  [[nodiscard]] std::shared_ptr<remoting::RequestObserver> request_observer() const;
  // A source is called on the monitor's thread while the daemon is ready.
  void add(monitor::Metrics::Source source);

  // What keeps the daemon from being well, besides hanging event loops; empty: nothing. Called on
  // the monitor's thread while the daemon is ready; /health answers 503 with all of them.
  void add_check(std::function<std::vector<std::string>()> check);

  // Listens; from now on /health says "starting". Throws Error naming the address.
  void start();
  void ready();
  // From now on nobody asks the sources any more.
  void stopping();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace comet::inline v0_1::daemon
