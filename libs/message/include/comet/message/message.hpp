#pragma once
// Messages as producers make them and consumers receive them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "comet/base/address.hpp"
#include "comet/base/error.hpp"
#include "comet/base/time.hpp"
#include "comet/message/properties.hpp"

namespace comet::inline v0_1 {

enum class MessageErrc {
  illegal_property = 1,  // a name that RocketMQ uses itself, or a blank name or value
};
const boost::system::error_category& message_category() noexcept;
inline error_code make_error_code(MessageErrc code) noexcept {
  return {static_cast<int>(code), message_category()};
}

// A message to send. Setters return *this, so that a message can be built in one expression:
//   Message("orders", "body").tag("created").key("1")
// A class with constructors on purpose: g++ 12.2 destroys temporaries of aggregate type twice in
// expressions that contain co_await.
class Message {
 public:
  Message() = default;
  Message(std::string topic, std::string body) : topic_(std::move(topic)), body_(std::move(body)) {}

  [[nodiscard]] const std::string& topic() const noexcept { return topic_; }
  [[nodiscard]] const std::string& body() const noexcept { return body_; }
  [[nodiscard]] std::int32_t flag() const noexcept { return flag_; }
  [[nodiscard]] const MessageProperties& properties() const noexcept { return properties_; }
  [[nodiscard]] MessageProperties& properties() noexcept { return properties_; }
  // Empty when not set.
  [[nodiscard]] std::string_view tag() const noexcept { return properties_.get(property::kTags); }
  // All keys, separated by spaces.
  [[nodiscard]] std::string_view keys() const noexcept { return properties_.get(property::kKeys); }
  // The client's unique id (UNIQ_KEY); set by the producer at the first send.
  [[nodiscard]] std::string_view unique_id() const noexcept {
    return properties_.get(property::kUniqueKey);
  }
  [[nodiscard]] int delay_level() const noexcept;
  // Whether it asks to be delivered later, by level or time.
  [[nodiscard]] bool is_delayed() const noexcept;

  Message& topic(std::string value) & {
    topic_ = std::move(value);
    return *this;
  }
  Message& body(std::string value) & {
    body_ = std::move(value);
    return *this;
  }
  Message& flag(std::int32_t value) & {
    flag_ = value;
    return *this;
  }
  Message& tag(std::string_view value) & {
    properties_.set(property::kTags, value);
    return *this;
  }
  // Adds one index key.
  Message& key(std::string_view value) &;
  // A property of the application's.
  // Errors (Error): MessageErrc::illegal_property for a name that RocketMQ uses itself (the text
  // says which function sets it), a blank name and a blank value, as Apache's putUserProperty. Code
  // that forwards messages sets what they had by properties().
  Message& property(std::string_view name, std::string_view value) &;
  // Consumers get a delayed message later. Of the three ways the level needs no broker of 5.x (or
  // CometMQ's) and has precedence; the last call of the other two counts. Negative delays and times
  // that have passed mean at once; what lies more than 3 days ahead is refused (timerMaxDelaySec of
  // the broker). Delayed messages are not sent in batches.
  // 1..18 by default: 1s 5s 10s 30s 1m ... 2h. A broker takes a higher one for its highest.
  Message& delay_level(int level) &;
  // That long after the broker has stored it, by the broker's clock.
  Message& deliver_after(std::chrono::milliseconds delay) &;
  // At that time of the broker's clock.
  Message& deliver_at(std::chrono::system_clock::time_point time) &;
  // False: do not wait for flush and replication even where the broker is set to (WAIT=false).
  Message& wait_store_ok(bool wait) & {
    properties_.set(property::kWait, wait ? "true" : "false");
    return *this;
  }

  // A temporary gives a message, not a reference: nothing dangles past the end of the expression.
  Message topic(std::string value) && { return std::move(topic(std::move(value))); }
  Message body(std::string value) && { return std::move(body(std::move(value))); }
  Message flag(std::int32_t value) && { return std::move(flag(value)); }
  Message tag(std::string_view value) && { return std::move(tag(value)); }
  Message key(std::string_view value) && { return std::move(key(value)); }
  Message property(std::string_view name, std::string_view value) && {
    return std::move(property(name, value));
  }
  Message delay_level(int level) && { return std::move(delay_level(level)); }
  Message deliver_after(std::chrono::milliseconds delay) && {
    return std::move(deliver_after(delay));
  }
  Message deliver_at(std::chrono::system_clock::time_point time) && {
    return std::move(deliver_at(time));
  }
  Message wait_store_ok(bool wait) && { return std::move(wait_store_ok(wait)); }

 private:
  std::string topic_;
  std::string body_;
  std::int32_t flag_ = 0;
  MessageProperties properties_;
};
static_assert(!std::is_aggregate_v<Message>);

// A stored message with what the broker knows of it.
class MessageExt : public Message {
 public:
  MessageExt() = default;

  std::int32_t queue_id = 0;
  std::int64_t queue_offset = 0;
  std::int64_t physical_offset = 0;  // in the commit log
  std::int32_t store_size = 0;       // of the whole record
  std::int32_t body_crc = 0;
  std::int32_t sys_flag = 0;
  std::int64_t born_timestamp = 0;   // ms
  std::int64_t store_timestamp = 0;  // ms
  IpEndpoint born_host;
  IpEndpoint store_host;
  std::int32_t reconsume_times = 0;
  std::int64_t prepared_transaction_offset = 0;
  // The sysFlag says that the body is compressed, but it does not decompress: body() is what was
  // stored.
  bool is_body_raw = false;

  // The offset message id: store host and physical offset.
  [[nodiscard]] std::string offset_message_id() const;
};

// One queue of a topic on one broker.
class MessageQueue {
 public:
  MessageQueue() = default;
  MessageQueue(std::string topic_in, std::string broker_name_in, std::int32_t queue_id_in)
      : topic(std::move(topic_in)), broker_name(std::move(broker_name_in)), queue_id(queue_id_in) {}
  std::string topic;
  std::string broker_name;
  std::int32_t queue_id = 0;
  friend auto operator<=>(const MessageQueue&, const MessageQueue&) = default;
};

}  // namespace comet::inline v0_1

template <>
struct boost::system::is_error_code_enum<comet::MessageErrc> : std::true_type {};
