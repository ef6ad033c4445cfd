#pragma once
// Lists of name servers that are handed out over HTTP (Apache: TopAddressing), for clients and
// brokers alike.

#include <cstdint>
#include <string>
#include <string_view>

#include "comet/base/address.hpp"

namespace comet::inline v0_1::remoting {

// Where such a list is: http://HOST:PORT/rocketmq/SUBGROUP[-UNIT?nofix=1]
class AddressServer {
 public:
  static constexpr std::uint16_t kDefaultPort = 8080;

  AddressServer() = default;
  // "host" or "host:port" (Apache: rocketmq.namesrv.domain), the part of the path that names the
  // list (rocketmq.namesrv.domain.subgroup), and the client's unit if it has one.
  // Throws Error when the domain is no host.
  explicit AddressServer(std::string_view domain, std::string_view subgroup = "nsaddr",
                         std::string_view unit_name = {});

  // Without a host nothing can be asked.
  [[nodiscard]] bool empty() const noexcept { return address_.host().empty(); }
  [[nodiscard]] const Address& address() const noexcept { return address_; }
  // The path with its query.
  [[nodiscard]] const std::string& target() const noexcept { return target_; }
  [[nodiscard]] std::string url() const;

 private:
  Address address_;
  std::string target_;
};

}  // namespace comet::inline v0_1::remoting
