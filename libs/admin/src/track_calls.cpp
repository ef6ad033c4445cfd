// Who has consumed a message (Apache: DefaultMQAdminExtImpl.messageTrackDetail).

#include <algorithm>

#include "admin_impl.hpp"
#include "comet/remoting/errors.hpp"

namespace comet::inline v0_1::admin {
namespace {

// "A || B" has the tag; "*" and an empty expression have all. Other expressions are not evaluated.
bool wants(const Subscription& subscription, std::string_view tag) {
  std::string_view rest = subscription.expression;
  if (rest.empty() || rest == "*") return true;
  if (!subscription.expression_type.empty() && subscription.expression_type != "TAG") return true;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find("||"), rest.size());
    std::string_view item = rest.substr(0, end);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (item == tag) return true;
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  return false;
}

std::string judge(const ConsumerConnections& members, const ConsumeStats& stats,
                  const MessageQueue& queue, const MessageExt& message) {
  if (members.consume_type == "CONSUME_ACTIVELY") return "PULL";
  if (members.message_model == "BROADCASTING") return "CONSUME_BROADCASTING";
  const auto offset = stats.queues.find(queue);
  if (offset == stats.queues.end()) return "UNKNOWN";
  if (offset->second.consumer_offset <= message.queue_offset) return "NOT_CONSUME_YET";
  const auto subscription = members.subscriptions.find(message.topic());
  if (subscription != members.subscriptions.end() && !wants(subscription->second, message.tag()))
    return "CONSUMED_BUT_FILTERED";
  return "CONSUMED";
}

}  // namespace

asio::awaitable<std::string> Admin::track_in_group(std::string group, MessageQueue queue,
                                                   MessageExt message) {
  try {
    const ConsumerConnections members = co_await consumer_connections(group);
    const ConsumeStats stats = co_await consume_stats(group, message.topic());
    co_return judge(members, stats, queue, message);
  } catch (const Refused& refused) {
    if (refused.response() != ResponseCode::consumer_not_online) throw;
  }
  co_return std::string("NOT_ONLINE");
}

asio::awaitable<std::vector<MessageTrack>> Admin::tracks(MessageExt message) {
  MessageQueue queue(message.topic(), std::string(), message.queue_id);
  const std::vector<BrokerNode> servers = co_await brokers_of_topic(message.topic());
  const std::string store_host = message.store_host.to_string();
  for (const BrokerNode& server : servers) {
    if (server.address.to_string() == store_host) queue.broker_name = server.name;
  }
  std::vector<MessageTrack> result;
  const std::vector<std::string> groups = co_await groups_of_topic(message.topic());
  for (const std::string& group : groups) {
    MessageTrack track;
    track.group = group;
    track.state = co_await track_in_group(group, queue, message);
    result.push_back(std::move(track));
  }
  co_return std::move(result);
}

}  // namespace comet::inline v0_1::admin
