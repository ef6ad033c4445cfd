#pragma once
// Tells consumers that others of their group have come or gone, or that it subscribes to other
// topics: they must rebalance (NOTIFY_CONSUMER_IDS_CHANGED).

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <mutex>
#include <set>
#include <string>

#include "clients/client_registry.hpp"
#include "comet/base/async.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/config.hpp"
#include "tables/group_table.hpp"

namespace comet::inline v0_1::broker {

// Members are told at once of a change, and of those that follow together, kPause later: a thousand
// connections that close at once cost each of the others two notices. Many notices go out in slices
// between which other work has its turn.
class GroupNotices {
 public:
  static constexpr Duration kPause = std::chrono::milliseconds(100);

  GroupNotices(asio::any_io_executor executor, TimeSource& time, const BrokerConfig& config,
               const GroupTable& groups, const ClientRegistry& clients);

  void group_changed(const std::string& group);  // thread-safe
  // Sends the notices until it is cancelled; on the executor.
  [[nodiscard]] asio::awaitable<void> run();

 private:
  [[nodiscard]] bool is_to_be_told(const std::string& group) const;
  [[nodiscard]] asio::awaitable<void> tell_members(std::string group);
  [[nodiscard]] std::set<std::string> take_changed();

  asio::any_io_executor executor_;
  TimeSource& time_;
  const BrokerConfig& config_;
  const GroupTable& groups_;
  const ClientRegistry& clients_;
  Event any_changed_;
  std::mutex mutex_;
  std::set<std::string> changed_;
};

}  // namespace comet::inline v0_1::broker
