#include "comet/client/client_instance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "client_impl.hpp"
#include "comet/base/log.hpp"
#include "comet/base/spawn.hpp"
#include "comet/client/failure.hpp"
#include "comet/client/namespaces.hpp"
#include "comet/remoting/hook.hpp"

namespace comet::inline v0_1::client {
namespace {

using remoting::RemotingCommand;
using remoting::RequestCode;

// 5.x: the namespace travels beside the names.
class NamespaceHook final : public remoting::RpcHook {
 public:
  explicit NamespaceHook(std::string name_space) : name_space_(std::move(name_space)) {}
  void before_request(const Address& /*to*/, RemotingCommand& request) override {
    request.fields.add("nsd", true);
    request.fields.add("ns", name_space_);
  }

 private:
  std::string name_space_;
};

ClientConfig with_environment(ClientConfig config) {
  const char* list = std::getenv("NAMESRV_ADDR");
  if (config.name_servers.empty() && list != nullptr) {
    NameServerList parsed = parse_name_server_list(list);
    config.name_servers = std::move(parsed.addresses);
    if (config.name_space.empty()) config.name_space = std::move(parsed.name_space);
  }
  if (!config.name_space_v2.empty()) {
    auto& hooks = config.remoting.hooks;  // signatures come last
    hooks.insert(hooks.begin(), std::make_shared<NamespaceHook>(config.name_space_v2));
  }
  const char* type = std::getenv("ROCKETMQ_SERIALIZE_TYPE");
  if (!config.serialize_type && type != nullptr) {
    config.serialize_type = remoting::parse_serialize_type(type);
    if (!config.serialize_type) log::warn("ROCKETMQ_SERIALIZE_TYPE={} is unknown: ignored", type);
  }
  if (config.serialize_type) config.remoting.serialize_type = *config.serialize_type;
  Duration& silence = config.remoting.connection.silence;
  silence = std::min<Duration>(silence, config.api_timeout / 4);
  return config;
}

}  // namespace

ClientInstance::Impl::Impl(asio::any_io_executor executor_in, Network& network_in,
                           TimeSource& time_in, ClientConfig config_in)
    : executor(std::move(executor_in)),
      network(network_in),
      time(time_in),
      config(with_environment(std::move(config_in))),
      client_id(config, time),
      remoting(executor, network_in, time, config.remoting, make_handlers()),
      random(config.random_seed ? *config.random_seed : std::random_device{}()),
      name_servers(remoting, time, config.name_servers, random()),
      name_servers_changed(executor, time),
      heartbeat_ended(executor, time),
      routes(random()),
      tasks(executor, time),
      context(
          asio::query(executor, asio::execution::context),
          [this] {
            state = State::stopped;
            remoting.drop();
          },
          [this] {
            state = State::stopped;
            remoting.close_copies();
            tasks.cancel();
          }) {}

void ClientInstance::Impl::begin() {
  state = State::running;
  log::info("client {} started; name servers: {}", client_id.text(),
            name_servers.empty() ? "as " + config.address_server.url() + " has them"
                                 : name_servers.list());
  // The tasks keep this object alive until end() has cancelled them.
  auto self = shared_from_this();
  auto refresh = [self]() { return self->refresh_routes(); };
  auto heartbeat = [self]() { return self->send_heartbeats(); };
  tasks.spawn("route refresh",
              repeat_every(time, config.route_refresh_interval, config.route_refresh_interval,
                           "route refresh", refresh));
  begin_watching();
  if (name_servers.empty()) tasks.spawn("list of name servers", self->fetch_name_servers());
  tasks.spawn("heartbeats", repeat_every(time, config.first_heartbeat, config.heartbeat_interval,
                                         "heartbeats", heartbeat));
}

asio::awaitable<void> ClientInstance::Impl::end(std::shared_ptr<Impl> self) {
  self->state = State::stopped;
  self->tasks.cancel();
  co_await self->tasks.join();
  co_await self->remoting.stop();
}

void ClientInstance::Impl::require_running() const {
  if (state == State::running) return;
  throw Error(ClientErrc::not_running, state == State::created
                                           ? "the client has not been started; call start() first"
                                           : "the client has been shut down");
}

asio::awaitable<RemotingCommand> ClientInstance::Impl::invoke(Address to, RemotingCommand request,
                                                              Instant deadline) {
  const std::shared_ptr<Impl> self = shared_from_this();
  co_return co_await remoting.invoke(to, std::move(request), deadline);
}

ClientInstance::ClientInstance(asio::any_io_executor executor, Network& network, TimeSource& time,
                               ClientConfig config)
    : impl_(std::make_shared<Impl>(std::move(executor), network, time, std::move(config))) {}

ClientInstance::~ClientInstance() {
  if (impl_->state != Impl::State::running || impl_->context.is_over()) return;
  auto report = [](std::exception_ptr problem) {
    if (problem) log::warn("a client that was destroyed while running did not end in order");
  };
  spawn(impl_->executor, Impl::end(impl_), report);
}

asio::awaitable<void> ClientInstance::start() {
  if (impl_->state == Impl::State::stopped) impl_->require_running();
  if (impl_->name_servers.empty() && impl_->config.address_server.empty()) {
    throw Error(
        ClientErrc::no_name_server,
        "no name server address is configured; give one (host:port) in the configuration or "
        "in the environment variable NAMESRV_ADDR, or an address server");
  }
  if (impl_->state == Impl::State::created) impl_->begin();
  ++impl_->users;
  co_return;
}

asio::awaitable<void> ClientInstance::stop() {
  if (impl_->users > 0) --impl_->users;
  if (impl_->users > 0) co_return;
  co_await Impl::end(impl_);
}

void ClientInstance::add_producer(const std::string& group) {
  if (!impl_->producer_groups.insert(group).second) {
    throw Error(ClientErrc::illegal_config,
                fmt::format("a producer of group {} exists already in this client", group));
  }
  impl_->announced.clear();
}

asio::awaitable<TopicRoutePtr> ClientInstance::find_publish_route(std::string topic,
                                                                  Instant deadline) {
  if (TopicRoutePtr cached = cached_publish_route(topic)) co_return cached;
  const bool found = co_await impl_->look_up(topic, Impl::Purpose::publish, deadline);
  TopicRoutePtr route = impl_->routes.find(topic);
  if (!found || !route) {
    throw Error(
        ClientErrc::topic_not_found,
        fmt::format("the name servers ({}) have no route for it, and no broker creates topics "
                    "by itself (autoCreateTopicEnable); create it first",
                    impl_->name_servers.list()));
  }
  if (!route->publish.ok()) {
    throw Error(ClientErrc::topic_not_found,
                "its route has no queue that may be written (its permission has no W, or no broker "
                "that has "
                "it has a master)");
  }
  co_return route;
}

TopicRoutePtr ClientInstance::cached_publish_route(std::string_view topic) const {
  TopicRoutePtr route = impl_->routes.find(topic);
  if (route && !route->publish.ok()) return nullptr;
  return route;
}

std::vector<TopicRoutePtr> ClientInstance::cached_publish_routes() const {
  std::vector<TopicRoutePtr> routes;
  for (const std::string& topic : impl_->routes.topics()) {
    if (TopicRoutePtr route = cached_publish_route(topic)) routes.push_back(std::move(route));
  }
  return routes;
}

asio::awaitable<TopicRoutePtr> ClientInstance::find_route(std::string topic, Instant deadline) {
  TopicRoutePtr cached = impl_->routes.find(topic);
  if (cached && !cached->provisional) co_return cached;
  co_await refresh_route(topic, deadline);
  co_return impl_->routes.find(topic);
}

asio::awaitable<void> ClientInstance::refresh_route(std::string topic, Instant deadline) {
  const bool found = co_await impl_->look_up(topic, Impl::Purpose::read, deadline);
  if (!found) {
    throw Error(ClientErrc::topic_not_found,
                fmt::format("the name servers ({}) have no route for topic {}",
                            impl_->name_servers.list(), topic));
  }
}

std::optional<Address> ClientInstance::publish_address(std::string_view broker_name) const {
  std::optional<Address> address = impl_->routes.master(broker_name);
  // Apache: MixAll.brokerVIPChannel.
  if (address && impl_->config.vip_channel && address->port() > 2) {
    address = Address(address->host(), static_cast<std::uint16_t>(address->port() - 2));
  }
  return address;
}

std::optional<Address> ClientInstance::read_address(std::string_view broker_name) const {
  return impl_->routes.any(broker_name);
}

asio::awaitable<RemotingCommand> ClientInstance::invoke(Address to, RemotingCommand request,
                                                        Instant deadline) {
  return impl_->invoke(std::move(to), std::move(request), deadline);
}

Task<> ClientInstance::exchange(const Address& to, RemotingCommand& command, Instant deadline) {
  return impl_->remoting.exchange(to, command, deadline);
}

Task<> ClientInstance::send_oneway(const Address& to, RemotingCommand& command, Instant deadline) {
  return impl_->remoting.send_oneway(to, command, deadline);
}

asio::awaitable<void> ClientInstance::invoke_oneway(Address to, RemotingCommand request,
                                                    Instant deadline) {
  std::shared_ptr<Impl> impl = impl_;
  co_await impl->remoting.invoke_oneway(to, std::move(request), deadline);
}

const std::string& ClientInstance::client_id() const noexcept { return impl_->client_id.text(); }
std::string_view ClientInstance::client_ip() const noexcept {
  const std::string_view id = client_id();
  return id.substr(0, id.find('@'));
}

std::string ClientInstance::name_servers() const {
  std::string list = impl_->name_servers.list();
  std::erase(list, ' ');
  std::ranges::replace(list, ',', ';');
  return list;
}

const ClientConfig& ClientInstance::config() const noexcept { return impl_->config; }
TimeSource& ClientInstance::time() const noexcept { return impl_->time; }
asio::any_io_executor ClientInstance::executor() const noexcept { return impl_->executor; }

}  // namespace comet::inline v0_1::client
