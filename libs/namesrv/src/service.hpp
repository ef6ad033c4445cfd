#pragma once
// What the request handlers of a name server work on.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "comet/base/time.hpp"
#include "comet/namesrv/name_server.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/routing/route_table.hpp"
#include "counters.hpp"
#include "kv_config.hpp"
#include "route_notifier.hpp"

namespace comet::namesrv {

// Requests of connections on different executors meet here: whoever uses a member below the mutex
// holds it, and not across anything that waits for others.
class Service {
 public:
  Service(asio::any_io_executor executor, NameServerConfig config_in, TimeSource& time_in)
      : config(std::move(config_in)),
        time(time_in),
        notifier(std::make_shared<RouteNotifier>(std::move(executor), config.watches)),
        table(config.limits),
        kv(config.kv_config_path) {
    table.set_observer(notifier.get());
  }

  const NameServerConfig config;
  TimeSource& time;
  const std::shared_ptr<RouteNotifier> notifier;

  std::mutex mutex;
  routing::RouteTable table;
  KvConfig kv;
  // Of registered brokers, by the connection's id.
  std::unordered_map<std::uint64_t, std::weak_ptr<remoting::Connection>> connections;
  Instant next_refusal_line{};  // refused registrations may come at any rate; their log lines not
  bool stopping = false;

  Counters counters;
};

using Handler = remoting::Reply (*)(Service&, remoting::Request&);
// Binds a handler to the service that it works on.
[[nodiscard]] inline remoting::SyncHandler bind(const std::shared_ptr<Service>& service,
                                                Handler handler) {
  return [service, handler](remoting::Request& request) { return handler(*service, request); };
}

// REGISTER_BROKER, UNREGISTER_BROKER, QUERY_DATA_VERSION, BROKER_HEARTBEAT
void install_broker_handlers(remoting::Dispatcher& dispatcher,
                             const std::shared_ptr<Service>& service);
// GET_ROUTEINFO_BY_TOPIC
void install_route_handlers(remoting::Dispatcher& dispatcher,
                            const std::shared_ptr<Service>& service);
// What administrators ask: cluster, topic lists, member groups, the configuration
void install_list_handlers(remoting::Dispatcher& dispatcher,
                           const std::shared_ptr<Service>& service);
// What administrators change: write permission, topics
void install_change_handlers(remoting::Dispatcher& dispatcher,
                             const std::shared_ptr<Service>& service);
// PUT_KV_CONFIG, GET_KV_CONFIG, DELETE_KV_CONFIG, GET_KVLIST_BY_NAMESPACE
void install_kv_handlers(remoting::Dispatcher& dispatcher, const std::shared_ptr<Service>& service);

// A namespace as the body of an answer (Apache: KVTable).
[[nodiscard]] std::string kv_table_json(const KvConfig::Table& table);
// One line per broker. The caller holds the mutex.
void log_removed(const std::vector<routing::RemovedBroker>& removed, std::string_view why);

}  // namespace comet::namesrv
