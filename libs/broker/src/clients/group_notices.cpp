#include "clients/group_notices.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "comet/base/timer.hpp"
#include "comet/remoting/message_headers.hpp"

namespace comet::inline v0_1::broker {

GroupNotices::GroupNotices(asio::any_io_executor executor, TimeSource& time,
                           const BrokerConfig& config, const GroupTable& groups,
                           const ClientRegistry& clients)
    : executor_(std::move(executor)),
      time_(time),
      config_(config),
      groups_(groups),
      clients_(clients),
      any_changed_(executor_, time) {}

void GroupNotices::group_changed(const std::string& group) {
  if (!is_to_be_told(group)) return;
  {
    const std::lock_guard lock(mutex_);
    const bool first = changed_.empty();
    changed_.insert(group);
    if (!first) return;
  }
  asio::post(executor_, [this] { any_changed_.notify_all(); });
}

bool GroupNotices::is_to_be_told(const std::string& group) const {
  if (!config_.notify_consumer_ids_changed) return false;
  const auto config = groups_.find(group);
  return !config || config->notify_consumer_ids_changed_enable;
}

asio::awaitable<void> GroupNotices::run() {
  Timer timer(executor_, time_);
  for (;;) {
    std::set<std::string> groups = take_changed();
    if (groups.empty()) {
      co_await any_changed_.wait();
      continue;
    }
    for (const std::string& group : groups) co_await tell_members(group);
    co_await timer.wait_for(kPause);
  }
}

std::set<std::string> GroupNotices::take_changed() {
  const std::lock_guard lock(mutex_);
  return std::exchange(changed_, {});
}

asio::awaitable<void> GroupNotices::tell_members(std::string group) {
  remoting::ConsumerGroupHeader header;
  header.consumer_group = group;
  for (std::uint64_t last = 0;;) {
    const auto members = clients_.next_members(group, last);
    if (members.empty()) co_return;
    for (const auto& connection : members) {
      remoting::RemotingCommand notice = remoting::RemotingCommand::request(
          remoting::RequestCode::notify_consumer_ids_changed, header);
      notice.mark_oneway();
      connection->send(std::move(notice));
    }
    co_await asio::post(executor_, asio::use_awaitable);
  }
}

}  // namespace comet::inline v0_1::broker
