#pragma once
// Request and response codes of RocketMQ 4.9 and 5.3 (Apache: RequestCode, ResponseCode).
// Where 4.9 and 5.x give one number two meanings, the 5.x name stands (209, 210, 211).

#include <cstdint>
#include <string_view>

namespace comet::inline v0_1::remoting {

// X(name, number)
#define COMET_REQUEST_CODES(X)                     \
  X(send_message, 10)                              \
  X(pull_message, 11)                              \
  X(query_message, 12)                             \
  X(query_broker_offset, 13)                       \
  X(query_consumer_offset, 14)                     \
  X(update_consumer_offset, 15)                    \
  X(update_and_create_topic, 17)                   \
  X(update_and_create_topic_list, 18)              \
  X(get_all_topic_config, 21)                      \
  X(get_topic_config_list, 22)                     \
  X(get_topic_name_list, 23)                       \
  X(update_broker_config, 25)                      \
  X(get_broker_config, 26)                         \
  X(trigger_delete_files, 27)                      \
  X(get_broker_runtime_info, 28)                   \
  X(search_offset_by_timestamp, 29)                \
  X(get_max_offset, 30)                            \
  X(get_min_offset, 31)                            \
  X(get_earliest_msg_storetime, 32)                \
  X(view_message_by_id, 33)                        \
  X(heart_beat, 34)                                \
  X(unregister_client, 35)                         \
  X(consumer_send_msg_back, 36)                    \
  X(end_transaction, 37)                           \
  X(get_consumer_list_by_group, 38)                \
  X(check_transaction_state, 39)                   \
  X(notify_consumer_ids_changed, 40)               \
  X(lock_batch_mq, 41)                             \
  X(unlock_batch_mq, 42)                           \
  X(get_all_consumer_offset, 43)                   \
  X(get_all_delay_offset, 45)                      \
  X(check_client_config, 46)                       \
  X(get_client_config, 47)                         \
  X(update_and_create_acl_config, 50)              \
  X(delete_acl_config, 51)                         \
  X(get_broker_cluster_acl_info, 52)               \
  X(update_global_white_addrs_config, 53)          \
  X(get_broker_cluster_acl_config, 54)             \
  X(get_timer_check_point, 60)                     \
  X(get_timer_metrics, 61)                         \
  X(put_kv_config, 100)                            \
  X(get_kv_config, 101)                            \
  X(delete_kv_config, 102)                         \
  X(register_broker, 103)                          \
  X(unregister_broker, 104)                        \
  X(get_routeinfo_by_topic, 105)                   \
  X(get_broker_cluster_info, 106)                  \
  X(update_and_create_subscriptiongroup, 200)      \
  X(get_all_subscriptiongroup_config, 201)         \
  X(get_topic_stats_info, 202)                     \
  X(get_consumer_connection_list, 203)             \
  X(get_producer_connection_list, 204)             \
  X(wipe_write_perm_of_broker, 205)                \
  X(get_all_topic_list_from_nameserver, 206)       \
  X(delete_subscriptiongroup, 207)                 \
  X(get_consume_stats, 208)                        \
  X(suspend_consumer, 209)                         \
  X(resume_consumer, 210)                          \
  X(reset_consumer_offset_in_consumer, 211)        \
  X(reset_consumer_offset_in_broker, 212)          \
  X(adjust_consumer_thread_pool, 213)              \
  X(who_consume_the_message, 214)                  \
  X(delete_topic_in_broker, 215)                   \
  X(delete_topic_in_namesrv, 216)                  \
  X(register_topic_in_namesrv, 217)                \
  X(get_kvlist_by_namespace, 219)                  \
  X(reset_consumer_client_offset, 220)             \
  X(get_consumer_status_from_client, 221)          \
  X(invoke_broker_to_reset_offset, 222)            \
  X(invoke_broker_to_get_consumer_status, 223)     \
  X(get_topics_by_cluster, 224)                    \
  X(update_and_create_subscriptiongroup_list, 225) \
  X(query_topic_consume_by_who, 300)               \
  X(register_filter_server, 301)                   \
  X(register_message_filter_class, 302)            \
  X(query_consume_time_span, 303)                  \
  X(get_system_topic_list_from_ns, 304)            \
  X(get_system_topic_list_from_broker, 305)        \
  X(clean_expired_consumequeue, 306)               \
  X(get_consumer_running_info, 307)                \
  X(query_correction_offset, 308)                  \
  X(consume_message_directly, 309)                 \
  X(send_message_v2, 310)                          \
  X(get_unit_topic_list, 311)                      \
  X(get_has_unit_sub_topic_list, 312)              \
  X(get_has_unit_sub_ununit_topic_list, 313)       \
  X(clone_group_offset, 314)                       \
  X(view_broker_stats_data, 315)                   \
  X(clean_unused_topic, 316)                       \
  X(get_broker_consume_stats, 317)                 \
  X(update_namesrv_config, 318)                    \
  X(get_namesrv_config, 319)                       \
  X(send_batch_message, 320)                       \
  X(query_consume_queue, 321)                      \
  X(query_data_version, 322)                       \
  X(resume_check_half_message, 323)                \
  X(send_reply_message, 324)                       \
  X(send_reply_message_v2, 325)                    \
  X(push_reply_message_to_client, 326)             \
  X(add_write_perm_of_broker, 327)                 \
  X(get_all_producer_info, 328)                    \
  X(delete_expired_commitlog, 329)                 \
  X(query_topics_by_consumer, 343)                 \
  X(query_subscription_by_consumer, 345)           \
  X(get_topic_config, 351)                         \
  X(get_subscriptiongroup_config, 352)             \
  X(update_and_get_group_forbidden, 353)           \
  X(check_rocksdb_cq_write_progress, 354)          \
  X(export_rocksdb_config_to_json, 355)            \
  X(lite_pull_message, 361)                        \
  X(recall_message, 370)                           \
  X(query_assignment, 400)                         \
  X(set_message_request_mode, 401)                 \
  X(get_all_message_request_mode, 402)             \
  X(update_and_create_static_topic, 513)           \
  X(get_broker_member_group, 901)                  \
  X(add_broker, 902)                               \
  X(remove_broker, 903)                            \
  X(broker_heartbeat, 904)                         \
  X(notify_min_broker_id_change, 905)              \
  X(exchange_broker_ha_info, 906)                  \
  X(get_broker_ha_status, 907)                     \
  X(reset_master_flush_offset, 908)                \
  X(controller_alter_sync_state_set, 1001)         \
  X(controller_elect_master, 1002)                 \
  X(controller_register_broker, 1003)              \
  X(controller_get_replica_info, 1004)             \
  X(controller_get_metadata_info, 1005)            \
  X(controller_get_sync_state_data, 1006)          \
  X(get_broker_epoch_cache, 1007)                  \
  X(notify_broker_role_changed, 1008)              \
  X(update_controller_config, 1009)                \
  X(get_controller_config, 1010)                   \
  X(clean_broker_data, 1011)                       \
  X(controller_get_next_broker_id, 1012)           \
  X(controller_apply_broker_id, 1013)              \
  X(broker_close_channel_request, 1014)            \
  X(check_not_active_broker_request, 1015)         \
  X(get_broker_live_info_request, 1016)            \
  X(get_sync_state_data_request, 1017)             \
  X(raft_broker_heart_beat_event_request, 1018)    \
  X(update_cold_data_flow_ctr_config, 2001)        \
  X(remove_cold_data_flow_ctr_config, 2002)        \
  X(get_cold_data_flow_ctr_info, 2003)             \
  X(set_commitlog_read_mode, 2004)                 \
  X(auth_create_user, 3001)                        \
  X(auth_update_user, 3002)                        \
  X(auth_delete_user, 3003)                        \
  X(auth_get_user, 3004)                           \
  X(auth_list_user, 3005)                          \
  X(auth_create_acl, 3006)                         \
  X(auth_update_acl, 3007)                         \
  X(auth_delete_acl, 3008)                         \
  X(auth_get_acl, 3009)                            \
  X(auth_list_acl, 3010)                           \
  X(pop_message, 200050)                           \
  X(ack_message, 200051)                           \
  X(peek_message, 200052)                          \
  X(change_message_invisibletime, 200053)          \
  X(notification, 200054)                          \
  X(polling_info, 200055)                          \
  X(pop_rollback, 200056)                          \
  X(batch_ack_message, 200151)                     \
  X(notify_route_changed, 30105)                   \
  X(promote_broker, 30106)                         \
  X(resync_broker, 30107)

#define COMET_RESPONSE_CODES(X)                     \
  X(success, 0)                                     \
  X(system_error, 1)                                \
  X(system_busy, 2)                                 \
  X(request_code_not_supported, 3)                  \
  X(transaction_failed, 4)                          \
  X(flush_disk_timeout, 10)                         \
  X(slave_not_available, 11)                        \
  X(flush_slave_timeout, 12)                        \
  X(message_illegal, 13)                            \
  X(service_not_available, 14)                      \
  X(version_not_supported, 15)                      \
  X(no_permission, 16)                              \
  X(topic_not_exist, 17)                            \
  X(topic_exist_already, 18)                        \
  X(pull_not_found, 19)                             \
  X(pull_retry_immediately, 20)                     \
  X(pull_offset_moved, 21)                          \
  X(query_not_found, 22)                            \
  X(subscription_parse_failed, 23)                  \
  X(subscription_not_exist, 24)                     \
  X(subscription_not_latest, 25)                    \
  X(subscription_group_not_exist, 26)               \
  X(filter_data_not_exist, 27)                      \
  X(filter_data_not_latest, 28)                     \
  X(invalid_parameter, 29)                          \
  X(transaction_should_commit, 200)                 \
  X(transaction_should_rollback, 201)               \
  X(transaction_state_unknow, 202)                  \
  X(transaction_state_group_wrong, 203)             \
  X(no_buyer_id, 204)                               \
  X(not_in_current_unit, 205)                       \
  X(consumer_not_online, 206)                       \
  X(consume_msg_timeout, 207)                       \
  X(no_message, 208)                                \
  X(polling_full, 209)                              \
  X(polling_timeout, 210)                           \
  X(broker_not_exist, 211)                          \
  X(broker_dispatch_not_complete, 212)              \
  X(broadcast_consumption, 213)                     \
  X(flow_control, 215)                              \
  X(not_leader_for_queue, 501)                      \
  X(illegal_operation, 604)                         \
  X(go_away, 1500)                                  \
  X(controller_fenced_master_epoch, 2000)           \
  X(controller_fenced_sync_state_set_epoch, 2001)   \
  X(controller_invalid_master, 2002)                \
  X(controller_invalid_replicas, 2003)              \
  X(controller_master_not_available, 2004)          \
  X(controller_invalid_request, 2005)               \
  X(controller_broker_not_alive, 2006)              \
  X(controller_not_leader, 2007)                    \
  X(controller_broker_metadata_not_exist, 2008)     \
  X(controller_invalid_clean_broker_metadata, 2009) \
  X(controller_broker_need_to_be_registered, 2010)  \
  X(controller_master_still_exist, 2011)            \
  X(controller_elect_master_failed, 2012)           \
  X(controller_alter_sync_state_set_failed, 2013)   \
  X(controller_broker_id_invalid, 2014)             \
  X(controller_jraft_internal_error, 2015)          \
  X(controller_broker_live_info_not_exists, 2016)   \
  X(user_not_exist, 3001)                           \
  X(policy_not_exist, 3002)

enum class RequestCode : std::int32_t {
#define COMET_X(name, number) name = number,
  COMET_REQUEST_CODES(COMET_X)
#undef COMET_X
};

enum class ResponseCode : std::int32_t {
#define COMET_X(name, number) name = number,
  COMET_RESPONSE_CODES(COMET_X)
#undef COMET_X
};

// "SEND_MESSAGE"; "UNKNOWN" for numbers without a name.
[[nodiscard]] std::string_view to_string(RequestCode code) noexcept;
[[nodiscard]] std::string_view to_string(ResponseCode code) noexcept;

}  // namespace comet::inline v0_1::remoting
