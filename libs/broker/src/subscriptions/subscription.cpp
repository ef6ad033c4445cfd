#include "subscriptions/subscription.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "comet/base/json.hpp"
#include "comet/base/printable.hpp"
#include "comet/message/record.hpp"
#include "comet/message/validate.hpp"

namespace comet::inline v0_1::broker {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

// Of "A || B".
template <class Visit>
void for_each_tag(std::string_view expression, Visit visit) {
  while (!expression.empty()) {
    const std::size_t end = std::min(expression.find("||"), expression.size());
    const std::string_view tag = trim(expression.substr(0, end));
    if (!tag.empty()) visit(tag);
    expression.remove_prefix(std::min(end + 2, expression.size()));
  }
}

// Of a compiled expression for a byte of its text: a comparison of four bytes makes three nodes.
constexpr std::size_t kCompiledBytes = 48;

std::size_t heap_size(const std::string& text) noexcept {
  constexpr std::size_t kInline = 15;
  return text.capacity() > kInline ? text.capacity() + 1 : 0;
}

}  // namespace

Subscription Subscription::from_tag_expression(std::string_view topic, std::string_view expression,
                                               std::int64_t version) {
  Subscription subscription;
  subscription.topic = topic;
  subscription.version = version;
  expression = trim(expression);
  if (expression.empty() || expression == "*") return subscription;
  subscription.expression = expression;
  for_each_tag(expression, [&subscription](std::string_view tag) {
    subscription.tag_codes.push_back(java_hash_code(tag));
  });
  return subscription;
}

SubscriptionText::SubscriptionText(const boost::json::object& object)
    : topic(get_string(object, "topic")),
      expression(get_string(object, "subString", "*")),
      type(get_string(object, "expressionType", "TAG")),
      version(get_int(object, "subVersion", 0)) {}

// The tags' hashes are made from the expression: not every client sends its codeSet.
Subscription SubscriptionText::parse() const {
  return Subscription::from_expression(topic, type, expression, version);
}

Subscription Subscription::from_json(const boost::json::object& object) {
  return SubscriptionText(object).parse();
}

Subscription Subscription::from_expression(std::string_view topic, std::string_view type,
                                           std::string_view expression, std::int64_t version) {
  if (type.empty() || type == "TAG") return from_tag_expression(topic, expression, version);
  Subscription subscription;
  subscription.topic = topic;
  subscription.version = version;
  subscription.expression = expression;
  subscription.expression_type = type;
  if (type != "SQL92") {
    subscription.error = fmt::format("no filter is called {}; TAG and SQL92 are", printable(type));
    return subscription;
  }
  try {
    subscription.sql = filter::SqlFilter::compile(expression);
  } catch (const filter::SqlSyntaxError& error) {
    subscription.error = error.context();
  }
  return subscription;
}

void Subscription::write_json(JsonWriter& json) const {
  json.begin_object();
  json.member("classFilterMode", false);
  json.key("codeSet");
  json.begin_array();
  for (const std::int32_t code : tag_codes) json.value(std::int64_t{code});
  json.end_array();
  json.member("expressionType", expression_type);
  json.member("subString", expression);
  json.member("subVersion", version);
  json.key("tagsSet");
  json.begin_array();
  if (is_tag_filter() && expression != "*") {
    for_each_tag(expression, [&json](std::string_view tag) { json.value(tag); });
  }
  json.end_array();
  json.member("topic", topic);
  json.end_object();
}

std::size_t Subscription::memory_size() const noexcept {
  return sizeof(Subscription) + heap_size(topic) + heap_size(expression) +
         heap_size(expression_type) + heap_size(error) +
         tag_codes.capacity() * sizeof(std::int32_t) +
         (sql ? kCompiledBytes * expression.size() : 0);
}

bool Subscription::looks_at_properties() const noexcept {
  return !is_tag_filter() && !topic.starts_with(kRetryTopicPrefix);
}

bool Subscription::wants(std::string_view properties) const noexcept {
  return sql && sql->matches(properties);
}

bool Subscription::matches(std::int64_t tags_code) const noexcept {
  return takes_every_tag() || std::find(tag_codes.begin(), tag_codes.end(),
                                        static_cast<std::int32_t>(tags_code)) != tag_codes.end();
}

}  // namespace comet::inline v0_1::broker
