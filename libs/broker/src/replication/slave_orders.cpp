// A slave and its operator: what speaks against an order, and what it may cost.

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <functional>

#include "comet/base/log.hpp"
#include "comet/broker/role_orders.hpp"
#include "replication/replication_side.hpp"
#include "request/on_helper.hpp"

namespace comet::inline v0_1::broker {

using namespace std::chrono_literals;
using replication::FollowerStatus;
using replication::PeerState;

namespace {

// A CometMQ master is heard every second, a Java one every five.
constexpr Duration kHeardLately = 7s;

std::string utc(std::int64_t millis, const char* form) {
  const std::time_t seconds = millis / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, form, &parts)};
}

OrderOutcome refused(std::string why) {
  OrderOutcome outcome;
  outcome.text = std::move(why);
  return outcome;
}

}  // namespace

bool SlaveSide::hears_the_master() const {
  const FollowerStatus status = client_->status();
  return status.state == PeerState::transfer &&
         time.wall_millis() - status.last_read_ms < to_millis(kHeardLately);
}

asio::awaitable<bool> SlaveSide::does_master_answer() {
  if (hears_the_master()) co_return true;
  co_return co_await poll_.answers();
}

std::string SlaveSide::positions() const {
  const FollowerStatus status = client_->status();
  std::string text = fmt::format("this log ends at {}", log.end());
  if (status.last_read_ms == 0) return text + "; the master was not heard since the start";
  text += fmt::format("; the master's ended at {} when it was last heard, at {} UTC",
                      status.master_end, utc(status.last_read_ms, "%Y-%m-%d %H:%M:%S"));
  if (status.master_confirmed == 0) return text;  // a Java master does not say it
  return text +
         fmt::format(", and it had acknowledged what lies in front of {}", status.master_confirmed);
}

asio::awaitable<OrderOutcome> SlaveSide::promote(BrokerRole role, bool force) {
  const bool is_answered = co_await does_master_answer();
  const FollowerStatus status = client_->status();
  const std::int64_t lost = std::max(status.master_confirmed, history.confirmed()) - log.end();
  std::string objection;
  if (is_answered) {
    objection = fmt::format(
        "the master at {} answers. Stop it first: two masters of one name take messages of which "
        "one of them has to drop its own",
        poll_.master() ? poll_.master()->to_string() : status.master_address);
  } else if (lost > 0) {
    objection = fmt::format("{} bytes that the master has acknowledged are not here", lost);
  } else if (const std::string reason = tables_.read_only_reason(); !reason.empty()) {
    objection = "the store is read-only: " + reason;
  }
  if (!objection.empty() && !force) co_return refused(objection + "; " + positions());
  Promotion promotion;
  promotion.role = role;
  promotion.slave_id = config.broker_id;
  error_code error;
  const std::function<void()> write = [&] {
    error = write_promotion(config.store.root, promotion);
  };
  co_await on_helper(files_, write);
  if (error) co_return refused("what it was made cannot be written: " + error.message());
  OrderOutcome outcome;
  outcome.is_taken = true;
  outcome.text = fmt::format(
      "{}. What the master had behind it is not here; when it returns as a slave that is cut off "
      "there, and kept in a file.{} The configuration says SLAVE still: {} counts until it says "
      "otherwise",
      positions(), objection.empty() ? "" : " Forced although " + objection + ".",
      promotion_path(config.store.root));
  log::warn("this slave was made the master: {}", outcome.text);
  co_return outcome;
}

asio::awaitable<OrderOutcome> SlaveSide::resync(bool force) {
  const PeerState state = client_->status().state;
  std::string objection;
  if (hears_the_master()) {
    objection = "this slave copies its master's log, there is nothing to mend";
  } else if (!needs_operator(state)) {
    const bool is_answered = co_await does_master_answer();
    if (!is_answered) objection = "no master answers: this may be the only copy";
  }
  if (!objection.empty() && !force) co_return refused(objection + "; " + positions());
  const std::string name = "before-resync-" + utc(time.wall_millis(), "%Y%m%dT%H%M%SZ");
  error_code error;
  const std::function<void()> write = [&] { error = order_resync(config.store.root, name); };
  co_await on_helper(files_, write);
  if (error) co_return refused("the order cannot be written: " + error.message());
  OrderOutcome outcome;
  outcome.is_taken = true;
  outcome.text = fmt::format(
      "the log, queues and index go to {}/{} and stay there until you remove them, {} bytes of "
      "log; the master's log is copied from its first byte",
      config.store.root, name, log.end() - log.begin());
  log::warn("a full copy of the master's log was ordered: {}", outcome.text);
  co_return outcome;
}

}  // namespace comet::inline v0_1::broker
