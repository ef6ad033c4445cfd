#pragma once
// What a consumer group wants from a topic (Apache: SubscriptionData, FilterAPI).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

namespace comet::broker {

class Subscription {
 public:
  // "A || B"; "*" or empty: everything.
  static Subscription from_tag_expression(std::string_view topic, std::string_view expression,
                                          std::int64_t version);
  static Subscription from_json(const boost::json::object& object);

  [[nodiscard]] bool is_tag_filter() const noexcept {
    return expression_type.empty() || expression_type == "TAG";
  }
  // By the tags' hashes only; consumers compare the text again.
  [[nodiscard]] bool matches(std::int64_t tags_code) const noexcept;

  std::string topic;
  std::string expression = "*";
  std::string expression_type = "TAG";
  std::int64_t version = 0;
  std::vector<std::int32_t> tag_codes;  // empty: everything
};

}  // namespace comet::broker
