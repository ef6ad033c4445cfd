#pragma once
// Lists of name servers that are handed out over HTTP (Apache: TopAddressing), for clients and
// brokers alike.

#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/address.hpp"
#include "comet/base/stream.hpp"

namespace comet::remoting {

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

// The addresses in the first line of what the server answers, in its order; never empty.
// Throws Error naming the URL: the system's reason, asio::error::timed_out, what is wrong with an
// answer that is no HTTP or has more than 64 KiB, or BaseErrc::bad_address for one that is not 200
// or whose first line is no list of addresses.
[[nodiscard]] asio::awaitable<std::vector<Address>> fetch_name_servers(AddressServer from,
                                                                       Network& network,
                                                                       TimeSource& time,
                                                                       Instant deadline);

}  // namespace comet::remoting
