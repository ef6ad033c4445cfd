#include "clients/heartbeat.hpp"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <deque>
#include <iterator>
#include <optional>
#include <span>

#include "comet/base/json.hpp"
#include "comet/base/json_events.hpp"

namespace comet::inline v0_1::broker {
namespace {

// The members that are wanted, in whichever object.
constexpr std::array<std::string_view, 12> kHeartbeatMembers = {
    "clientID",     "heartbeatFingerprint", "withoutSub", "groupName", "consumeType",
    "messageModel", "consumeFromWhere",     "unitMode",   "topic",     "subString",
    "subVersion",   "expressionType"};

// Java's enumerations in its order: the C++ client 1.x sends their numbers.
constexpr std::string_view kConsumeTypes[] = {"CONSUME_ACTIVELY", "CONSUME_PASSIVELY"};
constexpr std::string_view kMessageModels[] = {"BROADCASTING", "CLUSTERING"};
constexpr std::string_view kConsumeFromWhere[] = {
    "CONSUME_FROM_LAST_OFFSET",  "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST",
    "CONSUME_FROM_MIN_OFFSET",   "CONSUME_FROM_MAX_OFFSET",
    "CONSUME_FROM_FIRST_OFFSET", "CONSUME_FROM_TIMESTAMP"};

std::string get_name(const boost::json::object& object, std::string_view member,
                     std::span<const std::string_view> names) {
  const boost::json::value* value = object.if_contains(member);
  if (value == nullptr || !value->is_number()) return get_string(object, member);
  const std::int64_t number = get_int(object, member, -1);
  const bool is_known = number >= 0 && number < std::ssize(names);
  return is_known ? std::string(names[static_cast<std::size_t>(number)]) : std::string();
}

class HeartbeatReader final : public JsonEvents {
 public:
  explicit HeartbeatReader(const ClientLimits& limits) noexcept : limits_(limits) {}

  // Nullopt: the text was no object.
  std::optional<Heartbeat> take() {
    if (!is_object_) return std::nullopt;
    return std::move(heartbeat_);
  }

  void restart() override {
    heartbeat_ = {};
    levels_.clear();
    is_object_ = false;
  }
  void begin_object() override {
    const Place place = place_of_object();
    levels_.emplace_back().place = place;
    if (place == Place::consumer) {
      consumer_ = {};
      subscriptions_.clear();
    }
  }
  void end_object() override {
    const Level level = std::move(levels_.back());
    levels_.pop_back();
    switch (level.place) {
      case Place::root:
        return take_root(level.members);
      case Place::consumer:
        return take_consumer(level.members);
      case Place::subscription:
        return take_subscription(level.members);
      case Place::producer:
        return take_producer(level.members);
      default:
        return;
    }
  }
  void begin_array() override {
    const Place place = place_of_array();
    levels_.emplace_back().place = place;
  }
  void end_array() override { levels_.pop_back(); }
  bool key(std::string_view name) override {
    levels_.back().key = name;
    return std::ranges::find(kHeartbeatMembers, name) != kHeartbeatMembers.end();
  }
  void value(boost::json::value value) override {
    if (levels_.empty() || levels_.back().key.empty()) return;  // the item of an array
    levels_.back().members.insert_or_assign(levels_.back().key, std::move(value));
  }

 private:
  enum class Place {
    root,
    consumers,
    consumer,
    subscriptions,
    subscription,
    producers,
    producer,
    other
  };
  // An object or array that has begun.
  struct Level {
    Place place = Place::other;
    std::string key;  // the last one
    boost::json::object members;
  };

  [[nodiscard]] Place place_of_object() const {
    if (levels_.empty()) return Place::root;
    switch (levels_.back().place) {
      case Place::consumers:
        return Place::consumer;
      case Place::subscriptions:
        return Place::subscription;
      case Place::producers:
        return Place::producer;
      default:
        return Place::other;
    }
  }
  [[nodiscard]] Place place_of_array() const {
    if (levels_.empty()) return Place::other;
    const Level& owner = levels_.back();
    if (owner.place == Place::root && owner.key == "consumerDataSet") return Place::consumers;
    if (owner.place == Place::root && owner.key == "producerDataSet") return Place::producers;
    const bool is_consumer = owner.place == Place::consumer;
    if (is_consumer && owner.key == "subscriptionDataSet") return Place::subscriptions;
    return Place::other;
  }

  void take_root(const boost::json::object& object) {
    is_object_ = true;
    heartbeat_.client_id = get_string(object, "clientID");
    heartbeat_.fingerprint = get_int(object, "heartbeatFingerprint", 0);
    heartbeat_.without_subscriptions = get_bool(object, "withoutSub", false);
  }
  void take_consumer(const boost::json::object& object) {
    if (!has_room_for_group()) return;
    consumer_.group = get_string(object, "groupName");
    consumer_.consume_type = get_name(object, "consumeType", kConsumeTypes);
    consumer_.message_model = get_name(object, "messageModel", kMessageModels);
    consumer_.consume_from_where = get_name(object, "consumeFromWhere", kConsumeFromWhere);
    consumer_.unit_mode = get_bool(object, "unitMode", false);
    take_subscriptions();
    heartbeat_.consumers.push_back(std::move(consumer_));
  }
  void take_subscription(const boost::json::object& object) {
    SubscriptionText text(object);
    ++consumer_.named_subscriptions;
    consumer_.subscription_bytes += text.size();
    if (are_within_limits()) {
      subscriptions_.push_back(std::move(text));
    } else {
      subscriptions_.clear();
    }
  }
  // Of the group, now that all of them are known: none of what takes more memory than their text
  // for a group that is refused.
  void take_subscriptions() {
    if (!are_within_limits()) return;
    consumer_.subscriptions.reserve(subscriptions_.size());
    for (; !subscriptions_.empty(); subscriptions_.pop_front()) {
      consumer_.subscriptions.push_back(subscriptions_.front().parse());
    }
  }
  [[nodiscard]] bool are_within_limits() const noexcept {
    return consumer_.named_subscriptions <= limits_.max_subscriptions_per_group &&
           consumer_.subscription_bytes <= limits_.max_subscription_bytes_per_group;
  }
  void take_producer(const boost::json::object& object) {
    if (!has_room_for_group()) return;
    heartbeat_.producer_groups.push_back(get_string(object, "groupName"));
  }
  bool has_room_for_group() {
    const std::size_t groups = heartbeat_.consumers.size() + heartbeat_.producer_groups.size();
    if (groups < limits_.max_groups_per_connection) return true;
    ++heartbeat_.groups_left_out;
    return false;
  }

  const ClientLimits& limits_;
  Heartbeat heartbeat_;
  ConsumerData consumer_;                       // the one that has begun
  std::deque<SubscriptionText> subscriptions_;  // its
  std::vector<Level> levels_;
  bool is_object_ = false;
};

}  // namespace

Result<Heartbeat> parse_heartbeat(std::string_view json, const ClientLimits& limits) {
  HeartbeatReader reader(limits);
  if (const error_code error = read_json(json, reader)) return error;
  std::optional<Heartbeat> heartbeat = reader.take();
  if (!heartbeat) return BaseErrc::bad_value;
  return std::move(*heartbeat);
}

}  // namespace comet::inline v0_1::broker
