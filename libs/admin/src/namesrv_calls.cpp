// Name servers: configuration, key-value pairs, write permissions.

#include "admin_impl.hpp"
#include "comet/remoting/errors.hpp"
#include "comet/remoting/namesrv_headers.hpp"

namespace comet::inline v0_1::admin {
namespace {

constexpr std::string_view kOrderNamespace = "ORDER_TOPIC_CONFIG";

std::string to_text(const std::map<std::string, std::string>& values) {
  std::string text;
  for (const auto& [key, value] : values) append_property(text, key, value);
  return text;
}

// "broker-a:4;broker-b:4" -> by broker name.
std::map<std::string, std::string> parse_order(std::string_view text) {
  std::map<std::string, std::string> entries;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    const std::string_view entry = text.substr(0, end);
    const std::size_t colon = entry.rfind(':');
    if (colon != std::string_view::npos)
      entries[std::string(entry.substr(0, colon))] = entry.substr(colon + 1);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return entries;
}

std::string merge_order(std::string_view before, std::string_view added) {
  std::map<std::string, std::string> entries = parse_order(before);
  for (auto& [broker, queues] : parse_order(added)) entries[broker] = queues;
  std::string text;
  for (const auto& [broker, queues] : entries)
    text += fmt::format("{}{}:{}", text.empty() ? "" : ";", broker, queues);
  return text;
}

// Asks all name servers; `count`: where the answer has the number of the broker's topics.
template <class AdminImpl, class Answer>
asio::awaitable<std::vector<std::pair<Address, std::int32_t>>> change_write_perm(
    AdminImpl& admin, RequestCode code, std::string broker_name, std::int32_t Answer::* count) {
  remoting::BrokerNameHeader header;
  header.broker_name = broker_name;
  std::vector<std::pair<Address, std::int32_t>> counts;
  for (const BrokerNode& server : admin.name_server_nodes()) {
    RemotingCommand request = RemotingCommand::request(code, header);
    const RemotingCommand answer = co_await admin.ask(server.address, std::move(request));
    counts.emplace_back(server.address,
                        require_header<Answer>(answer, code, server.address).*count);
  }
  co_return std::move(counts);
}

}  // namespace

asio::awaitable<Properties> Admin::name_server_config(Address name_server) {
  constexpr RequestCode kCode = RequestCode::get_namesrv_config;
  const RemotingCommand answer = co_await impl_->ask(name_server, RemotingCommand::request(kCode));
  co_return require_body(Properties::parse(answer.body.view()), kCode, &name_server);
}

asio::awaitable<std::vector<Outcome>> Admin::update_name_server_config(
    std::map<std::string, std::string> values) {
  RemotingCommand request =
      RemotingCommand::request(RequestCode::update_namesrv_config, Body(to_text(values)));
  co_return co_await impl_->tell_each(impl_->name_server_nodes(), std::move(request));
}

asio::awaitable<std::string> Admin::kv_config(std::string name_space, std::string key) {
  constexpr RequestCode kCode = RequestCode::get_kv_config;
  remoting::KvConfigHeader header;
  header.name_space = name_space;
  header.key = key;
  RemotingCommand request = RemotingCommand::request(kCode, header);
  const RemotingCommand answer = co_await impl_->ask_name_server(std::move(request));
  co_return require_header<remoting::KvConfigResponseHeader>(answer, kCode,
                                                             impl_->channel.current())
      .value;
}

asio::awaitable<std::map<std::string, std::string>> Admin::kv_list(std::string name_space) {
  constexpr RequestCode kCode = RequestCode::get_kvlist_by_namespace;
  remoting::NamespaceHeader header;
  header.name_space = name_space;
  RemotingCommand request = RemotingCommand::request(kCode, header);
  const RemotingCommand answer = co_await impl_->ask_name_server(std::move(request));
  co_return require_body(parse_kv_table(answer.body.view()), kCode);
}

asio::awaitable<std::vector<Outcome>> Admin::put_kv_config(std::string name_space, std::string key,
                                                           std::string value) {
  remoting::PutKvConfigHeader header;
  header.name_space = name_space;
  header.key = key;
  header.value = value;
  RemotingCommand request = RemotingCommand::request(RequestCode::put_kv_config, header);
  co_return co_await impl_->tell_each(impl_->name_server_nodes(), std::move(request));
}

asio::awaitable<std::vector<Outcome>> Admin::delete_kv_config(std::string name_space,
                                                              std::string key) {
  remoting::KvConfigHeader header;
  header.name_space = name_space;
  header.key = key;
  RemotingCommand request = RemotingCommand::request(RequestCode::delete_kv_config, header);
  co_return co_await impl_->tell_each(impl_->name_server_nodes(), std::move(request));
}

asio::awaitable<std::vector<Outcome>> Admin::put_order_config(std::string topic, std::string value,
                                                              bool merge) {
  std::string before;
  if (merge) {
    try {
      before = co_await kv_config(std::string(kOrderNamespace), topic);
    } catch (const Refused& refused) {
      if (refused.response() != ResponseCode::query_not_found) throw;
    }
  }
  std::string merged = merge_order(before, value);
  co_return co_await put_kv_config(std::string(kOrderNamespace), topic, std::move(merged));
}

asio::awaitable<std::vector<std::pair<Address, std::int32_t>>> Admin::wipe_write_perm(
    std::string broker_name) {
  return change_write_perm(*impl_, RequestCode::wipe_write_perm_of_broker, std::move(broker_name),
                           &remoting::WipeWritePermResponseHeader::wipe_topic_count);
}

asio::awaitable<std::vector<std::pair<Address, std::int32_t>>> Admin::add_write_perm(
    std::string broker_name) {
  return change_write_perm(*impl_, RequestCode::add_write_perm_of_broker, std::move(broker_name),
                           &remoting::AddWritePermResponseHeader::add_topic_count);
}

}  // namespace comet::inline v0_1::admin
