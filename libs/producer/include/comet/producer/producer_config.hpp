#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/tls_config.hpp"
#include "comet/client/client_config.hpp"
#include "comet/message/compression_type.hpp"
#include "comet/message/system_names.hpp"
#include "comet/message/validate.hpp"
#include "comet/producer/fault_rules.hpp"
#include "comet/producer/producer_stats.hpp"
#include "comet/remoting/codes.hpp"

namespace comet::inline v0_1 {

class ForbiddenHook;  // send_hook.hpp
class SendHook;

[[nodiscard]] std::vector<remoting::ResponseCode> default_retry_response_codes();

// Settings of a producer; the defaults are those of Apache's DefaultMQProducer. Setters can be
// chained, on a variable or on a temporary, whose settings move on:
//   auto config = ProducerConfig("orders").name_servers("ns1:9876;ns2:9876").send_timeout(5s);
class ProducerConfig {
 public:
  // Producers that do the same work share a group. Its name is checked by Producer::start().
  explicit ProducerConfig(std::string group) : group_(std::move(group)) {}

  // "host:port", several separated by ';'; "http://" in front is skipped, and an endpoint
  // "http://MQ_INST_x_y.host:port" names the namespace, too. Without any, NAMESRV_ADDR of the
  // environment counts, then the address server. Throws Error naming an item that is not host:port.
  ProducerConfig& name_servers(std::string_view list) &;
  ProducerConfig name_servers(std::string_view list) && { return std::move(name_servers(list)); }
  // Where to fetch the list of name servers, "host[:port]" (Apache: rocketmq.namesrv.domain).
  // Throws Error when that is no host.
  ProducerConfig& address_server(std::string_view domain, std::string_view subgroup = "nsaddr") & {
    client_.address_server = remoting::AddressServer(domain, subgroup, client_.unit_name);
    return *this;
  }
  ProducerConfig address_server(std::string_view domain, std::string_view subgroup = "nsaddr") && {
    return std::move(address_server(domain, subgroup));
  }
  // A tenant's name in front of topics and groups (4.x).
  ProducerConfig& name_space(std::string value) & {
    client_.name_space = std::move(value);
    return *this;
  }
  ProducerConfig name_space(std::string value) && {
    return std::move(name_space(std::move(value)));
  }
  // For all tries of one send together, with the search for the route. 3 s.
  ProducerConfig& send_timeout(Duration value) & {
    send_timeout_ = value;
    return *this;
  }
  ProducerConfig send_timeout(Duration value) && { return std::move(send_timeout(value)); }
  // For a single try; zero: what is left of the send timeout (5.x: sendMsgMaxTimeoutPerRequest).
  ProducerConfig& max_timeout_per_try(Duration value) & {
    max_timeout_per_try_ = value;
    return *this;
  }
  ProducerConfig max_timeout_per_try(Duration value) && {
    return std::move(max_timeout_per_try(value));
  }
  // Further tries after the first one failed. 2.
  ProducerConfig& retries(int value) & {
    retries_ = value;
    return *this;
  }
  ProducerConfig retries(int value) && { return std::move(retries(value)); }
  // Before a broker is tried for the second time in one send; before the third time five times as
  // long, and so on; never more than half of the time that is left. 100 ms: a broker that restarts
  // is there again. Zero: at once, as Apache's producers do it.
  ProducerConfig& retry_pause(Duration value) & {
    retry_pause_ = value;
    return *this;
  }
  ProducerConfig retry_pause(Duration value) && { return std::move(retry_pause(value)); }
  // Which answers of a broker lead to a further try. Apache's: TOPIC_NOT_EXIST 17, SYSTEM_ERROR 1,
  // SERVICE_NOT_AVAILABLE 14, NO_PERMISSION 16, NO_BUYER_ID 204, NOT_IN_CURRENT_UNIT 205, and of
  // 5.x SYSTEM_BUSY 2 and GO_AWAY 1500.
  ProducerConfig& retry_response_codes(std::vector<remoting::ResponseCode> codes) & {
    retry_response_codes_ = std::move(codes);
    return *this;
  }
  ProducerConfig retry_response_codes(std::vector<remoting::ResponseCode> codes) && {
    return std::move(retry_response_codes(std::move(codes)));
  }
  // A message that is stored with a weaker guarantee than asked for (any status but SEND_OK) is
  // sent once more to another broker. Off. (Apache: retryAnotherBrokerWhenNotStoreOK)
  ProducerConfig& retry_when_not_store_ok(bool on) & {
    retry_when_not_store_ok_ = on;
    return *this;
  }
  ProducerConfig retry_when_not_store_ok(bool on) && {
    return std::move(retry_when_not_store_ok(on));
  }

  // Bodies of this size or more are compressed; batches never are. 4096 bytes.
  ProducerConfig& compress_over(std::size_t bytes) & {
    compress_over_ = bytes;
    return *this;
  }
  ProducerConfig compress_over(std::size_t bytes) && { return std::move(compress_over(bytes)); }
  // ZLIB, level 5. LZ4 and ZSTD are for brokers and consumers of 5.x.
  ProducerConfig& compression(CompressionType type) & {
    compression_ = type;
    return *this;
  }
  ProducerConfig compression(CompressionType type) && { return std::move(compression(type)); }
  ProducerConfig& compress_level(int value) & {
    compress_level_ = value;
    return *this;
  }
  ProducerConfig compress_level(int value) && { return std::move(compress_level(value)); }
  // Bodies above this size are refused. 4 MiB.
  ProducerConfig& max_message_size(std::size_t bytes) & {
    max_message_size_ = bytes;
    return *this;
  }
  ProducerConfig max_message_size(std::size_t bytes) && {
    return std::move(max_message_size(bytes));
  }
  // Sends beyond so many messages or bytes on their way wait, within their timeout. 10,000 and
  // 100 MiB. (5.x: backPressureForAsyncSendNum, backPressureForAsyncSendSize)
  ProducerConfig& max_in_flight(std::size_t messages, std::size_t bytes) & {
    max_in_flight_messages_ = messages;
    max_in_flight_bytes_ = bytes;
    return *this;
  }
  ProducerConfig max_in_flight(std::size_t messages, std::size_t bytes) && {
    return std::move(max_in_flight(messages, bytes));
  }

  // Messages of one topic that are sent within `hold` of each other go to the broker together, as
  // soon as they have `size` bytes; every send still ends with its own result. Off.
  // (5.x: autoBatch, batchMaxDelayMs 10, batchMaxBytes 32 KiB)
  ProducerConfig& auto_batch(bool on, Duration hold = std::chrono::milliseconds(10),
                             std::size_t size = 32u << 10) & {
    auto_batch_ = on;
    auto_batch_hold_ = hold;
    auto_batch_size_ = size;
    return *this;
  }
  ProducerConfig auto_batch(bool on, Duration hold = std::chrono::milliseconds(10),
                            std::size_t size = 32u << 10) && {
    return std::move(auto_batch(on, hold, size));
  }

  // Leaves slow and failing brokers out for a while (Apache: sendLatencyFaultEnable). Off.
  ProducerConfig& latency_fault_tolerance(bool on, FaultRules rules = FaultRules::v4_9) & {
    latency_fault_tolerance_ = on;
    fault_rules_ = rules;
    return *this;
  }
  ProducerConfig latency_fault_tolerance(bool on, FaultRules rules = FaultRules::v4_9) && {
    return std::move(latency_fault_tolerance(on, rules));
  }
  // Asks brokers that failed whether they are back (5.x: startDetectorEnable, detectInterval,
  // detectTimeout). Turns latency fault tolerance on, with the rules of 5.3. Off.
  ProducerConfig& reachability_detector(bool on, Duration interval = std::chrono::seconds(2),
                                        Duration timeout = std::chrono::milliseconds(200)) & {
    detector_ = on;
    detector_interval_ = interval;
    detector_timeout_ = timeout;
    if (on) latency_fault_tolerance(true, FaultRules::v5_3);
    return *this;
  }
  ProducerConfig reachability_detector(bool on, Duration interval = std::chrono::seconds(2),
                                       Duration timeout = std::chrono::milliseconds(200)) && {
    return std::move(reachability_detector(on, interval, timeout));
  }
  // To the brokers' port - 2 (Apache: vipChannelEnabled). Off.
  ProducerConfig& vip_channel(bool on) & {
    client_.vip_channel = on;
    return *this;
  }
  ProducerConfig vip_channel(bool on) && { return std::move(vip_channel(on)); }

  // The producer uses its executor as it is, which saves a hop at each call: only for an executor
  // that is a strand or is run by one thread, with all calls made, awaited and cancelled there.
  // Off.
  ProducerConfig& single_threaded(bool on) & {
    single_threaded_ = on;
    return *this;
  }
  ProducerConfig single_threaded(bool on) && { return std::move(single_threaded(on)); }

  // Called at this interval with what the producer has done so far (Producer::stats()).
  // Give a callback with captures a name before a co_await (docs/gcc12.md).
  ProducerConfig& on_stats(StatsCallback callback, Duration interval = std::chrono::seconds(10)) & {
    stats_callback_ = std::move(callback);
    stats_interval_ = interval;
    return *this;
  }
  ProducerConfig on_stats(StatsCallback callback, Duration interval = std::chrono::seconds(10)) && {
    return std::move(on_stats(std::move(callback), interval));
  }

  // Sees every try (send_hook.hpp), in the order in which they are added.
  ProducerConfig& send_hook(std::shared_ptr<SendHook> hook) & {
    send_hooks_.push_back(std::move(hook));
    return *this;
  }
  ProducerConfig send_hook(std::shared_ptr<SendHook> hook) && {
    return std::move(send_hook(std::move(hook)));
  }
  // May refuse a send; called before the send hooks.
  ProducerConfig& forbidden_hook(std::shared_ptr<ForbiddenHook> hook) & {
    forbidden_hooks_.push_back(std::move(hook));
    return *this;
  }
  ProducerConfig forbidden_hook(std::shared_ptr<ForbiddenHook> hook) && {
    return std::move(forbidden_hook(std::move(hook)));
  }
  // Sees every request of the client, also those for routes and heartbeats (Apache: RPCHook).
  ProducerConfig& rpc_hook(std::shared_ptr<remoting::RpcHook> hook) & {
    client_.remoting.hooks.push_back(std::move(hook));
    return *this;
  }
  ProducerConfig rpc_hook(std::shared_ptr<remoting::RpcHook> hook) && {
    return std::move(rpc_hook(std::move(hook)));
  }
  // Records where each message went in a topic that mqadmin and the dashboard read
  // (Apache: enableMsgTrace, customizedTraceTopic). Off.
  ProducerConfig& message_trace(bool on, std::string topic = std::string(kTraceTopic)) & {
    message_trace_ = on;
    trace_topic_ = std::move(topic);
    return *this;
  }
  ProducerConfig message_trace(bool on, std::string topic = std::string(kTraceTopic)) && {
    return std::move(message_trace(on, std::move(topic)));
  }

  // Of a TransactionProducer: so many checks of brokers are answered at the same time, and so many
  // wait for their turn; further ones are dropped, and repeated by the broker. 16 and 2000.
  // (Apache: checkThreadPoolMaxSize 1, checkRequestHoldMax 2000)
  ProducerConfig& transaction_checks(std::size_t concurrent, std::size_t waiting = 2000) & {
    concurrent_checks_ = concurrent == 0 ? 1 : concurrent;
    most_waiting_checks_ = waiting;
    return *this;
  }
  ProducerConfig transaction_checks(std::size_t concurrent, std::size_t waiting = 2000) && {
    return std::move(transaction_checks(concurrent, waiting));
  }

  // The brokers of these topics are told of the producer at its start, not at the first send to
  // them. A TransactionProducer needs that to be asked about half messages that an earlier process
  // left behind; it tells the brokers that create topics (TBW102) anyway, so name its topics where
  // brokers do not create any (autoCreateTopicEnable=false). None.
  ProducerConfig& announce_topics(std::vector<std::string> topics) & {
    announce_topics_ = std::move(topics);
    return *this;
  }
  ProducerConfig announce_topics(std::vector<std::string> topics) && {
    return std::move(announce_topics(std::move(topics)));
  }

  // Connections to name servers and brokers with TLS. For producers that are not given a network;
  // their constructor throws Error (TlsErrc::bad_file) naming a file that cannot be used.
  ProducerConfig& tls(TlsClientConfig value) & {
    tls_ = std::move(value);
    return *this;
  }
  ProducerConfig tls(TlsClientConfig value) && { return std::move(tls(std::move(value))); }
  // Signs every request, for clusters with access control (Apache: AclClientRPCHook).
  ProducerConfig& access_key(std::string access_key, std::string secret_key,
                             std::string security_token = {}) &;
  ProducerConfig access_key(std::string access_key, std::string secret_key,
                            std::string security_token = {}) && {
    return std::move(
        this->access_key(std::move(access_key), std::move(secret_key), std::move(security_token)));
  }
  // How headers of requests are written. JSON, unless ROCKETMQ_SERIALIZE_TYPE of the environment
  // says otherwise.
  ProducerConfig& serialize_type(remoting::SerializeType value) & {
    client_.serialize_type = value;
    return *this;
  }
  ProducerConfig serialize_type(remoting::SerializeType value) && {
    return std::move(serialize_type(value));
  }

  // Client id, intervals, connection limits.
  [[nodiscard]] client::ClientConfig& client() & noexcept { return client_; }
  [[nodiscard]] const client::ClientConfig& client() const& noexcept { return client_; }

  [[nodiscard]] const std::string& group() const noexcept { return group_; }
  [[nodiscard]] Duration send_timeout() const noexcept { return send_timeout_; }
  [[nodiscard]] Duration max_timeout_per_try() const noexcept { return max_timeout_per_try_; }
  [[nodiscard]] int retries() const noexcept { return retries_; }
  [[nodiscard]] Duration retry_pause() const noexcept { return retry_pause_; }
  [[nodiscard]] const std::vector<remoting::ResponseCode>& retry_response_codes() const noexcept {
    return retry_response_codes_;
  }
  [[nodiscard]] std::size_t concurrent_checks() const noexcept { return concurrent_checks_; }
  [[nodiscard]] std::size_t most_waiting_checks() const noexcept { return most_waiting_checks_; }
  [[nodiscard]] bool retry_when_not_store_ok() const noexcept { return retry_when_not_store_ok_; }
  [[nodiscard]] std::size_t compress_over() const noexcept { return compress_over_; }
  [[nodiscard]] CompressionType compression() const noexcept { return compression_; }
  [[nodiscard]] int compress_level() const noexcept { return compress_level_; }
  [[nodiscard]] std::size_t max_message_size() const noexcept { return max_message_size_; }
  [[nodiscard]] std::size_t max_in_flight_messages() const noexcept {
    return max_in_flight_messages_;
  }
  [[nodiscard]] std::size_t max_in_flight_bytes() const noexcept { return max_in_flight_bytes_; }
  [[nodiscard]] bool auto_batch() const noexcept { return auto_batch_; }
  [[nodiscard]] Duration auto_batch_hold() const noexcept { return auto_batch_hold_; }
  [[nodiscard]] std::size_t auto_batch_size() const noexcept { return auto_batch_size_; }
  [[nodiscard]] bool latency_fault_tolerance() const noexcept { return latency_fault_tolerance_; }
  [[nodiscard]] FaultRules fault_rules() const noexcept { return fault_rules_; }
  [[nodiscard]] bool reachability_detector() const noexcept { return detector_; }
  [[nodiscard]] Duration detector_interval() const noexcept { return detector_interval_; }
  [[nodiscard]] Duration detector_timeout() const noexcept { return detector_timeout_; }
  [[nodiscard]] const std::vector<std::shared_ptr<SendHook>>& send_hooks() const noexcept {
    return send_hooks_;
  }
  [[nodiscard]] const std::vector<std::shared_ptr<ForbiddenHook>>& forbidden_hooks()
      const noexcept {
    return forbidden_hooks_;
  }
  [[nodiscard]] bool single_threaded() const noexcept { return single_threaded_; }
  [[nodiscard]] const StatsCallback& stats_callback() const noexcept { return stats_callback_; }
  [[nodiscard]] Duration stats_interval() const noexcept { return stats_interval_; }
  [[nodiscard]] const std::vector<std::string>& announce_topics() const noexcept {
    return announce_topics_;
  }
  [[nodiscard]] bool message_trace() const noexcept { return message_trace_; }
  [[nodiscard]] const std::string& trace_topic() const noexcept { return trace_topic_; }
  [[nodiscard]] const std::optional<TlsClientConfig>& tls() const noexcept { return tls_; }

 private:
  std::string group_;
  client::ClientConfig client_;
  Duration send_timeout_ = std::chrono::seconds(3);
  Duration max_timeout_per_try_ = Duration::zero();
  int retries_ = 2;
  Duration retry_pause_ = std::chrono::milliseconds(100);
  std::vector<remoting::ResponseCode> retry_response_codes_ = default_retry_response_codes();
  bool retry_when_not_store_ok_ = false;
  std::size_t compress_over_ = 4096;
  CompressionType compression_ = CompressionType::zlib;
  int compress_level_ = 5;
  std::size_t max_message_size_ = kDefaultMaxMessageSize;
  std::size_t max_in_flight_messages_ = 10'000;
  std::size_t max_in_flight_bytes_ = 100u << 20;
  std::size_t concurrent_checks_ = 16;
  std::size_t most_waiting_checks_ = 2000;
  bool auto_batch_ = false;
  Duration auto_batch_hold_{};
  std::size_t auto_batch_size_ = 0;
  bool latency_fault_tolerance_ = false;
  FaultRules fault_rules_ = FaultRules::v4_9;
  bool detector_ = false;
  Duration detector_interval_{};
  Duration detector_timeout_{};
  std::vector<std::shared_ptr<SendHook>> send_hooks_;
  std::vector<std::shared_ptr<ForbiddenHook>> forbidden_hooks_;
  bool single_threaded_ = false;
  StatsCallback stats_callback_;
  Duration stats_interval_{};
  std::vector<std::string> announce_topics_;
  bool message_trace_ = false;
  std::string trace_topic_;
  std::optional<TlsClientConfig> tls_;
};

}  // namespace comet::inline v0_1
