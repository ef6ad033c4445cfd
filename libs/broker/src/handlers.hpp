#pragma once
// The request handlers of a broker, one function per file's concern. Each installs its codes.

#include <atomic>
#include <functional>

#include "clients/client_registry.hpp"
#include "clients/group_notices.hpp"
#include "clients/lock_table.hpp"
#include "comet/broker/broker.hpp"
#include "comet/routing/topic_route.hpp"
#include "comet/store/delay_levels.hpp"
#include "delay/delay_service.hpp"
#include "pull/pull_hold.hpp"
#include "request/helper_thread.hpp"
#include "request/refusal_log.hpp"
#include "send/sends_in_flight.hpp"
#include "stats/runtime_stats.hpp"
#include "stats/traffic.hpp"
#include "subscriptions/consumer_filters.hpp"
#include "tables/group_table.hpp"
#include "tables/offset_table.hpp"
#include "tables/topic_table.hpp"
#include "transaction/transaction_service.hpp"

namespace comet::inline v0_1::broker {

class MessageRequestModes;
class Registration;
class TimerService;

// What each message is stored with: the region and the mark that it may be traced, as 5.x brokers
// do (its consumers trace no message without a region), and the cluster's name.
[[nodiscard]] std::string own_properties(const BrokerConfig& config);

// What handlers work with. Owned by the broker; outlives every connection.
class BrokerContext {
 public:
  const BrokerConfig& config;
  TimeSource& time;
  IpEndpoint store_host;  // broker_ip and the port listened on
  store::MessageStore& store;
  TopicTable& topics;
  GroupTable& groups;
  OffsetTable& offsets;
  ClientRegistry& clients;
  GroupNotices& notices;
  RefusalLog& refusals;
  PullHold* hold = nullptr;
  TrafficTable& traffic;
  const store::DelayLevels& delay_levels;
  LockTable& locks;
  DelayService& delays;
  SendsInFlight& sends;
  RuntimeStats& runtime;
  HelperThread& helper;  // makes what would hold up sends
  ConsumerFilters& filters;
  TimerService* timers = nullptr;  // null: timerWheelEnable=false
  TransactionService* transactions = nullptr;
  std::atomic<Registration*> registration{nullptr};  // null: not started yet
  const std::string own_properties = broker::own_properties(config);
};

// Makes the answer on the helper thread; `make` throws for what goes wrong. Too many at a time are
// refused.
[[nodiscard]] remoting::Reply answer_on_helper(
    const BrokerContext& context, remoting::Request& request,
    std::function<remoting::RemotingCommand(remoting::Request&)> make);
// Likewise if the request's body is large, or larger requests of its connection wait there:
// requests of a connection that are answered by these two never overtake each other. Others are
// answered here.
[[nodiscard]] remoting::Reply answer_by_size(
    const BrokerContext& context, remoting::Request& request,
    std::function<remoting::RemotingCommand(remoting::Request&)> make);
// Likewise for requests that a table's `done` answers, with a success when its file is down, unless
// `work` does: with a refusal.
[[nodiscard]] remoting::Reply save_by_size(
    const BrokerContext& context, remoting::Request& request,
    std::function<remoting::Reply(remoting::Request&, BackgroundSaver::Done)> work);
// For coroutines, whose work must not overtake those requests of the connection either: done here
// unless they wait. It throws nothing.
void do_in_order(const BrokerContext& context, std::uint64_t connection_id,
                 std::function<void()> work);
// For a change of topics: `done` follows when name servers have been told, too (Apache's broker
// answers then; its proxy asks for the route at once). `registration`: the context's, null if there
// is none yet.
[[nodiscard]] BackgroundSaver::Done when_told(Registration* registration,
                                              BackgroundSaver::Done done);

// SEND_MESSAGE, SEND_MESSAGE_V2, SEND_BATCH_MESSAGE
void install_send_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);
// END_TRANSACTION, RESUME_CHECK_HALF_MESSAGE
void install_transaction_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);
// SEND_REPLY_MESSAGE, SEND_REPLY_MESSAGE_V2
void install_reply_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);
// CONSUMER_SEND_MSG_BACK
void install_send_back_handler(remoting::Dispatcher& dispatcher, BrokerContext& context);
// RECALL_MESSAGE
void install_recall_handler(remoting::Dispatcher& dispatcher, BrokerContext& context);
// PULL_MESSAGE, LITE_PULL_MESSAGE
void install_pull_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);
// Looks again at a pull that was held; it is answered now, whatever is there.
void resume_held_pull(BrokerContext& context, std::unique_ptr<HeldPull> pull);
// GET_MAX_OFFSET, GET_MIN_OFFSET, SEARCH_OFFSET_BY_TIMESTAMP, GET_EARLIEST_MSG_STORETIME,
// QUERY_CONSUMER_OFFSET, UPDATE_CONSUMER_OFFSET, GET_ALL_CONSUMER_OFFSET, GET_ALL_DELAY_OFFSET
void install_offset_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);
// QUERY_MESSAGE, VIEW_MESSAGE_BY_ID
void install_query_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);
// HEART_BEAT, UNREGISTER_CLIENT, GET_CONSUMER_LIST_BY_GROUP, CHECK_CLIENT_CONFIG
void install_client_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);
// LOCK_BATCH_MQ, UNLOCK_BATCH_MQ
void install_lock_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);
// UPDATE_AND_CREATE_TOPIC, DELETE_TOPIC_IN_BROKER, GET_TOPIC_CONFIG, GET_ALL_TOPIC_CONFIG
void install_topic_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);

// UPDATE_AND_CREATE_SUBSCRIPTIONGROUP (and _LIST), DELETE_SUBSCRIPTIONGROUP,
// GET_SUBSCRIPTIONGROUP_CONFIG, GET_ALL_SUBSCRIPTIONGROUP_CONFIG
void install_group_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);

// GET_CONSUMER_CONNECTION_LIST, GET_PRODUCER_CONNECTION_LIST, GET_ALL_PRODUCER_INFO,
// QUERY_TOPIC_CONSUME_BY_WHO, QUERY_TOPICS_BY_CONSUMER, QUERY_SUBSCRIPTION_BY_CONSUMER,
// GET_SYSTEM_TOPIC_LIST_FROM_BROKER
void install_connection_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);
// GET_TOPIC_STATS_INFO, GET_CONSUME_STATS, GET_BROKER_CONSUME_STATS, QUERY_CONSUME_TIME_SPAN,
// QUERY_CONSUME_QUEUE
void install_consume_stats_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);
// GET_BROKER_RUNTIME_INFO, VIEW_BROKER_STATS_DATA
void install_stats_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);
// INVOKE_BROKER_TO_RESET_OFFSET, QUERY_CORRECTION_OFFSET, CLONE_GROUP_OFFSET
void install_offset_change_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);
// INVOKE_BROKER_TO_GET_CONSUMER_STATUS, GET_CONSUMER_RUNNING_INFO, CONSUME_MESSAGE_DIRECTLY: what
// is handed on to consumers.
void install_consumer_call_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);
// CLEAN_EXPIRED_CONSUMEQUEUE, CLEAN_UNUSED_TOPIC, DELETE_EXPIRED_COMMITLOG, and refusals: access
// control, filter servers.
void install_maintenance_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context);
// GET_BROKER_CONFIG, UPDATE_BROKER_CONFIG. One object serves all dispatchers.
class SettingsInUse;
[[nodiscard]] std::shared_ptr<SettingsInUse> make_settings_in_use(BrokerContext& context,
                                                                  BrokerConfig& config);
void install_config_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context,
                             const std::shared_ptr<SettingsInUse>& settings);

// QUERY_ASSIGNMENT, SET_MESSAGE_REQUEST_MODE, GET_ALL_MESSAGE_REQUEST_MODE
void install_assignment_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context,
                                 MessageRequestModes& modes);
// POP_MESSAGE, ACK_MESSAGE, CHANGE_MESSAGE_INVISIBLETIME, QUERY_ASSIGNMENT, ... of 5.x: refused.
void install_pop_refusals(remoting::Dispatcher& dispatcher);

// A success with JSON in its body.
[[nodiscard]] remoting::RemotingCommand json_answer(const remoting::RemotingCommand& request,
                                                    std::string json);
// The answer for a header that lacks a field or has a malformed one.
[[nodiscard]] remoting::RemotingCommand bad_header(const remoting::RemotingCommand& request,
                                                   const std::string& field);
// RocketMQ's words for an unknown topic.
[[nodiscard]] std::string no_such_topic(std::string_view topic);
// Its words for a consumer group that neither exists nor may be created.
[[nodiscard]] std::string no_such_group(std::string_view group);
// For a filter other than by tags.
[[nodiscard]] std::string no_such_filter(std::string_view expression_type);
// One of the ids 0 to queues - 1.
[[nodiscard]] std::int32_t random_queue(std::int32_t queues);

}  // namespace comet::inline v0_1::broker
