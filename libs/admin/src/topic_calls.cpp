// Topics.

#include <algorithm>
#include <set>

#include "admin_impl.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/errors.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "table_parts.hpp"

namespace comet::inline v0_1::admin {
namespace {

RemotingCommand topic_request(RequestCode code, std::string_view topic) {
  remoting::TopicHeader header;
  header.topic = topic;
  return RemotingCommand::request(code, header);
}

// "+a=1,+b=2" (5.x: AttributeParser).
std::string attributes_text(const std::map<std::string, std::string>& attributes) {
  std::string text;
  for (const auto& [name, value] : attributes)
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", name, value);
  return text;
}

}  // namespace

asio::awaitable<std::vector<Outcome>> Admin::put_topic(Scope scope, routing::TopicConfig topic) {
  const std::string attributes = attributes_text(topic.attributes);
  remoting::CreateTopicHeader header;
  header.topic = topic.topic_name;
  header.default_topic = kAutoCreateTopic;
  header.read_queue_nums = topic.read_queue_nums;
  header.write_queue_nums = topic.write_queue_nums;
  header.perm = topic.perm;
  header.topic_filter_type = topic.topic_filter_type;
  header.topic_sys_flag = topic.topic_sys_flag;
  header.order = topic.order;
  header.attributes = unless_empty(attributes);
  RemotingCommand request = RemotingCommand::request(RequestCode::update_and_create_topic, header);
  std::vector<BrokerNode> servers = co_await brokers(scope);
  co_return co_await impl_->tell_each(std::move(servers), std::move(request));
}

asio::awaitable<std::vector<Outcome>> Admin::delete_topic(std::string topic, std::string cluster) {
  std::vector<BrokerNode> servers = co_await brokers(Scope::cluster(cluster));
  std::vector<Outcome> outcomes = co_await impl_->tell_each(
      std::move(servers), topic_request(RequestCode::delete_topic_in_broker, topic));
  if (!all_ok(outcomes)) co_return std::move(outcomes);

  remoting::DeleteTopicInNamesrvHeader header;
  header.topic = topic;
  header.cluster_name = cluster;
  RemotingCommand request = RemotingCommand::request(RequestCode::delete_topic_in_namesrv, header);
  std::vector<Outcome> more =
      co_await impl_->tell_each(impl_->name_server_nodes(), std::move(request));
  std::move(more.begin(), more.end(), std::back_inserter(outcomes));
  co_return std::move(outcomes);
}

asio::awaitable<routing::TopicConfigTable> Admin::topic_configs(Address broker) {
  constexpr RequestCode kCode = RequestCode::get_all_topic_config;
  TableParts<routing::TopicConfig> parts;
  routing::TopicConfigTable table;
  for (bool has_more = true; has_more;) {
    remoting::TopicPageHeader header;
    if (const std::optional<std::int32_t> next = parts.next()) {
      header.topic_seq = next;
      header.max_topic_num = parts.kMost;
      header.data_version = parts.version();
    }
    RemotingCommand request = RemotingCommand::request(kCode, header);
    const RemotingCommand answer = co_await impl_->ask(broker, std::move(request));
    table = require_body(routing::parse_topic_config_table(answer.body.view()), kCode, &broker);
    const auto fields = require_header<remoting::TopicPageResponseHeader>(answer, kCode, broker);
    has_more = parts.take(std::move(table.topics), table.data_version, fields.total_topic_num);
  }
  table.topics = std::move(parts.entries());
  co_return std::move(table);
}

// GET_TOPIC_CONFIG is of 5.x alone, the table is known to all.
asio::awaitable<std::optional<routing::TopicConfig>> Admin::topic_config(Address broker,
                                                                         std::string topic) {
  const routing::TopicConfigTable table = co_await topic_configs(broker);
  const auto found = table.topics.find(topic);
  if (found == table.topics.end()) co_return std::nullopt;
  co_return found->second;
}

asio::awaitable<TopicStats> Admin::topic_stats(std::string topic) {
  const std::vector<BrokerNode> servers = co_await brokers_of_topic(topic);
  TopicStats all;
  for (const BrokerNode& server : servers) {
    TopicStats stats = co_await topic_stats(server.address, topic);
    all.queues.merge(stats.queues);
    all.put_tps += stats.put_tps;
  }
  co_return std::move(all);
}

asio::awaitable<TopicStats> Admin::topic_stats(Address broker, std::string topic) {
  constexpr RequestCode kCode = RequestCode::get_topic_stats_info;
  const RemotingCommand answer = co_await impl_->ask(broker, topic_request(kCode, topic));
  co_return require_body(parse_topic_stats(answer.body.view()), kCode, &broker);
}

asio::awaitable<std::vector<std::string>> Admin::groups_of_topic(std::string topic) {
  constexpr RequestCode kCode = RequestCode::query_topic_consume_by_who;
  const std::vector<BrokerNode> servers = co_await brokers_of_topic(topic);
  std::set<std::string> groups;
  for (const BrokerNode& server : servers) {
    const RemotingCommand answer = co_await impl_->ask(server.address, topic_request(kCode, topic));
    std::vector<std::string> list =
        require_body(parse_group_list(answer.body.view()), kCode, &server.address);
    groups.insert(list.begin(), list.end());
  }
  co_return std::vector<std::string>(groups.begin(), groups.end());
}

asio::awaitable<std::vector<std::string>> Admin::system_topics(Address broker) {
  constexpr RequestCode kCode = RequestCode::get_system_topic_list_from_broker;
  const RemotingCommand answer = co_await impl_->ask(broker, RemotingCommand::request(kCode));
  std::vector<std::string> list =
      require_body(parse_topic_list(answer.body.view()), kCode, &broker);
  std::sort(list.begin(), list.end());
  co_return std::move(list);
}

}  // namespace comet::inline v0_1::admin
