#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "comet/base/tls_network.hpp"
#include "comet/client/client_config.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/acl.hpp"

namespace comet {

// Settings of a producer; the defaults are those of Apache's DefaultMQProducer. Setters return
// *this:  ProducerConfig("orders").name_servers("ns1:9876;ns2:9876").send_timeout(5s)
class ProducerConfig {
 public:
  // Producers that do the same work share a group. Its name is checked by Producer::start().
  explicit ProducerConfig(std::string group) : group_(std::move(group)) {}

  // "host:port", several separated by ';'. Without any, NAMESRV_ADDR of the environment counts.
  // Throws Error naming an item that is not host:port.
  ProducerConfig& name_servers(std::string_view list) {
    client_.name_servers = Address::parse_list(list);
    return *this;
  }
  // For all tries of one send together, with the search for the route. 3 s.
  ProducerConfig& send_timeout(Duration value) {
    send_timeout_ = value;
    return *this;
  }
  // For a single try; zero: what is left of the send timeout (5.x: sendMsgMaxTimeoutPerRequest).
  ProducerConfig& max_timeout_per_try(Duration value) {
    max_timeout_per_try_ = value;
    return *this;
  }
  // Further tries after the first one failed. 2.
  ProducerConfig& retries(int value) {
    retries_ = value;
    return *this;
  }
  // Bodies of this size or more are compressed. 4096 bytes; zlib level 5.
  ProducerConfig& compress_over(std::size_t bytes) {
    compress_over_ = bytes;
    return *this;
  }
  ProducerConfig& compress_level(int value) {
    compress_level_ = value;
    return *this;
  }
  // Bodies above this size are refused. 4 MiB.
  ProducerConfig& max_message_size(std::size_t bytes) {
    max_message_size_ = bytes;
    return *this;
  }
  // Leaves slow and failing brokers out for a while (Apache: sendLatencyFaultEnable). Off.
  ProducerConfig& latency_fault_tolerance(bool on) {
    latency_fault_tolerance_ = on;
    return *this;
  }

  // Connections to name servers and brokers with TLS. For producers that are not given a network;
  // their constructor throws Error (TlsErrc::bad_file) naming a file that cannot be used.
  ProducerConfig& tls(TlsClientConfig value) {
    tls_ = std::move(value);
    return *this;
  }
  // Signs every request, for clusters with access control (Apache: AclClientRPCHook).
  ProducerConfig& access_key(std::string access_key, std::string secret_key,
                             std::string security_token = {}) {
    client_.remoting.hooks.push_back(std::make_shared<remoting::AclSigner>(remoting::Credentials(
        std::move(access_key), std::move(secret_key), std::move(security_token))));
    return *this;
  }
  // How headers of requests are written. JSON, unless ROCKETMQ_SERIALIZE_TYPE of the environment
  // says otherwise.
  ProducerConfig& serialize_type(remoting::SerializeType value) {
    client_.serialize_type = value;
    return *this;
  }

  // Client id, intervals, connection limits.
  [[nodiscard]] client::ClientConfig& client() noexcept { return client_; }
  [[nodiscard]] const client::ClientConfig& client() const noexcept { return client_; }

  [[nodiscard]] const std::string& group() const noexcept { return group_; }
  [[nodiscard]] Duration send_timeout() const noexcept { return send_timeout_; }
  [[nodiscard]] Duration max_timeout_per_try() const noexcept { return max_timeout_per_try_; }
  [[nodiscard]] int retries() const noexcept { return retries_; }
  [[nodiscard]] std::size_t compress_over() const noexcept { return compress_over_; }
  [[nodiscard]] int compress_level() const noexcept { return compress_level_; }
  [[nodiscard]] std::size_t max_message_size() const noexcept { return max_message_size_; }
  [[nodiscard]] bool latency_fault_tolerance() const noexcept { return latency_fault_tolerance_; }
  [[nodiscard]] const std::optional<TlsClientConfig>& tls() const noexcept { return tls_; }

 private:
  std::string group_;
  client::ClientConfig client_;
  Duration send_timeout_ = std::chrono::seconds(3);
  Duration max_timeout_per_try_ = Duration::zero();
  int retries_ = 2;
  std::size_t compress_over_ = 4096;
  int compress_level_ = 5;
  std::size_t max_message_size_ = kDefaultMaxMessageSize;
  bool latency_fault_tolerance_ = false;
  std::optional<TlsClientConfig> tls_;
};

}  // namespace comet
