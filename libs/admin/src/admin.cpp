#include "comet/admin/admin.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <cstdlib>
#include <random>

#include "admin_impl.hpp"
#include "comet/base/log.hpp"
#include "comet/base/shared_network.hpp"
#include "comet/base/spawn.hpp"
#include "comet/client/namespaces.hpp"
#include "comet/remoting/errors.hpp"

namespace comet::inline v0_1::admin {
namespace {

AdminConfig with_environment(AdminConfig config) {
  const char* list = std::getenv("NAMESRV_ADDR");
  if (config.client().name_servers.empty() && list != nullptr) config.name_servers(list);
  const char* type = std::getenv("ROCKETMQ_SERIALIZE_TYPE");
  auto& chosen = config.client().serialize_type;
  if (!chosen && type != nullptr) chosen = remoting::parse_serialize_type(type);
  if (chosen) config.client().remoting.serialize_type = *chosen;
  return config;
}

std::string describe_refusal(RequestCode request, const Address& server,
                             const std::string& remark) {
  std::string text = fmt::format("{} at {}", remoting::to_string(request), server.to_string());
  if (!remark.empty()) text += ": " + remark;
  return text;
}

}  // namespace

AdminConfig& AdminConfig::name_servers(std::string_view list) {
  client_.name_servers = client::parse_name_server_list(list).addresses;
  return *this;
}

Refused::Refused(ResponseCode code, RequestCode request, Address server, std::string remark)
    : Error(code, describe_refusal(request, server, remark)),
      request_(request),
      server_(std::move(server)),
      remark_(std::move(remark)) {}

std::string describe(const boost::system::system_error& error) {
  const Error* ours = dynamic_cast<const Error*>(&error);
  std::string text = ours == nullptr ? std::string() : ours->context();
  if (const Refused* refused = dynamic_cast<const Refused*>(&error)) {
    text += fmt::format(" ({}, code {})", remoting::to_string(refused->response()),
                        refused->code().value());
  } else {
    text += (text.empty() ? "" : ": ") + error.code().message();
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

Admin::Impl::Impl(asio::any_io_executor executor_in, Network& network, TimeSource& time_in,
                  AdminConfig config_in)
    : executor(std::move(executor_in)),
      config(with_environment(std::move(config_in))),
      time(time_in),
      client(executor, network, time, config.client().remoting),
      channel(client, time, config.client().name_servers, std::random_device{}()) {}

Admin::Admin(asio::any_io_executor executor, AdminConfig config)
    : impl_(std::make_shared<Impl>(std::move(executor), shared_network(config.tls()), real_time(),
                                   config)) {}

Admin::Admin(asio::any_io_executor executor, AdminConfig config, Network& network, TimeSource& time)
    : impl_(std::make_shared<Impl>(std::move(executor), network, time, std::move(config))) {}

Admin::~Admin() {
  if (impl_->stopped) return;
  auto report = [](std::exception_ptr problem) {
    if (problem) log::warn("the connections of an admin that was not stopped did not end in order");
  };
  spawn(impl_->executor, Impl::end(impl_), report);
}

asio::awaitable<void> Admin::Impl::end(std::shared_ptr<Impl> self) {
  self->stopped = true;
  co_await self->client.stop();
}

asio::awaitable<void> Admin::stop() { return Impl::end(impl_); }

const std::vector<Address>& Admin::name_servers() const noexcept {
  return impl_->config.client().name_servers;
}

asio::awaitable<RemotingCommand> Admin::Impl::exchange(Address to, RemotingCommand request,
                                                       int patience) {
  const RequestCode code = request.request_code();
  const Instant begin = time.now();
  try {
    co_return co_await client.invoke(to, std::move(request), deadline(patience));
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    std::string what = fmt::format("{} at {}", remoting::to_string(code), to.to_string());
    if (remoting::is_timeout(error.code()))
      what += ", " + remoting::describe_failure(error.code(), time.now() - begin);
    throw Error(error.code(), what);
  }
}

asio::awaitable<RemotingCommand> Admin::Impl::ask(Address to, RemotingCommand request,
                                                  int patience) {
  const RequestCode code = request.request_code();
  RemotingCommand answer = co_await exchange(to, std::move(request), patience);
  if (answer.response_code() != ResponseCode::success)
    throw Refused(answer.response_code(), code, to, answer.remark);
  co_return std::move(answer);
}

asio::awaitable<void> Admin::Impl::tell(Address to, RemotingCommand request) {
  const RemotingCommand answer = co_await ask(std::move(to), std::move(request));
}

void Admin::Impl::require_name_server() const {
  if (!channel.empty()) return;
  throw Error(ClientErrc::no_name_server,
              "no name server address is configured; give one (host:port) or set the environment "
              "variable NAMESRV_ADDR");
}

asio::awaitable<RemotingCommand> Admin::Impl::ask_name_server(RemotingCommand request) {
  require_name_server();
  const RequestCode code = request.request_code();
  RemotingCommand answer = co_await channel.ask(std::move(request), deadline());
  if (answer.response_code() != ResponseCode::success)
    throw Refused(answer.response_code(), code, channel.current(), answer.remark);
  co_return std::move(answer);
}

asio::awaitable<std::vector<Outcome>> Admin::Impl::on_each(std::vector<BrokerNode> servers,
                                                           Operation operation) {
  std::vector<Outcome> outcomes;
  for (const BrokerNode& server : servers) {
    outcomes.emplace_back(server);
    try {
      co_await operation(server.address);
    } catch (const boost::system::system_error& error) {
      if (error.code() == asio::error::operation_aborted) throw;
      outcomes.back().error = error.code();
      outcomes.back().problem = describe(error);
    }
  }
  co_return std::move(outcomes);
}

asio::awaitable<std::vector<Outcome>> Admin::Impl::tell_each(std::vector<BrokerNode> servers,
                                                             RemotingCommand request) {
  const auto operation = [this, &request](Address server) {
    return tell(std::move(server), request);
  };
  co_return co_await on_each(std::move(servers), operation);
}

std::vector<BrokerNode> Admin::Impl::name_server_nodes() const {
  require_name_server();
  std::vector<BrokerNode> nodes;
  for (const Address& address : config.client().name_servers) nodes.emplace_back(address);
  return nodes;
}

}  // namespace comet::inline v0_1::admin
