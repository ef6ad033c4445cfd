#pragma once
// What a consumer group wants from a topic (Apache: SubscriptionData, FilterAPI).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "comet/base/json_writer.hpp"
#include "comet/filter/sql_filter.hpp"

namespace comet::inline v0_1::broker {

class Subscription;

// A subscription as its members in JSON give it, before its expression is looked at.
class SubscriptionText {
 public:
  explicit SubscriptionText(const boost::json::object& object);
  [[nodiscard]] std::size_t size() const noexcept {
    return topic.size() + expression.size() + type.size();
  }
  [[nodiscard]] Subscription parse() const;

  std::string topic, expression, type;
  std::int64_t version = 0;
};

class Subscription {
 public:
  // "A || B"; "*" or empty: everything.
  static Subscription from_tag_expression(std::string_view topic, std::string_view expression,
                                          std::int64_t version);
  // By type: TAG (also empty), SQL92; of all others, and of SQL92 that does not parse, `error` says
  // so and nothing matches.
  static Subscription from_expression(std::string_view topic, std::string_view type,
                                      std::string_view expression, std::int64_t version);
  static Subscription from_json(const boost::json::object& object);
  // As Java prints a SubscriptionData.
  void write_json(JsonWriter& json) const;

  [[nodiscard]] bool is_tag_filter() const noexcept {
    return expression_type.empty() || expression_type == "TAG";
  }
  // Retry topics are for their group alone: what is in them has matched before.
  [[nodiscard]] bool looks_at_properties() const noexcept;
  // For a subscription that looks at properties: whether a message with these is wanted.
  [[nodiscard]] bool wants(std::string_view properties) const noexcept;
  // No tag is asked for: neither "*" nor one of them. An expression of bars alone takes nothing.
  [[nodiscard]] bool takes_every_tag() const noexcept {
    return tag_codes.empty() && (expression == "*" || !is_tag_filter());
  }
  // By the tags' hashes only; consumers compare the text again.
  [[nodiscard]] bool matches(std::int64_t tags_code) const noexcept;

  // Clients also give a new version to what they want already: when they get other queues.
  [[nodiscard]] bool is_newer_and_other_than(const Subscription& other) const noexcept {
    return version > other.version &&
           (expression != other.expression || expression_type != other.expression_type);
  }

  // What it takes in memory, estimated.
  [[nodiscard]] std::size_t memory_size() const noexcept;

  std::string topic;
  std::string expression = "*";
  std::string expression_type = "TAG";
  std::int64_t version = 0;
  std::vector<std::int32_t> tag_codes;
  std::optional<filter::SqlFilter> sql;
  std::string error;  // of the expression; empty: none
};

}  // namespace comet::inline v0_1::broker
