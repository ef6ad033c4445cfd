#pragma once
// The inside of ClientInstance: one object that its background coroutines share.

#include <atomic>
#include <exception>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "broker_states.hpp"
#include "client_id.hpp"
#include "comet/base/async.hpp"
#include "comet/base/context_watch.hpp"
#include "comet/client/client_instance.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/name_server_channel.hpp"
#include "line_limit.hpp"
#include "route_cache.hpp"

namespace comet::inline v0_1::client {

struct ClientInstance::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::any_io_executor executor_in, Network& network_in, TimeSource& time_in,
       ClientConfig config_in);

  void begin();
  // Static, so that the coroutine itself keeps the object alive (the destructor starts it).
  [[nodiscard]] static asio::awaitable<void> end(std::shared_ptr<Impl> self);

  // --- route_lookup.cpp ---
  enum class Purpose {
    read,     // the topic must exist
    publish,  // else the template topic's brokers will do
  };
  // One query in flight and everybody who waits for it.
  struct Lookup {
    Lookup(asio::any_io_executor lookup_executor, TimeSource& lookup_time)
        : ended(std::move(lookup_executor), lookup_time) {}
    Event ended;
    bool done = false;
    bool found = false;
    std::exception_ptr problem;
  };
  // Joins or starts the query, which goes on when this caller leaves. True when there is a route.
  [[nodiscard]] asio::awaitable<bool> look_up(std::string topic, Purpose purpose, Instant deadline);
  std::shared_ptr<Lookup> begin_lookup(const std::string& topic, Purpose purpose);
  [[nodiscard]] asio::awaitable<void> run_lookup(std::shared_ptr<Lookup> lookup, std::string topic,
                                                 Purpose purpose);
  [[nodiscard]] asio::awaitable<bool> update_route(std::string topic, Purpose purpose,
                                                   Instant deadline);
  [[nodiscard]] asio::awaitable<std::optional<routing::TopicRouteData>> query_route(
      std::string topic, Instant deadline);
  [[nodiscard]] asio::awaitable<void> refresh_routes();
  void report_route(const std::string& topic, const std::string& change);
  // Like the channel's ask(), with an error of this library.
  [[nodiscard]] asio::awaitable<remoting::RemotingCommand> ask_name_servers(
      remoting::RemotingCommand request, Instant deadline);

  // Keeps the list as the address server has it.
  [[nodiscard]] asio::awaitable<void> fetch_name_servers();

  // --- route_watch.cpp ---
  void begin_watching();
  void on_route_notification(const remoting::Request& notification);
  void note_outdated(const std::string& topic);
  void refresh_soon();
  // The connection to the name server in use; 0: none is open.
  [[nodiscard]] std::uint64_t watching_connection() const;
  [[nodiscard]] asio::awaitable<void> refresh_outdated();
  [[nodiscard]] asio::awaitable<void> renew_watches();

  // --- broker_requests.cpp ---
  [[nodiscard]] std::shared_ptr<const remoting::Dispatcher> make_handlers();
  void on_transaction_check(const remoting::Request& request);
  [[nodiscard]] remoting::Reply on_reply(const remoting::Request& request);

  // --- heartbeat.cpp ---
  // Whether the broker has heard of all producers over the connection in use.
  [[nodiscard]] bool knows_us(const Address& broker) const;
  [[nodiscard]] asio::awaitable<void> announce(Instant deadline);
  [[nodiscard]] asio::awaitable<void> announce_to(Address broker);
  [[nodiscard]] asio::awaitable<void> announce_topics(std::vector<std::string> topics);
  // Those of them that no route is known of, after another look.
  [[nodiscard]] asio::awaitable<std::vector<std::string>> find_routes(
      std::vector<std::string> topics);
  // How a request to the broker ended; an empty problem: with an answer.
  void note_broker(const Address& broker, std::string_view problem);
  [[nodiscard]] asio::awaitable<void> send_heartbeats();
  void forget_brokers_without_route();
  [[nodiscard]] asio::awaitable<void> send_heartbeat(Address broker);
  [[nodiscard]] asio::awaitable<void> unregister(Address broker, std::string producer_group);
  [[nodiscard]] std::string heartbeat_body() const;

  [[nodiscard]] asio::awaitable<remoting::RemotingCommand> invoke(Address to,
                                                                  remoting::RemotingCommand request,
                                                                  Instant deadline);
  // Throws Error(not_running) unless started.
  void require_running() const;

  enum class State { created, running, stopped };

  asio::any_io_executor executor;
  Network& network;
  TimeSource& time;
  ClientConfig config;
  const ClientId client_id;
  std::atomic<State> state = State::created;  // changed on the executor only
  int users = 0;                              // start() calls without their stop()
  remoting::Client remoting;
  std::mt19937_64 random;
  remoting::NameServerChannel name_servers;
  Event name_servers_changed;
  Event heartbeat_ended;  // of those that are awaited
  RouteCache routes;
  std::map<std::pair<std::string, Purpose>, std::shared_ptr<Lookup>> lookups;
  // The connection over which each route was last asked for, and so is watched.
  std::map<std::string, std::uint64_t, std::less<>> watched_over;
  std::set<std::string> outdated_routes;  // to be asked for again
  bool refreshing_outdated = false;
  Duration renew_pause{};  // after a failure
  Instant renew_again{};
  std::set<std::string> producer_groups;
  std::map<Address, std::uint64_t> announced;  // the connection over which a broker heard of them
  std::set<Address> announcing;
  std::map<std::string, TransactionCheckHandler> check_handlers;  // by producer group
  std::map<std::string, ReplyHandler> reply_handlers;             // by correlation id
  std::set<Address> refusing;  // brokers that have answered the last heartbeat with an error
  BrokerStates broker_states;
  LineLimit route_lines{20, std::chrono::seconds(10)};
  TaskGroup tasks;
  ContextWatch context;
};

}  // namespace comet::inline v0_1::client
