#pragma once
// Addresses as RocketMQ writes them: "host:port" text, and the binary form of store and born hosts.

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"

namespace comet::inline v0_1 {

// A numeric IP address and port. IPv4 addresses fill the first four bytes.
class IpEndpoint {
 public:
  IpEndpoint() = default;  // 0.0.0.0:0
  static IpEndpoint v4(std::array<std::uint8_t, 4> ip, std::uint16_t port) noexcept;
  static IpEndpoint v6(std::array<std::uint8_t, 16> ip, std::uint16_t port) noexcept;
  // "1.2.3.4:80" or "[::1]:80".
  static Result<IpEndpoint> parse(std::string_view text);
  // "1.2.3.4", "::1" or "[::1]", with a port beside it.
  static Result<IpEndpoint> parse_ip(std::string_view ip, std::uint16_t port);

  [[nodiscard]] bool is_v6() const noexcept { return is_v6_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  // 4 or 16 bytes.
  [[nodiscard]] std::string_view ip_bytes() const noexcept;
  [[nodiscard]] std::string ip_text() const;
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool is_loopback() const noexcept;

  friend auto operator<=>(const IpEndpoint&, const IpEndpoint&) = default;

 private:
  std::array<std::uint8_t, 16> ip_{};
  std::uint16_t port_ = 0;
  bool is_v6_ = false;
};

// A host (name or numeric) and a port, not yet resolved.
class Address {
 public:
  Address() = default;
  Address(std::string host, std::uint16_t port) : host_(std::move(host)), port_(port) {}
  // "host:port" or "[v6]:port"; port 1..65535 (0 is allowed for listening on a free port).
  static Result<Address> parse(std::string_view text);
  // RocketMQ's list form "a:1;b:2"; empty items are skipped. Throws Error naming the bad item.
  static std::vector<Address> parse_list(std::string_view text);

  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const Address&, const Address&) = default;

 private:
  std::string host_;
  std::uint16_t port_ = 0;
};

}  // namespace comet::inline v0_1
