#pragma once
// What the request handlers of a name server work on.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker_notices.hpp"
#include "comet/base/time.hpp"
#include "comet/namesrv/config.hpp"
#include "comet/remoting/connection.hpp"
#include "counters.hpp"
#include "kv_config.hpp"
#include "order_config.hpp"
#include "route_notifier.hpp"
#include "tables/route_table.hpp"

namespace comet::inline v0_1::namesrv {

using remoting::RequestCode;

// The settings that route queries look at, on any thread.
struct RouteSwitches {
  std::atomic<bool> order_message_enable{false};
  std::atomic<Instant> ready_at{Instant::min()};  // before: "name server not ready"
};

// Requests of connections on different executors meet here: whoever uses a member below the mutex
// holds it, and not across anything that waits for others.
class Service : public std::enable_shared_from_this<Service> {
 public:
  Service(NameServerConfig config_in, TimeSource& time_in, asio::any_io_executor home_in,
          asio::any_io_executor worker_in)
      : config(std::move(config_in)),
        time(time_in),
        started_at(time.now()),
        home(std::move(home_in)),
        worker(std::move(worker_in)),
        notifier(std::make_shared<RouteNotifier>(home, config.watches)),
        live(config),
        settings(config.settings),
        table(config.limits),
        kv(config.kv_config_path) {
    table.set_observer(notifier.get());
    use(config);
  }
  // Makes the settings hold. The caller holds the mutex, if others know the service.
  void use(const LiveSettings& settings);

  const NameServerConfig config;  // as it was at the start
  TimeSource& time;
  const Instant started_at;
  const asio::any_io_executor home;    // the first of the name server's
  const asio::any_io_executor worker;  // empty: none
  const std::shared_ptr<RouteNotifier> notifier;
  RouteSwitches route_switches;
  std::atomic<std::size_t> bytes_for_worker{0};  // of requests that it has not done
  OrderConfig order_config;
  // Of brokers that are to be told something; belongs to `home`.
  std::unique_ptr<BrokerNotices> notices;

  std::mutex mutex;
  LiveSettings live;
  std::optional<Config> settings;
  RouteTable table;       // except for route queries, which need no mutex
  bool sweeping = false;  // see sweep_soon()
  std::uint64_t saved_revision = 0;
  std::string saved_routes_problem;  // why they cannot be saved; empty: they can
  KvConfig kv;
  // Of registered brokers, by the connection's id.
  std::unordered_map<std::uint64_t, std::weak_ptr<remoting::Connection>> connections;
  Instant next_refusal_line{};  // refused registrations may come at any rate; their log lines not
  bool stopping = false;

  Counters counters;
};

using Handler = remoting::Reply (*)(Service&, remoting::Request&);
// Requests of this code are handled by the worker, if there is one, else where they come in.
void serve(remoting::Dispatcher& dispatcher, RequestCode code,
           const std::shared_ptr<Service>& service, Handler handler);
// Likewise for other work, in the order of these calls.
void do_work(const std::shared_ptr<Service>& service, std::function<void(Service&)> work);
// Frees, step by step, what departed brokers have left in the table. The caller holds the mutex.
void sweep_soon(Service& service);

// REGISTER_BROKER, UNREGISTER_BROKER, QUERY_DATA_VERSION, BROKER_HEARTBEAT
void install_broker_handlers(remoting::Dispatcher& dispatcher,
                             const std::shared_ptr<Service>& service);
// GET_ROUTEINFO_BY_TOPIC
void install_route_handlers(remoting::Dispatcher& dispatcher,
                            const std::shared_ptr<Service>& service);
// What administrators ask: cluster, topic lists, member groups
void install_list_handlers(remoting::Dispatcher& dispatcher,
                           const std::shared_ptr<Service>& service);
// GET_NAMESRV_CONFIG, UPDATE_NAMESRV_CONFIG
void install_config_handlers(remoting::Dispatcher& dispatcher,
                             const std::shared_ptr<Service>& service);
// What administrators change: write permission, topics
void install_change_handlers(remoting::Dispatcher& dispatcher,
                             const std::shared_ptr<Service>& service);
// PUT_KV_CONFIG, GET_KV_CONFIG, DELETE_KV_CONFIG, GET_KVLIST_BY_NAMESPACE
void install_kv_handlers(remoting::Dispatcher& dispatcher, const std::shared_ptr<Service>& service);

// A namespace as the body of an answer (Apache: KVTable).
[[nodiscard]] std::string kv_table_json(const KvConfig::Table& table);
// At most one line every 10 s. The caller holds the mutex.
void log_refusal(Service& service, const remoting::Request& request, std::string_view why);
// What has to follow the departure of brokers: one line each, notices to members that are left, and
// the sweeping of the table. The caller holds the mutex.
void after_removal(Service& service, const std::vector<RemovedBroker>& removed,
                   std::string_view why);
// Notices to the members of a broker whose lowest id has changed, if that is so and the settings
// ask for them. The caller holds the mutex.
void tell_members(Service& service, const std::optional<MinBrokerIdChange>& change);

}  // namespace comet::inline v0_1::namesrv
