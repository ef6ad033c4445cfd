// Brokers: what they tell about themselves, their configuration, what they are asked to clean.

#include "admin_impl.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/errors.hpp"

namespace comet::inline v0_1::admin {

asio::awaitable<std::map<std::string, std::string>> Admin::runtime_info(Address broker) {
  constexpr RequestCode kCode = RequestCode::get_broker_runtime_info;
  const RemotingCommand answer = co_await impl_->ask(broker, RemotingCommand::request(kCode));
  co_return require_body(parse_kv_table(answer.body.view()), kCode, &broker);
}

asio::awaitable<HaStatus> Admin::ha_status(Address broker) {
  constexpr RequestCode kCode = RequestCode::get_broker_ha_status;
  const RemotingCommand answer = co_await impl_->ask(broker, RemotingCommand::request(kCode));
  co_return require_body(parse_ha_status(answer.body.view()), kCode, &broker);
}

asio::awaitable<std::string> Admin::promote(Address slave, std::string role, bool force) {
  remoting::PromoteBrokerHeader header;
  header.broker_role = role;
  header.force = force;
  RemotingCommand request = RemotingCommand::request(RequestCode::promote_broker, header);
  const RemotingCommand answer = co_await impl_->ask(slave, std::move(request));
  co_return std::string(answer.remark);
}

asio::awaitable<std::string> Admin::resync(Address slave, bool force) {
  remoting::ResyncBrokerHeader header;
  header.force = force;
  RemotingCommand request = RemotingCommand::request(RequestCode::resync_broker, header);
  const RemotingCommand answer = co_await impl_->ask(slave, std::move(request));
  co_return std::string(answer.remark);
}

asio::awaitable<Properties> Admin::broker_config(Address broker) {
  constexpr RequestCode kCode = RequestCode::get_broker_config;
  const RemotingCommand answer = co_await impl_->ask(broker, RemotingCommand::request(kCode));
  co_return require_body(Properties::parse(answer.body.view()), kCode, &broker);
}

asio::awaitable<std::vector<Outcome>> Admin::update_broker_config(
    Scope scope, std::map<std::string, std::string> values) {
  std::string text;
  for (const auto& [key, value] : values) append_property(text, key, value);
  RemotingCommand request =
      RemotingCommand::request(RequestCode::update_broker_config, Body(std::move(text)));
  std::vector<BrokerNode> servers = co_await brokers(scope);
  co_return co_await impl_->tell_each(std::move(servers), std::move(request));
}

asio::awaitable<BrokerStats> Admin::broker_stats(Address broker, std::string name,
                                                 std::string key) {
  constexpr RequestCode kCode = RequestCode::view_broker_stats_data;
  remoting::BrokerStatsHeader header;
  header.stats_name = name;
  header.stats_key = key;
  RemotingCommand request = RemotingCommand::request(kCode, header);
  const RemotingCommand answer = co_await impl_->ask(broker, std::move(request));
  co_return require_body(parse_broker_stats(answer.body.view()), kCode, &broker);
}

asio::awaitable<ConsumeQueueData> Admin::consume_queue(Address broker, std::string topic,
                                                       std::int32_t queue_id, std::int64_t index,
                                                       std::int32_t count, std::string group) {
  constexpr RequestCode kCode = RequestCode::query_consume_queue;
  remoting::QueryConsumeQueueHeader header;
  header.topic = topic;
  header.queue_id = queue_id;
  header.index = index;
  header.count = count;
  header.consumer_group = unless_empty(group);
  RemotingCommand request = RemotingCommand::request(kCode, header);
  const RemotingCommand answer = co_await impl_->ask(broker, std::move(request));
  ConsumeQueueData data;  // a success without a body: the index is beyond the queue
  if (!answer.body.view().empty())
    data = require_body(parse_consume_queue(answer.body.view()), kCode, &broker);
  data.remark = answer.remark;
  co_return std::move(data);
}

asio::awaitable<std::vector<Outcome>> Admin::clean_expired_consume_queues(Scope scope) {
  std::vector<BrokerNode> servers = co_await brokers(scope);
  co_return co_await impl_->tell_each(
      std::move(servers), RemotingCommand::request(RequestCode::clean_expired_consumequeue));
}

asio::awaitable<std::vector<Outcome>> Admin::clean_unused_topics(Scope scope) {
  std::vector<BrokerNode> servers = co_await brokers(scope);
  co_return co_await impl_->tell_each(std::move(servers),
                                      RemotingCommand::request(RequestCode::clean_unused_topic));
}

asio::awaitable<std::vector<Outcome>> Admin::delete_expired_commit_log(Scope scope) {
  std::vector<BrokerNode> servers = co_await brokers(scope);
  co_return co_await impl_->tell_each(
      std::move(servers), RemotingCommand::request(RequestCode::delete_expired_commitlog));
}

}  // namespace comet::inline v0_1::admin
