#pragma once
// What the producers and consumers of one executor share: connections, routes, heartbeats.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/address.hpp"
#include "comet/base/awaitable.hpp"
#include "comet/base/task.hpp"
#include "comet/client/broker_requests.hpp"
#include "comet/client/client_config.hpp"
#include "comet/client/errors.hpp"
#include "comet/remoting/command.hpp"
#include "comet/routing/publish_info.hpp"
#include "comet/routing/topic_route.hpp"

namespace comet::inline v0_1 {
class Network;
}

namespace comet::inline v0_1::client {

// A topic's route as the client knows it. Replaced as a whole when the route changes, so whoever
// holds one may go on with it.
class TopicRoute {
 public:
  TopicRoute(const std::string& topic, routing::TopicRouteData data_in, bool provisional_in,
             std::size_t first_queue);
  routing::TopicRouteData data;
  routing::TopicPublishInfo publish;
  // True: the topic does not exist yet; this is where it is going to be created.
  bool provisional;
};
using TopicRoutePtr = std::shared_ptr<TopicRoute>;

// Belongs to its executor (one thread, or a strand): call and await everything there.
// Destroying a running instance ends its connections in the background; stop() does it in order.
class ClientInstance {
 public:
  // `network` and `time` must outlive the executor's context.
  ClientInstance(asio::any_io_executor executor, Network& network, TimeSource& time,
                 ClientConfig config);
  ~ClientInstance();
  ClientInstance(const ClientInstance&) = delete;
  ClientInstance& operator=(const ClientInstance&) = delete;

  // Begins the periodic work; needs no server to be up. Every start() is matched by one stop(), the
  // last of which really stops. Throws Error: no_name_server when none is configured, not_running
  // when the instance has been stopped before.
  [[nodiscard]] asio::awaitable<void> start();
  // Ends background work, then connections; requests in flight fail.
  [[nodiscard]] asio::awaitable<void> stop();

  // Announced to the brokers with the heartbeats. Throws Error(illegal_config) when the instance
  // has a producer of that group already.
  void add_producer(const std::string& group);
  // Tells the brokers that know this client, waiting at most a second for those that do not answer.
  [[nodiscard]] asio::awaitable<void> remove_producer(std::string group);
  // Returns when the brokers of all known routes have been told of the producers over the
  // connections in use, at once when they have; after a second or at the deadline at the latest.
  // For those whose answers come by way of a broker. Errors: not_running.
  [[nodiscard]] asio::awaitable<void> announce(Instant deadline);

  // Looks for the brokers of these topics (as they are on the wire) and tells them of the
  // producers: at once, and where a topic has no route yet, when it gets one. For producers that
  // brokers must find although they have sent nothing. Returns at once. Throws Error(not_running).
  void announce_topics(std::vector<std::string> topics);

  // Calls `handler` when a broker asks about a transaction of that producer group (as it is on the
  // wire: with the namespace); an empty one ends that.
  void on_transaction_check(const std::string& group, TransactionCheckHandler handler);
  // Calls `handler` once, when the reply to the request with that correlation id comes.
  void expect_reply(const std::string& correlation_id, ReplyHandler handler);
  void forget_reply(const std::string& correlation_id);

  // Where to send messages of this topic: from the cache, then from the name servers, then from the
  // brokers that create topics. Callers that ask for one topic at the same time share one query.
  // Throws Error: no_name_server naming every address tried, topic_not_found, not_running.
  // Cancelling a caller leaves the others alone.
  [[nodiscard]] asio::awaitable<TopicRoutePtr> find_publish_route(std::string topic,
                                                                  Instant deadline);
  // The same from the cache alone; null when a query would be needed.
  [[nodiscard]] TopicRoutePtr cached_publish_route(std::string_view topic) const;
  // All of those.
  [[nodiscard]] std::vector<TopicRoutePtr> cached_publish_routes() const;
  // The route of a topic that exists, for reading. Errors as above.
  [[nodiscard]] asio::awaitable<TopicRoutePtr> find_route(std::string topic, Instant deadline);
  // Asks the name servers again, although the cache has a route. Errors as above.
  [[nodiscard]] asio::awaitable<void> refresh_route(std::string topic, Instant deadline);

  // Of the broker's master, on its VIP channel where that is configured; nullopt when no route
  // names one.
  [[nodiscard]] std::optional<Address> publish_address(std::string_view broker_name) const;
  // Of the master if there is one, else of any slave.
  [[nodiscard]] std::optional<Address> read_address(std::string_view broker_name) const;

  // A request to a broker; throws and returns as remoting::Client::invoke does. After a time-out of
  // a quarter of api_timeout or more, through which nothing at all came from the broker, the next
  // request opens a new connection; requests on the old one still wait for their answers there.
  [[nodiscard]] asio::awaitable<remoting::RemotingCommand> invoke(Address to,
                                                                  remoting::RemotingCommand request,
                                                                  Instant deadline);

  // The same for tasks and in place: `command` is the request and becomes the answer. The caller
  // keeps the client alive; address and command stay where they are.
  [[nodiscard]] Task<> exchange(const Address& to, remoting::RemotingCommand& command,
                                Instant deadline);
  // The same for a request that is not answered: returns when it is queued on a connection.
  [[nodiscard]] asio::awaitable<void> invoke_oneway(Address to, remoting::RemotingCommand request,
                                                    Instant deadline);
  [[nodiscard]] Task<> send_oneway(const Address& to, remoting::RemotingCommand& command,
                                   Instant deadline);

  // How a request to a broker ended, so that each change of its state gets a line in the log; an
  // empty problem: with an answer. For those who use exchange().
  void note_broker(const Address& broker, std::string_view problem);

  [[nodiscard]] const std::string& client_id() const noexcept;
  // The part of it before '@'.
  [[nodiscard]] std::string_view client_ip() const noexcept;
  // "host:port;host:port", as they are at the moment.
  [[nodiscard]] std::string name_servers() const;
  [[nodiscard]] const ClientConfig& config() const noexcept;
  [[nodiscard]] TimeSource& time() const noexcept;
  [[nodiscard]] asio::any_io_executor executor() const noexcept;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace comet::inline v0_1::client
