#pragma once
// The names of topics that RocketMQ uses itself (Apache: TopicValidator, MixAll,
// TimerMessageStore).

#include <array>
#include <string_view>

namespace comet::inline v0_1 {

// Its route is that of topics which do not exist yet, where brokers create them.
inline constexpr std::string_view kAutoCreateTopic = "TBW102";
inline constexpr std::string_view kRetryTopicPrefix = "%RETRY%";       // before a consumer group
inline constexpr std::string_view kDlqTopicPrefix = "%DLQ%";           // likewise, of dead letters
inline constexpr std::string_view kReplyTopicSuffix = "_REPLY_TOPIC";  // behind a cluster's name

// Of messages that wait: for their delay level, in the queue of that number less one, and for their
// time, in queue 0.
inline constexpr std::string_view kScheduleTopic = "SCHEDULE_TOPIC_XXXX";
inline constexpr std::string_view kTimerTopic = "rmq_sys_wheel_timer";

// Of transactions: their half messages, which of those have ended, and those that nobody has ended
// in spite of all checks.
inline constexpr std::string_view kHalfTopic = "RMQ_SYS_TRANS_HALF_TOPIC";
inline constexpr std::string_view kOpTopic = "RMQ_SYS_TRANS_OP_HALF_TOPIC";
inline constexpr std::string_view kGivenUpTopic = "TRANS_CHECK_MAX_TIME_TOPIC";

inline constexpr std::string_view kTraceTopic = "RMQ_SYS_TRACE_TOPIC";  // of message traces
inline constexpr std::string_view kBenchmarkTopic = "BenchmarkTest";
inline constexpr std::string_view kSelfTestTopic = "SELF_TEST_TOPIC";
inline constexpr std::string_view kOffsetMovedTopic = "OFFSET_MOVED_EVENT";

// Apache: TopicValidator.SYSTEM_TOPIC_SET. Those of 5.x, among them kTimerTopic, have a prefix.
inline constexpr std::array kSystemTopics{kAutoCreateTopic, kScheduleTopic, kBenchmarkTopic,
                                          kHalfTopic,       kTraceTopic,    kOpTopic,
                                          kGivenUpTopic,    kSelfTestTopic, kOffsetMovedTopic};
inline constexpr std::string_view kSystemTopicPrefix = "rmq_sys_";

}  // namespace comet::inline v0_1
