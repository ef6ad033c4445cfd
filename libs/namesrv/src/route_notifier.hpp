#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "comet/remoting/connection.hpp"
#include "counters.hpp"
#include "route_watches.hpp"
#include "tables/route_table.hpp"

namespace comet::inline v0_1::namesrv {

// Tells connections of changes of the routes that they watch. Thread-safe; what there is to tell is
// told on the executor, some at a time, so that thousands of watchers hold up nobody.
class RouteNotifier final : public RouteObserver,
                            public std::enable_shared_from_this<RouteNotifier> {
 public:
  RouteNotifier(asio::any_io_executor executor, RouteWatchLimits limits)
      : executor_(std::move(executor)), watches_(limits) {}

  // False: there is no room. To be called before the route is looked up, so that no change is
  // missed.
  bool watch(const std::shared_ptr<remoting::Connection>& connection, std::string_view topic);
  void connection_closed(std::uint64_t connection);

  [[nodiscard]] bool active() const noexcept override {
    return count_.load(std::memory_order_relaxed) != 0;
  }
  void routes_changed(const std::vector<std::string>& topics) override;

  [[nodiscard]] std::size_t watches() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t notifications() const noexcept { return notifications_.value(); }

 private:
  void tell_soon();
  void tell_some();
  bool tell_one();

  const asio::any_io_executor executor_;
  std::mutex mutex_;
  RouteWatches watches_;
  std::unordered_map<std::uint64_t, std::weak_ptr<remoting::Connection>> connections_;
  bool telling_ = false;               // tell_some() has been posted
  std::atomic<std::size_t> count_{0};  // of watches
  Count notifications_;
};

}  // namespace comet::inline v0_1::namesrv
