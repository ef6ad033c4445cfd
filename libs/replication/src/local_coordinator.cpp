#include <fmt/format.h>

#include <algorithm>

#include "comet/base/log.hpp"
#include "comet/replication/coordinator.hpp"

namespace comet::inline v0_1::replication {

LocalCoordinator::LocalCoordinator(History& history, const ReplicaLog& log)
    : history_(history),
      mastership_(std::max(history.promised(), history.epochs().last_epoch()) + 1, log.end(),
                  random_id()) {
  if (!history.is_shared()) {
    history.begin_unshared_mastership(mastership_);
    return;
  }
  if (const error_code error = history.begin_mastership(mastership_)) {
    throw Error(error, fmt::format("begin epoch {} at {}", mastership_.epoch, mastership_.start));
  }
  log::info("HA: master of epoch {} from {} on", mastership_.epoch, mastership_.start);
}

void LocalCoordinator::heard_epoch(std::int64_t epoch, const std::string& from) {
  if (epoch <= mastership_.epoch || epoch <= heard_) return;
  heard_ = epoch;
  log::error(
      "HA: {} has promised epoch {}, this master is in epoch {}: another one was made master. No "
      "send is answered 0 from now on. Make this broker a slave, or, if it is to stay the master, "
      "start it again: it then goes above that epoch",
      from, epoch, mastership_.epoch);
  if (const error_code error = history_.promise(std::max(history_.promised(), epoch))) {
    log::error("HA: epoch {} cannot be promised: {}", epoch, error.message());
  }
}

asio::awaitable<SetChange> LocalCoordinator::change_set(std::vector<MemberId> /*from*/,
                                                        std::vector<MemberId> to) {
  set_ = std::move(to);
  co_return SetChange::granted;
}

asio::awaitable<std::vector<MemberId>> LocalCoordinator::settle() { co_return set_; }

}  // namespace comet::inline v0_1::replication
