// Consumer groups and the clients of brokers.

#include <algorithm>

#include "admin_impl.hpp"
#include "comet/message/message_id.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/errors.hpp"
#include "comet/remoting/message_headers.hpp"
#include "table_parts.hpp"

namespace comet::inline v0_1::admin {
namespace {

// Adds those that are not there yet: a client is connected to several brokers.
void merge(std::vector<ClientConnection>& into, std::vector<ClientConnection> more) {
  for (ClientConnection& connection : more) {
    const auto same = [&](const ClientConnection& other) {
      return other.client_id == connection.client_id;
    };
    if (std::none_of(into.begin(), into.end(), same)) into.push_back(std::move(connection));
  }
  std::sort(into.begin(), into.end(),
            [](const auto& a, const auto& b) { return a.client_id < b.client_id; });
}

void merge(ConsumerConnections& into, ConsumerConnections more) {
  if (into.consume_type.empty()) {
    into.consume_type = more.consume_type;
    into.message_model = more.message_model;
    into.consume_from_where = more.consume_from_where;
  }
  into.subscriptions.merge(more.subscriptions);
  merge(into.connections, std::move(more.connections));
}

RemotingCommand consumer_group_request(RequestCode code, std::string_view group) {
  remoting::ConsumerGroupHeader header;
  header.consumer_group = group;
  return RemotingCommand::request(code, header);
}

// Of several brokers the first refusal is told, should none have an answer.
void keep_first(std::optional<Refused>& first, const Refused& refused) {
  if (!first) first.emplace(refused);
}

}  // namespace

asio::awaitable<GroupTable::Groups> Admin::groups(Address broker) {
  constexpr RequestCode kCode = RequestCode::get_all_subscriptiongroup_config;
  TableParts<GroupConfig> parts;
  for (bool has_more = true; has_more;) {
    remoting::GroupPageHeader header;
    if (const std::optional<std::int32_t> next = parts.next()) {
      header.group_seq = next;
      header.max_group_num = parts.kMost;
      header.data_version = parts.version();
    }
    RemotingCommand request = RemotingCommand::request(kCode, header);
    const RemotingCommand answer = co_await impl_->ask(broker, std::move(request));
    GroupTable table = require_body(parse_group_table(answer.body.view()), kCode, &broker);
    const auto fields = require_header<remoting::GroupPageResponseHeader>(answer, kCode, broker);
    has_more = parts.take(std::move(table.groups), table.data_version, fields.total_group_num);
  }
  co_return std::move(parts.entries());
}

asio::awaitable<std::vector<Outcome>> Admin::put_group(Scope scope, GroupConfig group) {
  RemotingCommand request = RemotingCommand::request(
      RequestCode::update_and_create_subscriptiongroup, Body(to_json(group)));
  std::vector<BrokerNode> servers = co_await brokers(scope);
  co_return co_await impl_->tell_each(std::move(servers), std::move(request));
}

asio::awaitable<std::vector<Outcome>> Admin::delete_group(Scope scope, std::string group,
                                                          bool remove_offsets) {
  remoting::DeleteGroupHeader header;
  header.group_name = group;
  header.remove_offset = remove_offsets;
  header.clean_offset = remove_offsets;
  RemotingCommand request = RemotingCommand::request(RequestCode::delete_subscriptiongroup, header);
  std::vector<BrokerNode> servers = co_await brokers(scope);
  co_return co_await impl_->tell_each(std::move(servers), std::move(request));
}

asio::awaitable<ConsumeStats> Admin::consume_stats(std::string group, std::string topic) {
  const std::vector<BrokerNode> servers = co_await brokers_of_group(group);
  ConsumeStats all;
  for (const BrokerNode& server : servers) {
    ConsumeStats stats = co_await consume_stats(server.address, group, topic);
    all.queues.merge(stats.queues);
    all.consume_tps += stats.consume_tps;
  }
  co_return std::move(all);
}

asio::awaitable<ConsumeStats> Admin::consume_stats(Address broker, std::string group,
                                                   std::string topic) {
  constexpr RequestCode kCode = RequestCode::get_consume_stats;
  remoting::ConsumeStatsHeader header;
  header.consumer_group = group;
  header.topic = unless_empty(topic);
  RemotingCommand request = RemotingCommand::request(kCode, header);
  const RemotingCommand answer = co_await impl_->ask(broker, std::move(request));
  co_return require_body(parse_consume_stats(answer.body.view()), kCode, &broker);
}

asio::awaitable<BrokerConsumeStats> Admin::broker_consume_stats(Address broker, bool order_topics) {
  constexpr RequestCode kCode = RequestCode::get_broker_consume_stats;
  remoting::BrokerConsumeStatsHeader header;
  header.is_order = order_topics;
  RemotingCommand request = RemotingCommand::request(kCode, header);
  const RemotingCommand answer =
      co_await impl_->ask(broker, std::move(request), kPatienceWithAllGroups);
  co_return require_body(parse_broker_consume_stats(answer.body.view()), kCode, &broker);
}

asio::awaitable<ConsumerConnections> Admin::consumer_connections(std::string group) {
  const std::vector<BrokerNode> servers = co_await brokers_of_group(group);
  ConsumerConnections all;
  std::optional<Refused> first_refusal;
  for (const BrokerNode& server : servers) {
    try {
      merge(all, co_await consumer_connections(server.address, group));
    } catch (const Refused& refused) {
      if (refused.response() != ResponseCode::consumer_not_online) throw;
      keep_first(first_refusal, refused);
    }
  }
  if (all.connections.empty() && first_refusal) throw Refused(*first_refusal);
  co_return std::move(all);
}

asio::awaitable<ConsumerConnections> Admin::consumer_connections(Address broker,
                                                                 std::string group) {
  constexpr RequestCode kCode = RequestCode::get_consumer_connection_list;
  const RemotingCommand answer = co_await impl_->ask(broker, consumer_group_request(kCode, group));
  co_return require_body(parse_consumer_connections(answer.body.view()), kCode, &broker);
}

asio::awaitable<std::vector<ClientConnection>> Admin::producer_connections(std::string group,
                                                                           std::string topic) {
  constexpr RequestCode kCode = RequestCode::get_producer_connection_list;
  remoting::ProducerGroupHeader header;
  header.producer_group = group;
  const std::vector<BrokerNode> servers = co_await brokers_of_topic(topic);
  std::vector<ClientConnection> all;
  std::optional<Refused> first_refusal;
  for (const BrokerNode& server : servers) {
    try {
      RemotingCommand request = RemotingCommand::request(kCode, header);
      const RemotingCommand answer = co_await impl_->ask(server.address, std::move(request));
      merge(all,
            require_body(parse_producer_connections(answer.body.view()), kCode, &server.address));
    } catch (const Refused& refused) {
      keep_first(first_refusal, refused);
    }
  }
  if (all.empty() && first_refusal) throw Refused(*first_refusal);
  co_return std::move(all);
}

asio::awaitable<std::map<std::string, std::vector<ProducerInfo>>> Admin::producers(Address broker) {
  constexpr RequestCode kCode = RequestCode::get_all_producer_info;
  const RemotingCommand answer = co_await impl_->ask(broker, RemotingCommand::request(kCode));
  co_return require_body(parse_producer_table(answer.body.view()), kCode, &broker);
}

asio::awaitable<ConsumerRunningInfo> Admin::consumer_running_info(std::string group,
                                                                  std::string client_id,
                                                                  bool stack) {
  constexpr RequestCode kCode = RequestCode::get_consumer_running_info;
  remoting::ConsumerRunningInfoHeader header;
  header.consumer_group = group;
  header.client_id = client_id;
  header.jstack_enable = stack;
  const std::vector<BrokerNode> servers = co_await brokers_of_group(group);
  std::optional<Refused> first_refusal;
  for (const BrokerNode& server : servers) {
    try {
      RemotingCommand request = RemotingCommand::request(kCode, header);
      const RemotingCommand answer =
          co_await impl_->ask(server.address, std::move(request), kPatienceWithClients);
      co_return require_body(parse_running_info(answer.body.view()), kCode, &server.address);
    } catch (const Refused& refused) {  // not connected to that broker
      keep_first(first_refusal, refused);
    }
  }
  if (first_refusal) throw Refused(*first_refusal);
  throw Error(ClientErrc::broker_not_exist,
              fmt::format("no broker is known that serves group {}", group));
}

asio::awaitable<DirectResult> Admin::consume_directly(std::string group, std::string client_id,
                                                      std::string message_id, std::string topic) {
  constexpr RequestCode kCode = RequestCode::consume_message_directly;
  const Address broker =
      co_await impl_->broker_of_message(*this, require_offset_message_id(message_id), topic);
  remoting::ConsumeMessageDirectlyHeader header;
  header.consumer_group = group;
  header.client_id = client_id;
  header.msg_id = message_id;
  header.topic = unless_empty(topic);
  RemotingCommand request = RemotingCommand::request(kCode, header);
  const RemotingCommand answer =
      co_await impl_->ask(broker, std::move(request), kPatienceWithClients);
  co_return require_body(parse_direct_result(answer.body.view()), kCode, &broker);
}

}  // namespace comet::inline v0_1::admin
