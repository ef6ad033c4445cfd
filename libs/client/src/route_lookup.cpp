// How routes are asked for: one query per topic at a time, shared by all who want it.

#include <fmt/format.h>

#include <boost/asio/error.hpp>

#include "client_impl.hpp"
#include "comet/base/log.hpp"
#include "comet/base/timer.hpp"
#include "comet/remoting/fetch_name_servers.hpp"
#include "comet/remoting/header.hpp"
#include "comet/remoting/namesrv_headers.hpp"

namespace comet::inline v0_1::client {

using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::ResponseCode;

asio::awaitable<bool> ClientInstance::Impl::look_up(std::string topic, Purpose purpose,
                                                    Instant deadline) {
  require_running();
  const std::shared_ptr<Lookup> lookup = begin_lookup(topic, purpose);
  while (!lookup->done) {
    const bool notified = co_await lookup->ended.wait(deadline);
    if (!notified && !lookup->done && time.now() >= deadline) {
      throw Error(
          ClientErrc::no_name_server,
          fmt::format("no name server answered in time: {}; {}",
                      name_servers.empty() ? config.address_server.url() : name_servers.list(),
                      remoting::NameServerChannel::kAdvice));
    }
  }
  if (lookup->problem) std::rethrow_exception(lookup->problem);
  co_return lookup->found;
}

std::shared_ptr<ClientInstance::Impl::Lookup> ClientInstance::Impl::begin_lookup(
    const std::string& topic, Purpose purpose) {
  std::shared_ptr<Lookup>& lookup = lookups[std::make_pair(topic, purpose)];
  if (lookup != nullptr) return lookup;
  lookup = std::make_shared<Lookup>(executor, time);
  const std::shared_ptr<Lookup> begun = lookup;
  tasks.spawn("route query", run_lookup(begun, topic, purpose));
  return begun;
}

asio::awaitable<void> ClientInstance::Impl::run_lookup(std::shared_ptr<Lookup> lookup,
                                                       std::string topic, Purpose purpose) {
  std::shared_ptr<Impl> self = shared_from_this();
  try {
    lookup->found = co_await update_route(topic, purpose, time.now() + config.api_timeout);
  } catch (const boost::system::system_error& error) {
    lookup->problem = error.code() == asio::error::operation_aborted
                          ? std::make_exception_ptr(
                                Error(ClientErrc::not_running, "the client is being shut down"))
                          : std::current_exception();
  } catch (...) {
    lookup->problem = std::current_exception();
  }
  lookup->done = true;
  lookups.erase(std::make_pair(topic, purpose));
  lookup->ended.notify_all();
}

asio::awaitable<bool> ClientInstance::Impl::update_route(std::string topic, Purpose purpose,
                                                         Instant deadline) {
  std::optional<routing::TopicRouteData> route = co_await query_route(topic, deadline);
  const std::uint64_t watched_by = watching_connection();
  bool provisional = false;
  if (!route && purpose == Purpose::publish) {
    route = co_await query_route(config.create_topic_key, deadline);
    if (route) route = limit_queues(std::move(*route), config.default_topic_queue_nums);
    provisional = true;
  }
  if (!route) {  // an old route stays: its brokers know best
    if (routes.find(topic) != nullptr) watched_over[topic] = watched_by;
    co_return false;
  }
  watched_over[topic] = watched_by;
  const bool is_known = routes.find(topic) != nullptr;
  const std::string change = routes.accept(topic, std::move(*route), provisional);
  if (is_known) {
    report_route(topic, change);
  } else {
    log::debug("route of topic {}: {}", topic, change);
  }
  co_return true;
}

void ClientInstance::Impl::report_route(const std::string& topic, const std::string& change) {
  if (change.empty()) return;
  if (!route_lines.allows(time.now())) return;
  if (const std::size_t untold = route_lines.take_untold(); untold > 0) {
    log::info("{} further changes of routes are not listed", untold);
  }
  log::info("route of topic {}: {}", topic, change);
}

asio::awaitable<std::optional<routing::TopicRouteData>> ClientInstance::Impl::query_route(
    std::string topic, Instant deadline) {
  remoting::GetRouteInfoHeader header;
  header.topic = topic;
  if (config.watch_routes) header.watch = true;
  RemotingCommand request = RemotingCommand::request(RequestCode::get_routeinfo_by_topic, header);
  RemotingCommand answer = co_await ask_name_servers(std::move(request), deadline);
  if (answer.response_code() == ResponseCode::topic_not_exist) co_return std::nullopt;
  if (answer.response_code() != ResponseCode::success) {
    throw Error(answer.response_code(),
                fmt::format("name server {} refuses the route of topic {}{}{}",
                            name_servers.current().to_string(), topic,
                            answer.remark.empty() ? "" : ": ", answer.remark));
  }
  Result<routing::TopicRouteData> route = routing::parse_topic_route(answer.body.view());
  if (!route) {
    const std::string server = name_servers.current().to_string();
    name_servers.give_up_current();
    throw Error(ClientErrc::bad_answer,
                fmt::format("name server {} sent a route of topic {} that cannot be read ({})",
                            server, topic, route.error().message()));
  }
  co_return std::move(*route);
}

asio::awaitable<RemotingCommand> ClientInstance::Impl::ask_name_servers(RemotingCommand request,
                                                                        Instant deadline) {
  while (name_servers.empty()) {  // the address server has not answered yet
    const bool changed = co_await name_servers_changed.wait(deadline);
    if (!changed && name_servers.empty()) {
      throw Error(ClientErrc::no_name_server, "the address server " + config.address_server.url() +
                                                  " has not named any so far");
    }
  }
  try {
    co_return co_await name_servers.ask(std::move(request), deadline);
  } catch (const Error& error) {
    if (error.code() != remoting::RemotingErrc::no_name_server) throw;
    throw Error(ClientErrc::no_name_server, error.context());
  }
}

asio::awaitable<void> ClientInstance::Impl::fetch_name_servers() {
  const std::shared_ptr<Impl> self = shared_from_this();
  Timer timer(executor, time);
  for (;;) {
    Duration pause = config.address_server_interval;
    try {
      const Instant deadline = time.now() + config.api_timeout;
      std::vector<Address> list =
          co_await remoting::fetch_name_servers(config.address_server, network, time, deadline);
      if (name_servers.replace(std::move(list))) {
        log::info("name servers, as {} has them: {}", config.address_server.url(),
                  name_servers.list());
      }
      name_servers_changed.notify_all();
    } catch (const Error& error) {
      if (error.code() == asio::error::operation_aborted) throw;
      log::warn("{}", error.what());
      pause = std::min(pause, config.address_server_retry);
    }
    co_await timer.wait_for(pause);
  }
}

asio::awaitable<void> ClientInstance::Impl::refresh_routes() {
  for (std::string& topic : routes.topics()) {
    try {
      co_await look_up(std::move(topic), Purpose::read, time.now() + config.api_timeout);
    } catch (const Error& error) {
      // Without a name server the other topics fare no better; the caller logs the reason.
      if (error.code() == ClientErrc::no_name_server) throw;
      log::warn("{}", error.what());
    }
  }
}

}  // namespace comet::inline v0_1::client
