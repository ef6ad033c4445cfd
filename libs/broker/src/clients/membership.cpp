// Heartbeats and group membership (Apache: ClientManageProcessor, ConsumerManageProcessor).

#include "clients/membership.hpp"

#include <fmt/format.h>
#include <malloc.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <tuple>

#include "comet/base/json.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/message_headers.hpp"
#include "request/answers.hpp"
#include "request/later_answers.hpp"
#include "request/on_header.hpp"
#include "tables/retry_topics.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::ResponseCode;

// What reading one beyond this took goes back to the system.
constexpr std::size_t kHugeHeartbeat = 256u << 10;

}  // namespace

void MembershipFeature::register_consumer(Request& request, const ClientInfo& client,
                                          const ConsumerData& consumer) {
  auto group = groups_.find_or_create(consumer.group);
  if (!group) return;
  // Its members subscribe to the retry topic, too.
  std::ignore = retry_topic(topics_, *group, consumer.unit_mode);
  const bool is_news = clients_.register_consumer(request.connection, client, consumer);
  filters_.subscribe(consumer.group, consumer.subscriptions);
  // Whoever saw it close did not know the filters yet.
  if (!request.connection->is_open()) forget_filters(consumer.group);
  if (is_news) notices_.group_changed(consumer.group);
}

void MembershipFeature::forget_filters(std::string_view group) {
  filters_.member_left(group, [this, group] { return !clients_.has_consumers(group); });
}

void MembershipFeature::connection_closed(std::uint64_t connection_id) {
  for (const auto& group : clients_.connection_closed(connection_id)) {
    if (group.is_empty) {
      forget_filters(group.name);
    } else {
      notices_.group_changed(group.name);
    }
  }
}

// Why the heartbeat is not taken; empty: it is.
std::string MembershipFeature::find_fault(const Request& request,
                                          const Result<Heartbeat>& heartbeat) const {
  if (!heartbeat || heartbeat->client_id.empty()) {
    return "the heartbeat's body is not a JSON object with a clientID";
  }
  if (heartbeat->client_id.size() > kLongestClientId) {
    return fmt::format("the heartbeat's clientID is longer than {} bytes", kLongestClientId);
  }
  std::string fault = clients_.find_fault(request.connection->id(), *heartbeat);
  if (!fault.empty()) refusals_.log(request.connection->remote(), fault);
  return fault;
}

RemotingCommand MembershipFeature::take_heartbeat(Request& request) {
  const auto heartbeat = parse_heartbeat(request.command.body.view(), config_.clients);
  if (std::string fault = find_fault(request, heartbeat); !fault.empty()) {
    return RemotingCommand::response(request.command, ResponseCode::system_error, std::move(fault));
  }
  ClientInfo client;
  client.id = heartbeat->client_id;
  client.language = request.command.language;
  client.version = request.command.version;
  client.fingerprint = heartbeat->fingerprint;
  bool needs_full_heartbeat = false;
  for (const ConsumerData& consumer : heartbeat->consumers) {
    if (!heartbeat->without_subscriptions) {
      register_consumer(request, client, consumer);
    } else if (!clients_.refresh_consumer(request.connection, client, consumer.group)) {
      needs_full_heartbeat = true;
    }
  }
  if (!heartbeat->without_subscriptions) renewed_(request.connection->id(), heartbeat->consumers);
  for (const std::string& group : heartbeat->producer_groups) {
    if (!check_group(group).empty()) continue;
    clients_.register_producer(request.connection, client, group);
  }
  RemotingCommand response = RemotingCommand::response(request.command, ResponseCode::success);
  response.fields.add("IS_SUPPORT_HEART_BEAT_V2", true);
  response.fields.add("IS_SUB_CHANGE", needs_full_heartbeat);
  return response;
}

Reply MembershipFeature::heart_beat(Request& request) {
  const std::size_t size = request.command.body.size();
  const std::size_t most = config_.clients.max_heartbeat_bytes;
  if (size > most) {
    std::string fault =
        fmt::format("the heartbeat has {} bytes: maxHeartbeatBytes is {}", size, most);
    refusals_.log(request.connection->remote(), fault);
    return RemotingCommand::response(request.command, ResponseCode::system_error, std::move(fault));
  }
  // Most are of 1 KiB, and the work that they make grows with them.
  return answer_by_size(helper_, request, [this](Request& asked) {
    RemotingCommand answer = take_heartbeat(asked);
    if (asked.command.body.size() > kHugeHeartbeat) ::malloc_trim(0);
    return answer;
  });
}

RemotingCommand MembershipFeature::unregister_client(
    const Request& request, const remoting::UnregisterClientHeader& header) {
  const std::uint64_t connection = request.connection->id();
  if (header.producer_group) clients_.unregister_producer(connection, *header.producer_group);
  if (header.consumer_group && clients_.unregister_consumer(connection, *header.consumer_group)) {
    forget_filters(*header.consumer_group);
    notices_.group_changed(std::string(*header.consumer_group));
  }
  return RemotingCommand::response(request.command, ResponseCode::success);
}

Reply MembershipFeature::consumer_list(const Request& request,
                                       const remoting::ConsumerGroupHeader& header) {
  std::vector<std::string> ids = clients_.consumer_ids(header.consumer_group);
  if (ids.empty()) {
    return RemotingCommand::response(
        request.command, ResponseCode::system_error,
        "no consumer for this group, " + std::string(header.consumer_group));
  }
  boost::json::object root;
  root["consumerIdList"] = boost::json::array(ids.begin(), ids.end());
  RemotingCommand response = RemotingCommand::response(request.command, ResponseCode::success);
  response.body = Body(boost::json::serialize(root));
  return response;
}

// Java consumers ask at their start whether the broker can filter as they want.
RemotingCommand MembershipFeature::check_client_config(Request& request) const {
  auto parsed = parse_json(request.command.body.view());
  const boost::json::object* root = parsed ? parsed->if_object() : nullptr;
  const boost::json::value* data =
      root == nullptr ? nullptr : root->if_contains("subscriptionData");
  if (data != nullptr && data->is_object()) {
    const Subscription subscription = Subscription::from_json(data->get_object());
    if (!subscription.is_tag_filter() && !config_.property_filter) {
      return RemotingCommand::response(request.command, ResponseCode::system_error,
                                       no_such_filter(subscription.expression_type));
    }
    if (!subscription.error.empty()) {
      return RemotingCommand::response(request.command, ResponseCode::subscription_parse_failed,
                                       subscription.error);
    }
  }
  return RemotingCommand::response(request.command, ResponseCode::success);
}

void MembershipFeature::install(remoting::Dispatcher& dispatcher) {
  using remoting::RequestCode;
  dispatcher.on(RequestCode::heart_beat, [this](Request& request) { return heart_beat(request); });
  on_header_by_size<remoting::UnregisterClientHeader>(dispatcher, helper_,
                                                      RequestCode::unregister_client, this,
                                                      &MembershipFeature::unregister_client);
  dispatcher.on(RequestCode::check_client_config, [this](Request& request) {
    return answer_by_size(helper_, request,
                          [this](Request& asked) { return check_client_config(asked); });
  });
  on_header<remoting::ConsumerGroupHeader>(dispatcher, RequestCode::get_consumer_list_by_group,
                                           this, &MembershipFeature::consumer_list);
}

}  // namespace comet::inline v0_1::broker
