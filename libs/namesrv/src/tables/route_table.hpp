#pragma once
// What a name server knows: which brokers live, and which of them holds which topic.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "comet/base/body.hpp"
#include "comet/base/time.hpp"
#include "comet/namesrv/config.hpp"
#include "comet/routing/topic_config.hpp"
#include "comet/routing/topic_route.hpp"

namespace comet::inline v0_1::namesrv {

class RouteTableOptions {
 public:
  // Of a broker that has no master, wants an acting one and cannot be written to, the slave with
  // the lowest id is answered as the master (Apache: supportActingMaster).
  bool support_acting_master = false;
  // Topics that a registration does not name any more end (deleteTopicWithBrokerRegistration).
  bool delete_missing_topics = false;
};

// A registration as a broker sends it (Apache: REGISTER_BROKER).
class BrokerRegistration {
 public:
  std::string cluster;
  std::string broker_name;
  std::int64_t broker_id = routing::kMasterId;
  std::string address;           // for clients, "ip:port"
  std::string ha_server_addr;    // for slaves
  std::uint64_t connection = 0;  // of the registration; its end is the end of the broker
  Duration timeout = std::chrono::seconds(120);  // without a sign of life
  std::optional<bool> enable_acting_master;  // nullopt: a broker of 4.x, which knows no such thing
  std::string zone_name;                     // 5.x; empty: none
  // Of the body's bytes as they came; 0: not known. Different bodies must not have the same.
  std::uint64_t body_digest = 0;
  routing::RegisterBrokerBody body;
};

// The lowest broker id of a broker has changed: its members want to know (5.x).
class MinBrokerIdChange {
 public:
  std::int64_t min_broker_id = routing::kMasterId;
  std::string min_broker_addr;
  std::string offline_broker_addr;     // of the member that has gone; empty: one has come
  std::string ha_broker_addr;          // of the member that has come
  std::vector<std::string> addresses;  // of the members that are to be told
};

// What a registration has led to.
class RegisterOutcome {
 public:
  std::string refusal;     // not empty: nothing has changed, and this is why
  bool stale = false;      // another address with a newer state holds the id (5.x): ignored
  bool first = false;      // the id had no address
  bool confirmed = false;  // the address was a restored one
  std::optional<std::int64_t> previous_id;  // of this address in the same broker
  std::string previous_address;             // of this id
  int moves = 0;                            // of this id between addresses, within ten minutes
  std::string previous_name;                // of the broker that this address belonged to
  std::size_t topics = 0;                   // that the table holds for this broker now
  std::size_t topics_left_out = 0;          // with unusable names or beyond the limits
  bool left_out_changed = false;            // since the last registration
  // For slaves whose master lives.
  std::string master_addr;
  std::string master_ha_server_addr;
  std::optional<MinBrokerIdChange> min_id_change;
};

class RemovedBroker {
 public:
  std::string cluster;
  std::string broker_name;
  std::int64_t broker_id = routing::kMasterId;
  std::string address;
  std::uint64_t connection = 0;
  bool confirmed = true;  // false: it was restored and has not registered since
  Duration silent{};      // since its last sign of life; only from expire()
  std::optional<MinBrokerIdChange> min_id_change;  // of a broker that enables acting masters
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

// The rules are those of Apache's RouteInfoManager (5.x, where it goes beyond 4.9), and:
// - An address belongs to one broker name and id at a time; what it was before ends.
// - A removal names the address: it never hits another broker that has taken over the id.
// - A topic that a broker registers without a new DataVersion is added if it is missing, so that an
//   incremental registration may come before the full one. (5.x refuses a first registration of
//   exactly one topic for fear of that order; here it needs no refusal.)
// - Topics missing in a registration stay until remove_topic() or the end of the broker, unless
//   the options say otherwise.
// - While a broker that enables acting masters has no master, its topics are not writable.
//
// Pure data, no I/O; time is passed in. Route queries (find_route, find_route_json) may come from
// any thread at any time: they wait for no registration or removal, only for single steps of one
// (microseconds). All other functions must be called one at a time. A query sees a departed broker
// no more; the memory of its topics is freed by sweep().
class RouteTable {
 public:
  explicit RouteTable(RouteTableLimits limits = {}, RouteTableOptions options = {});
  ~RouteTable();
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // At most one; nullptr: none. It must outlive the table or be taken away.
  void set_observer(RouteObserver* observer) noexcept { observer_ = observer; }
  void set_options(const RouteTableOptions& options);

  RegisterOutcome register_broker(BrokerRegistration registration, Instant now);
  // A registration whose body has not been decoded, because its digest may say that it is the one
  // of this address's last registration. nullopt: it is not, and nothing has happened.
  std::optional<RegisterOutcome> register_again(const BrokerRegistration& registration,
                                                Instant now);
  // Queues of one topic as an administrator or a 5.x broker names them. Empty: done. Otherwise
  // nothing has changed, and this is why.
  [[nodiscard]] std::string register_topic(std::string_view topic,
                                           const std::vector<routing::QueueData>& queues);

  std::optional<RemovedBroker> unregister_broker(std::string_view address);
  // Removes the brokers whose latest registration came over this connection.
  std::vector<RemovedBroker> connection_closed(std::uint64_t connection);
  // Removes the brokers that have been silent for longer than their timeout.
  std::vector<RemovedBroker> expire(Instant now);
  // A sign of life that is no registration. False: unknown address, or not confirmed.
  bool touch(std::string_view address, Instant now);
  // Frees a part of what departed brokers have left; true: call again. All brokers that have gone
  // since the last round are dealt with in one.
  bool sweep();

  // The table as text. What restore() makes of it answers as this one does, but its brokers are not
  // confirmed: they end after `timeout` unless they register.
  [[nodiscard]] std::string save() const;
  // Into a table that is empty. BodyErrc::malformed: this is no such text, or not all of it, and
  // the table is empty still.
  [[nodiscard]] error_code restore(std::string_view text, Instant now, Duration timeout);
  // Is another number after every change that save() would show.
  [[nodiscard]] std::uint64_t revision() const noexcept { return revision_; }

  // Of the address's latest registration.
  [[nodiscard]] std::optional<routing::DataVersion> data_version(std::string_view address) const;

  // nullopt: the topic has no route.
  [[nodiscard]] std::optional<routing::TopicRouteData> find_route(std::string_view topic) const;
  // Its JSON, encoded at the first call after a change.
  [[nodiscard]] std::optional<SharedBytes> find_route_json(std::string_view topic,
                                                           routing::IntegerKeys keys) const;

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
  [[nodiscard]] std::optional<routing::BrokerData> find_broker(std::string_view broker_name) const;
  // By cluster name, then broker name.
  [[nodiscard]] std::map<std::string, std::vector<routing::BrokerData>> clusters() const;
  // The number of addresses. On any thread, as the next one.
  [[nodiscard]] std::size_t brokers() const noexcept { return member_count_; }
  // Held in memory: also those of departed brokers that sweep() has not come to yet.
  [[nodiscard]] std::size_t topic_count() const noexcept { return topic_count_; }
  [[nodiscard]] const RouteTableLimits& limits() const noexcept { return limits_; }

 private:
  struct Member;
  struct Broker;
  struct Entry;
  struct Topic;
  struct Shard;
  struct Place;
  class Restorer;
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Topics = std::unordered_map<std::string, Topic, TextHash, std::equal_to<>>;

  // Registration. Whoever changes a broker or its members holds brokers_mutex_ alone: these
  // functions expect it of their caller, except for those that are const.
  struct Placed;
  [[nodiscard]] std::string find_fault(const BrokerRegistration& registration) const;
  [[nodiscard]] bool usable_name(std::string_view name) const;
  [[nodiscard]] bool is_stale(const BrokerRegistration& registration) const;
  [[nodiscard]] std::optional<std::int64_t> min_id(std::string_view broker_name) const;
  [[nodiscard]] static bool brings_topics(const Broker& broker,
                                          const BrokerRegistration& registration);
  void tell_master(const Broker& broker, RegisterOutcome& outcome) const;
  std::optional<routing::DataVersion> leave_former_place(const BrokerRegistration& registration,
                                                         RegisterOutcome& outcome);
  Broker& broker_named(const std::string& name);
  Member& take_place(Broker& broker, const BrokerRegistration& registration, Instant now,
                     RegisterOutcome& outcome);
  void stay_connected(Member& member, std::uint64_t connection);
  void refresh(Broker& broker, Member& member, const BrokerRegistration& registration, Instant now);
  RemovedBroker remove_member(Broker& broker, std::int64_t id);
  void detach_member(Broker& broker, std::int64_t id);
  void forget_connection(const Member& member);
  void touch_routes(const Broker& broker);
  // Locks for itself.
  Placed place_member(BrokerRegistration& registration, Instant now, RegisterOutcome& outcome);
  [[nodiscard]] Member* find_member(const BrokerRegistration& registration);

  // Topics.
  void take_topics(Broker& broker, const routing::RegisterBrokerBody& body, bool changed,
                   RegisterOutcome& outcome);
  bool take_topic(Broker& broker, std::string_view name, const Entry& fresh, bool changed);
  void take_queue_mapping(const Broker& broker, const std::string& name,
                          const routing::TopicQueueMapping& mapping);
  void drop_missing_topics(Broker& broker, const routing::TopicConfigTable& table);
  void drop_entry(Shard& shard, Topics::iterator topic, std::size_t place);
  void drop_queue_mapping(Topic& topic, const std::string& broker_name);
  static void expect_body(Broker& broker);
  std::size_t change_permission(std::string_view broker_name, std::int32_t keep, std::int32_t add);

  void sweep_shard(Shard& shard);
  void forget_everything();
  void forget_departed();

  // Answers.
  [[nodiscard]] Shard& shard_of(std::string_view topic) const noexcept;
  [[nodiscard]] std::optional<routing::TopicRouteData> make_route(std::string_view name,
                                                                  const Topic& topic) const;
  [[nodiscard]] static routing::BrokerData make_broker_data(const Broker& broker);
  [[nodiscard]] const Broker& broker_of(const Entry& entry) const;
  template <class Chosen>
  [[nodiscard]] std::vector<std::string> topics_if(Chosen chosen) const;
  void show_changes();
  void note_change(std::string_view topic);
  void tell_observer();

  RouteTableLimits limits_;
  RouteTableOptions options_;
  // By name. Changed only under brokers_mutex_, which queries share while they read a broker.
  std::map<std::string, std::unique_ptr<Broker>, std::less<>> brokers_;
  std::vector<std::unique_ptr<Broker>> departed_;  // with entries that sweep() has to find
  std::vector<Broker*> brokers_by_index_;          // nullptr: the index is free
  mutable std::shared_mutex brokers_mutex_;
  std::unordered_map<std::string, Place, TextHash, std::equal_to<>> members_by_address_;
  std::multimap<std::uint64_t, std::string> addresses_by_connection_;
  // Topics by name, in parts with a lock each. Only the one who changes the table changes a part,
  // and only under its lock; queries take it, too.
  std::unique_ptr<Shard[]> shards_;
  std::size_t next_to_sweep_ = 0;
  std::atomic<std::size_t> member_count_{0};
  std::atomic<std::size_t> topic_count_{0};
  std::size_t entries_ = 0;
  std::size_t mapped_queues_ = 0;
  std::size_t name_bytes_ = 0;  // of topics
  // Of the brokers' addresses; older encoded answers are worthless.
  std::atomic<std::uint64_t> generation_{0};
  std::vector<std::uint32_t>
      touched_;  // brokers whose topics' routes the running operation changes
  std::uint64_t revision_ = 0;
  RouteObserver* observer_ = nullptr;
  std::vector<std::string> changed_;  // topics changed by the running operation, if observed
};

}  // namespace comet::inline v0_1::namesrv
