#include "comet/base/address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cstring>

#include "comet/base/parse_number.hpp"

namespace comet::inline v0_1 {
namespace {

std::string_view without_brackets(std::string_view host) {
  const bool has_them = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  return has_them ? host.substr(1, host.size() - 2) : host;
}

// "host:port" or "[host]:port" into its halves.
Result<std::pair<std::string_view, std::uint16_t>> split(std::string_view text) {
  std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return BaseErrc::bad_address;
  std::string_view host = text.substr(0, colon);
  std::string_view port_text = text.substr(colon + 1);
  const std::string_view bare = without_brackets(host);
  const bool has_brackets = bare.size() != host.size();
  if (!has_brackets && host.find(':') != std::string_view::npos) return BaseErrc::bad_address;
  host = bare;
  const auto port = parse_number<std::uint16_t>(port_text);
  if (!port || host.empty()) return BaseErrc::bad_address;
  return std::pair{host, *port};
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

IpEndpoint IpEndpoint::v4(std::array<std::uint8_t, 4> ip, std::uint16_t port) noexcept {
  IpEndpoint endpoint;
  std::memcpy(endpoint.ip_.data(), ip.data(), ip.size());
  endpoint.port_ = port;
  return endpoint;
}

IpEndpoint IpEndpoint::v6(std::array<std::uint8_t, 16> ip, std::uint16_t port) noexcept {
  IpEndpoint endpoint;
  endpoint.ip_ = ip;
  endpoint.port_ = port;
  endpoint.is_v6_ = true;
  return endpoint;
}

Result<IpEndpoint> IpEndpoint::parse(std::string_view text) {
  auto halves = split(text);
  if (!halves) return halves.error();
  return parse_ip(halves->first, halves->second);
}

Result<IpEndpoint> IpEndpoint::parse_ip(std::string_view ip, std::uint16_t port) {
  const std::string host(without_brackets(ip));
  std::array<std::uint8_t, 4> four{};
  if (inet_pton(AF_INET, host.c_str(), four.data()) == 1) return v4(four, port);
  std::array<std::uint8_t, 16> sixteen{};
  if (inet_pton(AF_INET6, host.c_str(), sixteen.data()) == 1) return v6(sixteen, port);
  return BaseErrc::bad_address;
}

std::string_view IpEndpoint::ip_bytes() const noexcept {
  return {reinterpret_cast<const char*>(ip_.data()), is_v6_ ? 16u : 4u};
}

std::string IpEndpoint::ip_text() const {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(is_v6_ ? AF_INET6 : AF_INET, ip_.data(), text, sizeof text);
  return text;
}

std::string IpEndpoint::to_string() const {
  return is_v6_ ? fmt::format("[{}]:{}", ip_text(), port_) : fmt::format("{}:{}", ip_text(), port_);
}

bool IpEndpoint::is_loopback() const noexcept {
  if (!is_v6_) return ip_[0] == 127;
  for (std::size_t i = 0; i < 15; ++i) {
    if (ip_[i] != 0) return false;
  }
  return ip_[15] == 1;
}

Result<Address> Address::parse(std::string_view text) {
  auto halves = split(trim_blanks(text));
  if (!halves) return halves.error();
  return Address(std::string(halves->first), halves->second);
}

std::vector<Address> Address::parse_list(std::string_view text) {
  std::vector<Address> addresses;
  while (!text.empty()) {
    std::size_t end = std::min(text.find(';'), text.size());
    std::string_view item = trim_blanks(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (item.empty()) continue;
    Result<Address> address = parse(item);
    if (!address) throw Error(address.error(), fmt::format("address list item '{}'", item));
    addresses.push_back(*address);
  }
  return addresses;
}

std::string Address::to_string() const {
  return host_.find(':') == std::string::npos ? fmt::format("{}:{}", host_, port_)
                                              : fmt::format("[{}]:{}", host_, port_);
}

}  // namespace comet::inline v0_1
