#include "daemon_monitor.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <mutex>
#include <thread>
#include <vector>

#include "comet/base/async.hpp"
#include "comet/base/log.hpp"
#include "comet/base/tcp_network.hpp"
#include "comet/monitor/monitor_server.hpp"

namespace comet::inline v0_1::daemon {
namespace {

using monitor::Health;

// An event loop that takes longer than this to come to a new task is not well.
constexpr std::chrono::seconds kLoopPatience{2};

}  // namespace

struct DaemonMonitor::Impl {
  Impl(EventLoops& served_in, Address listen_at, monitor::Labels labels)
      : served(served_in), metrics(std::move(labels)), common(), context(1) {
    common.add(monitor::report_process);
    metrics.add([this](monitor::Scrape& scrape) { requests->report(scrape); });
    monitor::MonitorConfig config;
    config.listen_at = std::move(listen_at);
    auto check = [this] { return check_health(); };
    auto text = [this] { return metrics_text(); };
    server = std::make_unique<monitor::MonitorServer>(context.get_executor(), network, real_time(),
                                                      std::move(config), check, text);
  }

  asio::awaitable<Health> check_health();
  asio::awaitable<std::size_t> silent_loops();
  std::string problems();
  std::string metrics_text();

  EventLoops& served;
  TcpNetwork network;
  std::shared_ptr<monitor::RequestMetrics> requests = std::make_shared<monitor::RequestMetrics>();
  monitor::Metrics metrics;  // of the daemon, while it is ready
  monitor::Metrics common;   // of the process, always
  std::vector<std::function<std::vector<std::string>()>> checks;
  std::mutex mutex;
  std::string not_ready = "starting";  // why; empty: it is ready
  asio::io_context context;
  std::unique_ptr<monitor::MonitorServer> server;
  std::thread thread;
};

asio::awaitable<Health> DaemonMonitor::Impl::check_health() {
  {
    const std::scoped_lock lock(mutex);
    if (!not_ready.empty()) co_return Health(false, not_ready);
  }
  const std::size_t silent = co_await silent_loops();
  std::string all = problems();
  if (silent != 0) {
    all += fmt::format("{} of {} event loops {} not answered for {} s\n", silent, served.size(),
                       silent == 1 ? "has" : "have", kLoopPatience.count());
  }
  if (!all.empty()) all.pop_back();  // the answer ends the last line
  co_return Health(all.empty(), all);
}

// How many have not come to a new task in kLoopPatience.
asio::awaitable<std::size_t> DaemonMonitor::Impl::silent_loops() {
  class Roll {
   public:
    Roll(const asio::any_io_executor& here, std::size_t loops)
        : silent(loops), answered(here, real_time()) {}
    std::size_t silent;
    Event answered;
  };
  const asio::any_io_executor here = context.get_executor();
  const auto roll = std::make_shared<Roll>(here, served.size());
  for (const asio::any_io_executor& loop : served.executors()) {
    auto note = [roll] {
      --roll->silent;
      roll->answered.notify_all();
    };
    auto answer = [here, note] { asio::post(here, note); };
    asio::post(loop, answer);
  }
  const Instant until = real_time().now() + kLoopPatience;
  while (roll->silent != 0 && real_time().now() < until) co_await roll->answered.wait(until);
  co_return roll->silent;
}

// A line for each.
std::string DaemonMonitor::Impl::problems() {
  std::string all;
  const std::scoped_lock lock(mutex);  // checks are called only until stopping()
  if (!not_ready.empty()) return not_ready + "\n";
  for (const auto& check : checks) {
    for (const std::string& problem : check()) all += problem + "\n";
  }
  return all;
}

std::string DaemonMonitor::Impl::metrics_text() {
  std::string text = common.text();
  const std::scoped_lock lock(mutex);  // sources go away only after stopping()
  if (not_ready.empty()) text += metrics.text();
  return text;
}

DaemonMonitor::DaemonMonitor(const Config& settings, EventLoops& served, monitor::Labels labels) {
  const std::int64_t port = settings.integer("monitorPort");
  if (port < 0) return;
  Address listen_at(settings.text("monitorAddress"), static_cast<std::uint16_t>(port));
  impl_ = std::make_unique<Impl>(served, std::move(listen_at), std::move(labels));
}

DaemonMonitor::~DaemonMonitor() {
  if (impl_ == nullptr || !impl_->thread.joinable()) return;
  asio::co_spawn(impl_->context, impl_->server->stop(), asio::use_future).wait();
  impl_->thread.join();
}

std::shared_ptr<remoting::RequestObserver> DaemonMonitor::request_observer() const {
  if (impl_ == nullptr) return nullptr;
  return impl_->requests;
}

void DaemonMonitor::add(monitor::Metrics::Source source) {
  if (impl_ != nullptr) impl_->metrics.add(std::move(source));
}

void DaemonMonitor::add_check(std::function<std::vector<std::string>()> check) {
  if (impl_ != nullptr) impl_->checks.push_back(std::move(check));
}

void DaemonMonitor::start() {
  if (impl_ == nullptr) return;
  impl_->server->start();
  log::info("health and metrics on http://{}", impl_->server->local().to_string());
  impl_->thread = std::thread([this] { impl_->context.run(); });
}

void DaemonMonitor::ready() {
  if (impl_ == nullptr) return;
  const std::scoped_lock lock(impl_->mutex);
  impl_->not_ready.clear();
}

void DaemonMonitor::stopping() {
  if (impl_ == nullptr) return;
  const std::scoped_lock lock(impl_->mutex);
  impl_->not_ready = "stopping";
}

}  // namespace comet::inline v0_1::daemon
