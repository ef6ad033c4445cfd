// How a client learns of changed routes before it asks (docs/route_watch.md): every route query
// asks for a watch, a notification has the route asked for again at once, and a lost connection to
// the name server has the watches renewed over a new one. Polling stays, for name servers that know
// no watches.

#include <algorithm>

#include "client_impl.hpp"
#include "comet/base/log.hpp"
#include "comet/routing/route_notification.hpp"

namespace comet::inline v0_1::client {
namespace {

using namespace std::chrono_literals;

constexpr Duration kCheckEvery = 1s;
constexpr std::size_t kAtOnce = 16;  // queries in flight while many routes are refreshed

}  // namespace

void ClientInstance::Impl::on_route_notification(const remoting::Request& notification) {
  if (state != State::running) return;
  const auto topics = routing::parse_route_notification(notification.command.body.view());
  if (!topics) {
    log::warn("name server {} sent a notification that cannot be read ({})",
              notification.connection->remote().to_string(), topics.error().message());
    return;
  }
  for (const std::string& topic : *topics) note_outdated(topic);
}

void ClientInstance::Impl::note_outdated(const std::string& topic) {
  if (topic == config.create_topic_key) {
    for (std::string& other : routes.topics()) {
      if (routes.find(other)->provisional) outdated_routes.insert(std::move(other));
    }
  }
  const TopicRoutePtr route = routes.find(topic);
  // A topic that has just been created on one broker is going to be created on the others by the
  // sends that go there; the real route would keep them away. Polling ends that, as ever.
  if (route != nullptr && !route->provisional) {
    watched_over.erase(topic);
    outdated_routes.insert(topic);
  }
  refresh_soon();
}

void ClientInstance::Impl::refresh_soon() {
  if (outdated_routes.empty() || refreshing_outdated) return;
  refreshing_outdated = true;
  tasks.spawn("route refresh", refresh_outdated());
}

std::uint64_t ClientInstance::Impl::watching_connection() const {
  if (name_servers.empty()) return 0;
  const auto connection = remoting.find(name_servers.current());
  return connection == nullptr ? 0 : connection->id();
}

asio::awaitable<void> ClientInstance::Impl::refresh_outdated() {
  const std::shared_ptr<Impl> self = shared_from_this();
  while (!outdated_routes.empty()) {
    // A query that is under way may have been answered before the change.
    std::vector<std::shared_ptr<Lookup>> before;
    std::vector<std::pair<std::string, Purpose>> wanted;
    while (!outdated_routes.empty() && wanted.size() < kAtOnce) {
      std::string topic = std::move(outdated_routes.extract(outdated_routes.begin()).value());
      for (const Purpose purpose : {Purpose::read, Purpose::publish}) {
        const auto running = lookups.find(std::make_pair(topic, purpose));
        if (running != lookups.end()) before.push_back(running->second);
      }
      const TopicRoutePtr route = routes.find(topic);
      const bool provisional = route != nullptr && route->provisional;
      wanted.emplace_back(std::move(topic), provisional ? Purpose::publish : Purpose::read);
    }
    for (const auto& lookup : before) {
      while (!lookup->done) co_await lookup->ended.wait();
    }
    std::vector<std::shared_ptr<Lookup>> running;
    for (const auto& [topic, purpose] : wanted) running.push_back(begin_lookup(topic, purpose));
    for (const auto& lookup : running) {
      while (!lookup->done) co_await lookup->ended.wait();
    }
  }
  refreshing_outdated = false;
}

// The watches go with the connection over which they were asked for.
asio::awaitable<void> ClientInstance::Impl::renew_watches() {
  if (refreshing_outdated || time.now() < renew_again) co_return;
  const std::uint64_t connection = watching_connection();
  std::set<std::string> unwatched;
  for (std::string& topic : routes.topics()) {
    const auto watch = watched_over.find(topic);
    const bool watched = watch != watched_over.end() && watch->second == connection;
    if (connection == 0 || !watched) unwatched.insert(std::move(topic));
  }
  if (unwatched.empty()) co_return;
  std::string first = *unwatched.begin();
  try {
    // One query shows whether there is a name server at all.
    co_await look_up(std::move(first), Purpose::read, time.now() + config.api_timeout);
    renew_pause = kCheckEvery;
  } catch (const Error& error) {
    renew_pause = std::min<Duration>(2 * renew_pause, config.route_refresh_interval);
    renew_again = time.now() + renew_pause;
    log::debug("route watches not renewed: {}", error.what());
    co_return;
  }
  outdated_routes.merge(unwatched);
  refresh_soon();
}

void ClientInstance::Impl::begin_watching() {
  if (!config.watch_routes) return;
  renew_pause = kCheckEvery;
  auto renew = [self = shared_from_this()]() { return self->renew_watches(); };
  tasks.spawn("route watches",
              repeat_every(time, kCheckEvery, kCheckEvery, "route watches", renew));
}

}  // namespace comet::inline v0_1::client
