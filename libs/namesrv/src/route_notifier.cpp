#include "route_notifier.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "comet/routing/route_notification.hpp"

namespace comet::inline v0_1::namesrv {
namespace {

using remoting::RemotingCommand;
using remoting::RequestCode;

// Notifications in a row before other work has its turn; each takes some microseconds.
constexpr int kInARow = 64;

}  // namespace

bool RouteNotifier::watch(const std::shared_ptr<remoting::Connection>& connection,
                          std::string_view topic) {
  const std::scoped_lock lock(mutex_);
  if (!watches_.add(connection->id(), topic)) return false;
  connections_.try_emplace(connection->id(), connection);
  count_ = watches_.size();
  return true;
}

void RouteNotifier::connection_closed(std::uint64_t connection) {
  const std::scoped_lock lock(mutex_);
  connections_.erase(connection);
  watches_.remove_connection(connection);
  count_ = watches_.size();
}

void RouteNotifier::routes_changed(const std::vector<std::string>& topics) {
  const std::scoped_lock lock(mutex_);
  if (!watches_.changed(topics) || telling_) return;
  telling_ = true;
  tell_soon();
}

void RouteNotifier::tell_soon() {
  auto tell = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->tell_some();
  };
  asio::post(executor_, tell);
}

void RouteNotifier::tell_some() {
  for (int i = 0; i < kInARow; ++i) {
    if (!tell_one()) return;
  }
  tell_soon();
}

// False: nobody is left to be told.
bool RouteNotifier::tell_one() {
  std::shared_ptr<remoting::Connection> connection;
  std::optional<RouteWatches::Notice> notice;
  {
    const std::scoped_lock lock(mutex_);
    notice = watches_.next();
    count_ = watches_.size();
    if (!notice) {
      telling_ = false;
      return false;
    }
    const auto known = connections_.find(notice->connection);
    if (known != connections_.end()) connection = known->second.lock();
  }
  if (connection == nullptr) return true;
  RemotingCommand command = RemotingCommand::request(
      RequestCode::notify_route_changed, Body(routing::route_notification_json(notice->topics)));
  command.mark_oneway();
  connection->send(std::move(command));
  ++notifications_;
  return true;
}

}  // namespace comet::inline v0_1::namesrv
