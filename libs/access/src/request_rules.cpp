#include "comet/access/request_rules.hpp"

#include <algorithm>
#include <iterator>

namespace comet::inline v0_1::access {
namespace {

using remoting::RequestCode;

constexpr FieldRule pub_topic(std::string_view field) {
  return {ResourceKind::topic, Permission::pub, field};
}
constexpr FieldRule sub_topic(std::string_view field) {
  return {ResourceKind::topic, Permission::sub, field};
}
constexpr FieldRule sub_group(std::string_view field) {
  return {ResourceKind::group, Permission::sub, field};
}
constexpr RequestRule fields(RequestCode code, FieldRule first, FieldRule second = {}) {
  return {code, false, BodyRule::none, {first, second}};
}
constexpr RequestRule body(RequestCode code, BodyRule rule) { return {code, false, rule, {}}; }
constexpr RequestRule signature(RequestCode code) { return {code, false, BodyRule::none, {}}; }

using Code = RequestCode;

// Codes that are asked of brokers and of name servers, by number.
constexpr RequestRule kRules[] = {
    fields(Code::send_message, pub_topic("topic")),
    fields(Code::pull_message, sub_group("consumerGroup"), sub_topic("topic")),
    fields(Code::query_message, sub_topic("topic")),
    fields(Code::query_consumer_offset, sub_group("consumerGroup"), sub_topic("topic")),
    fields(Code::update_consumer_offset, sub_group("consumerGroup"), sub_topic("topic")),
    signature(Code::get_broker_runtime_info),
    fields(Code::search_offset_by_timestamp, sub_topic("topic")),
    fields(Code::get_max_offset, sub_topic("topic")),
    fields(Code::get_min_offset, sub_topic("topic")),
    fields(Code::get_earliest_msg_storetime, sub_topic("topic")),
    fields(Code::view_message_by_id, sub_topic("topic")),
    body(Code::heart_beat, BodyRule::heartbeat),
    fields(Code::unregister_client, sub_group("consumerGroup")),
    fields(Code::consumer_send_msg_back, sub_group("group")),
    fields(Code::end_transaction, pub_topic("topic")),
    fields(Code::get_consumer_list_by_group, sub_group("consumerGroup")),
    body(Code::lock_batch_mq, BodyRule::queues),
    body(Code::unlock_batch_mq, BodyRule::queues),
    signature(Code::check_client_config),
    signature(Code::get_kv_config),
    signature(Code::get_routeinfo_by_topic),
    signature(Code::get_broker_cluster_info),
    fields(Code::get_topic_stats_info, sub_topic("topic")),
    fields(Code::get_consumer_connection_list, sub_group("consumerGroup")),
    signature(Code::get_all_topic_list_from_nameserver),
    fields(Code::get_consume_stats, sub_group("consumerGroup"), sub_topic("topic")),
    signature(Code::get_kvlist_by_namespace),
    signature(Code::get_topics_by_cluster),
    fields(Code::query_topic_consume_by_who, sub_topic("topic")),
    fields(Code::query_consume_time_span, sub_group("group"), sub_topic("topic")),
    signature(Code::get_system_topic_list_from_ns),
    fields(Code::get_consumer_running_info, sub_group("consumerGroup")),
    fields(Code::query_correction_offset, sub_group("compareGroup"), sub_topic("topic")),
    fields(Code::send_message_v2, pub_topic("b")),
    signature(Code::get_unit_topic_list),
    signature(Code::get_has_unit_sub_topic_list),
    signature(Code::get_has_unit_sub_ununit_topic_list),
    fields(Code::send_batch_message, pub_topic("b")),
    signature(Code::send_reply_message),
    signature(Code::send_reply_message_v2),
    fields(Code::lite_pull_message, sub_group("consumerGroup"), sub_topic("topic")),
    fields(Code::recall_message, pub_topic("topic")),
    body(Code::query_assignment, BodyRule::assignment),
    signature(Code::notify_route_changed),
    fields(Code::pop_message, sub_group("consumerGroup"), sub_topic("topic")),
    fields(Code::ack_message, sub_group("consumerGroup"), sub_topic("topic")),
    fields(Code::peek_message, sub_group("consumerGroup"), sub_topic("topic")),
    fields(Code::change_message_invisibletime, sub_group("consumerGroup"), sub_topic("topic")),
    fields(Code::notification, sub_group("consumerGroup"), sub_topic("topic")),
    fields(Code::polling_info, sub_group("consumerGroup"), sub_topic("topic")),
};

constexpr bool is_before(const RequestRule& a, const RequestRule& b) { return a.code < b.code; }
static_assert(std::is_sorted(std::begin(kRules), std::end(kRules), is_before));

constexpr RequestRule kAdmin = {{}, true, BodyRule::none, {}};

}  // namespace

std::span<const RequestRule> request_rules() noexcept { return kRules; }

const RequestRule& rule_of(std::int32_t code) noexcept {
  const auto number = [](const RequestRule& rule) { return static_cast<std::int32_t>(rule.code); };
  const auto found = std::ranges::lower_bound(kRules, code, {}, number);
  return found != std::end(kRules) && number(*found) == code ? *found : kAdmin;
}

}  // namespace comet::inline v0_1::access
