#pragma once
// What a name server knows: which brokers live, and which of them holds which topic.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "comet/base/body.hpp"
#include "comet/base/time.hpp"
#include "comet/routing/topic_config.hpp"
#include "comet/routing/topic_route.hpp"

namespace comet::routing {

// What peers can make a table hold. Topics beyond a limit are left out, brokers refused.
class RouteTableLimits {
 public:
  std::size_t max_name = 255;  // bytes of a topic, broker, cluster name or address
  std::size_t max_brokers = 10'000;
  std::size_t max_topics_per_broker = 200'000;
  std::size_t max_entries = 4'000'000;  // topics times brokers, some 24 bytes each
  std::size_t max_cached = 32u << 20;   // bytes of encoded answers
};

// A registration as a broker sends it (Apache: REGISTER_BROKER).
class BrokerRegistration {
 public:
  std::string cluster;
  std::string broker_name;
  std::int64_t broker_id = kMasterId;
  std::string address;           // for clients, "ip:port"
  std::string ha_server_addr;    // for slaves
  std::uint64_t connection = 0;  // of the registration; its end is the end of the broker
  Duration timeout = std::chrono::seconds(120);  // without a sign of life
  RegisterBrokerBody body;
};

// What a registration has led to.
class RegisterOutcome {
 public:
  std::string refusal;  // not empty: nothing has changed, and this is why
  bool stale = false;   // another address with a newer state holds the id (5.x): ignored
  bool first = false;   // the id had no address
  std::optional<std::int64_t> previous_id;  // of this address in the same broker
  std::string previous_address;             // of this id
  std::string previous_name;                // of the broker that this address belonged to
  std::size_t topics = 0;                   // that the table holds for this broker now
  std::size_t topics_left_out = 0;          // with unusable names or beyond the limits
  bool left_out_changed = false;            // since the last registration
  // For slaves whose master lives.
  std::string master_addr;
  std::string master_ha_server_addr;
};

class RemovedBroker {
 public:
  std::string cluster;
  std::string broker_name;
  std::int64_t broker_id = kMasterId;
  std::string address;
  std::uint64_t connection = 0;
  Duration silent{};  // since its last sign of life; only from expire()
};

// Is told of topics whose route has changed. Called by whoever changes the table, on its thread and
// under its locks, when the change is done and queries see it: it must not call the table. Whoever
// notes its interest first and queries the route then misses no change.
class RouteObserver {
 public:
  virtual ~RouteObserver() = default;
  // Whether anybody wants to know at all. While it is false changes are not even collected, which
  // keeps large registrations cheap; it may turn true at any time, from any thread.
  [[nodiscard]] virtual bool active() const noexcept = 0;
  // One change of the table: every topic for which a route query may be answered otherwise than
  // before (also: not at all, or for the first time). Sorted, each topic once, never empty.
  virtual void routes_changed(const std::vector<std::string>& topics) = 0;
};

// The rules are those of Apache's 4.9 RouteInfoManager, and:
// - An address belongs to one broker name and id at a time; what it was before ends.
// - A removal names the address: it never hits another broker that has taken over the id.
// - A topic that a broker registers without a new DataVersion is added if it is missing, so that an
//   incremental registration may come before the full one (5.x).
// - Topics missing in a registration stay until remove_topic() or the end of the broker.
// Pure data, no I/O; time is passed in. Not thread-safe.
class RouteTable {
 public:
  explicit RouteTable(RouteTableLimits limits = {});
  ~RouteTable();
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // At most one; nullptr: none. It must outlive the table or be taken away.
  void set_observer(RouteObserver* observer) noexcept { observer_ = observer; }

  RegisterOutcome register_broker(BrokerRegistration registration, Instant now);
  std::optional<RemovedBroker> unregister_broker(std::string_view address);
  // Removes the brokers whose latest registration came over this connection.
  std::vector<RemovedBroker> connection_closed(std::uint64_t connection);
  // Removes the brokers that have been silent for longer than their timeout.
  std::vector<RemovedBroker> expire(Instant now);
  // A sign of life that is no registration. False: unknown address.
  bool touch(std::string_view address, Instant now);
  // Of the address's latest registration.
  [[nodiscard]] std::optional<DataVersion> data_version(std::string_view address) const;

  // nullopt: the topic has no route.
  [[nodiscard]] std::optional<TopicRouteData> find_route(std::string_view topic) const;
  // Its JSON, encoded at the first call after a change.
  [[nodiscard]] std::optional<SharedBytes> find_route_json(std::string_view topic,
                                                           IntegerKeys keys);

  // Every topic entry of this broker loses WRITE, or gets READ and WRITE and nothing else (as
  // Apache's does), until a registration says otherwise. The number of entries.
  std::size_t wipe_write_permission(std::string_view broker_name);
  std::size_t add_write_permission(std::string_view broker_name);
  // From all brokers, or from those of one cluster (empty: all).
  void remove_topic(std::string_view topic, std::string_view cluster = {});

  [[nodiscard]] std::vector<std::string> topics() const;
  [[nodiscard]] std::vector<std::string> topics_of_cluster(std::string_view cluster) const;
  // Those whose topicSysFlag, on the first of their brokers, has all bits of `with` and none of
  // `without` (Apache: unit topics).
  [[nodiscard]] std::vector<std::string> topics_by_flag(std::int32_t with,
                                                        std::int32_t without = 0) const;
  [[nodiscard]] std::optional<BrokerData> find_broker(std::string_view broker_name) const;
  // By cluster name, then broker name.
  [[nodiscard]] std::map<std::string, std::vector<BrokerData>> clusters() const;
  [[nodiscard]] std::size_t brokers() const noexcept { return members_by_address_.size(); }
  [[nodiscard]] std::size_t topic_count() const noexcept { return topics_.size(); }

 private:
  struct Member;
  struct Broker;
  struct Entry;
  struct Topic;
  struct Place;
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Topics = std::unordered_map<std::string, Topic, TextHash, std::equal_to<>>;

  [[nodiscard]] std::string find_fault(const BrokerRegistration& registration) const;
  [[nodiscard]] bool usable_name(std::string_view name) const;
  [[nodiscard]] bool is_stale(const BrokerRegistration& registration) const;
  std::optional<DataVersion> leave_former_place(const BrokerRegistration& registration,
                                                RegisterOutcome& outcome);
  Member& take_place(Broker& broker, const BrokerRegistration& registration,
                     RegisterOutcome& outcome);
  void take_topics(Broker& broker, const TopicConfigTable& table, bool changed,
                   RegisterOutcome& outcome);
  bool take_topic(Broker& broker, const TopicConfig& config, bool changed);
  RemovedBroker remove_member(Broker& broker, std::int64_t id);
  void detach_member(Broker& broker, std::int64_t id);
  void forget_connection(const Member& member);
  void remove_entries(Broker& broker);
  void remove_entry(Topic& topic, std::vector<Entry>::iterator entry);
  std::size_t change_permission(std::string_view broker_name, std::int32_t keep, std::int32_t add);
  [[nodiscard]] TopicRouteData make_route(const Topic& topic) const;
  [[nodiscard]] static BrokerData make_broker_data(const Broker& broker);
  void forget_answer(Topic& topic) noexcept;
  void forget_all_answers() noexcept;
  void addresses_changed(const Broker& broker);
  void note_change(std::string_view topic);
  void tell_observer();

  RouteTableLimits limits_;
  std::map<std::string, Broker, std::less<>> brokers_;  // by name; nodes stay where they are
  std::unordered_map<std::string, Place, TextHash, std::equal_to<>> members_by_address_;
  std::multimap<std::uint64_t, std::string> addresses_by_connection_;
  Topics topics_;
  std::size_t entries_ = 0;
  std::size_t cached_bytes_ = 0;
  std::uint64_t generation_ = 0;  // of the brokers' addresses; older encoded answers are worthless
  RouteObserver* observer_ = nullptr;
  std::vector<std::string> changed_;  // topics, changed by the running operation, if observed
};

}  // namespace comet::routing
