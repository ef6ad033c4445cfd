// What brokers know about this client, and how they come to know it.

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "client_impl.hpp"
#include "comet/base/log.hpp"
#include "comet/base/timer.hpp"
#include "comet/client/failure.hpp"
#include "comet/remoting/header.hpp"
#include "comet/remoting/message_headers.hpp"

namespace comet::inline v0_1::client {

using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::ResponseCode;

std::string ClientInstance::Impl::heartbeat_body() const {
  boost::json::array producers;
  for (const std::string& group : producer_groups) {
    boost::json::object producer;
    producer["groupName"] = group;
    producers.push_back(std::move(producer));
  }
  boost::json::object body;
  body["clientID"] = client_id.text();
  body["consumerDataSet"] = boost::json::array();
  body["producerDataSet"] = std::move(producers);
  return boost::json::serialize(body);
}

asio::awaitable<void> ClientInstance::Impl::send_heartbeats() {
  routes.drop_offline_brokers();
  forget_brokers_without_route();
  if (producer_groups.empty()) co_return;
  // All at once: a broker that hangs does not delay the others.
  for (const Address& broker : routes.masters()) {
    tasks.spawn("heartbeat to " + broker.to_string(), send_heartbeat(broker));
  }
}

// Addresses come from name servers, and brokers may have new ones at each of their starts.
void ClientInstance::Impl::forget_brokers_without_route() {
  const auto is_gone = [this](const Address& broker) { return routes.name_of(broker).empty(); };
  std::erase_if(announced, [&is_gone](const auto& entry) { return is_gone(entry.first); });
  std::erase_if(refusing, is_gone);
  broker_states.forget_if(is_gone);
}

bool ClientInstance::Impl::knows_us(const Address& broker) const {
  const auto told = announced.find(broker);
  const auto connection = remoting.find(broker);
  return told != announced.end() && connection != nullptr && told->second == connection->id();
}

// The heartbeats belong to the client: a caller that leaves does not end them.
asio::awaitable<void> ClientInstance::Impl::announce(Instant deadline) {
  require_running();
  deadline = std::min<Instant>(deadline, time.now() + std::chrono::seconds(1));
  for (const Address& broker : routes.masters()) {
    if (knows_us(broker) || !announcing.insert(broker).second) continue;
    tasks.spawn("heartbeat to " + broker.to_string(), announce_to(broker));
  }
  while (!announcing.empty() && time.now() < deadline) {
    (void)co_await heartbeat_ended.wait(deadline);
  }
}

asio::awaitable<void> ClientInstance::Impl::announce_to(Address broker) {
  std::shared_ptr<Impl> self = shared_from_this();
  std::exception_ptr problem;
  try {
    co_await send_heartbeat(broker);
  } catch (...) {
    problem = std::current_exception();
  }
  announcing.erase(broker);
  heartbeat_ended.notify_all();
  if (problem) std::rethrow_exception(problem);
}

asio::awaitable<void> ClientInstance::Impl::send_heartbeat(Address broker) {
  std::shared_ptr<Impl> self = shared_from_this();
  RemotingCommand request =
      RemotingCommand::request(RequestCode::heart_beat, Body(heartbeat_body()));
  const Instant begin = time.now();
  const std::set<std::string> told = producer_groups;
  try {
    RemotingCommand answer =
        co_await invoke(broker, std::move(request), begin + config.api_timeout);
    const auto connection = remoting.find(broker);
    if (connection != nullptr && told == producer_groups) announced[broker] = connection->id();
    note_broker(broker, {});
    if (answer.response_code() == ResponseCode::success) {
      refusing.erase(broker);
    } else if (refusing.insert(broker).second) {
      log::warn("broker {} refuses heartbeats: {} {}", broker.to_string(),
                remoting::to_string(answer.response_code()), answer.remark);
    }
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    note_broker(broker, describe_failure(error.code(), time.now() - begin));
  }
}

void ClientInstance::Impl::note_broker(const Address& broker, std::string_view problem) {
  if (problem.empty() && broker_states.all_well()) return;
  const std::string_view name = routes.name_of(broker);
  if (problem.empty()) {
    if (const auto line = broker_states.answered(broker, name, time.now())) log::info("{}", *line);
  } else if (const auto line = broker_states.failed(broker, name, problem, time.now())) {
    log::warn("{}", *line);
  }
}

asio::awaitable<std::vector<std::string>> ClientInstance::Impl::find_routes(
    std::vector<std::string> topics) {
  std::vector<std::string> missing;
  for (std::string& topic : topics) {
    bool found = routes.find(topic) != nullptr;
    try {
      if (!found) found = co_await look_up(topic, Purpose::read, time.now() + config.api_timeout);
    } catch (const Error& error) {
      log::debug("route of topic {}: {}", topic, error.what());
    }
    if (!found) missing.push_back(std::move(topic));
  }
  co_return missing;
}

// As Apache's producers do with the template topic, until each topic has a route: what a name
// server lacks now may come.
asio::awaitable<void> ClientInstance::Impl::announce_topics(std::vector<std::string> topics) {
  const std::shared_ptr<Impl> self = shared_from_this();
  Timer timer(executor, time);
  Duration pause = std::chrono::seconds(1);
  for (bool told = false;; told = true) {
    topics = co_await find_routes(std::move(topics));
    co_await announce(Instant::max());
    if (topics.empty()) co_return;
    if (!told) {
      log::info("no route of topic {} yet: brokers that have it are told of this client later",
                fmt::join(topics, ", "));
    }
    co_await timer.wait_for(pause);
    pause = std::min<Duration>(2 * pause, config.route_refresh_interval);
  }
}

asio::awaitable<void> ClientInstance::Impl::unregister(Address broker, std::string producer_group) {
  std::shared_ptr<Impl> self = shared_from_this();
  remoting::UnregisterClientHeader header;
  header.client_id = client_id.text();
  header.producer_group = producer_group;
  RemotingCommand request = RemotingCommand::request(RequestCode::unregister_client, header);
  try {
    const Duration patience = std::min<Duration>(config.api_timeout, std::chrono::seconds(1));
    co_await remoting.invoke(broker, std::move(request), time.now() + patience);
  } catch (const boost::system::system_error& error) {
    // A courtesy only: the broker forgets this client when the connection ends.
    if (error.code() == asio::error::operation_aborted) throw;
    log::debug("unregistering from broker {}: {}", broker.to_string(), error.what());
  }
}

void ClientInstance::announce_topics(std::vector<std::string> topics) {
  impl_->require_running();
  impl_->tasks.spawn("brokers to tell of this client", impl_->announce_topics(std::move(topics)));
}

void ClientInstance::note_broker(const Address& broker, std::string_view problem) {
  impl_->note_broker(broker, problem);
}

asio::awaitable<void> ClientInstance::announce(Instant deadline) {
  std::shared_ptr<Impl> impl = impl_;
  co_await impl->announce(deadline);
}

asio::awaitable<void> ClientInstance::remove_producer(std::string group) {
  std::shared_ptr<Impl> impl = impl_;
  if (impl->producer_groups.erase(group) == 0 || impl->state != Impl::State::running) co_return;
  TaskGroup farewells(impl->executor, impl->time);
  for (const Address& broker : impl->routes.masters()) {
    if (impl->remoting.find(broker) == nullptr) continue;
    farewells.spawn("unregister from " + broker.to_string(), impl->unregister(broker, group));
  }
  co_await farewells.join();
}

}  // namespace comet::inline v0_1::client
