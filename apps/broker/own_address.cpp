#include "own_address.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <optional>
#include <string>
#include <vector>

#include "comet/base/address.hpp"

namespace comet::inline v0_1::daemon {
namespace {

using boost::asio::ip::udp;

bool is_on_this_machine(const Address& server) {
  const auto numeric = IpEndpoint::parse_ip(server.host(), 0);
  return numeric ? numeric->is_loopback() : server.host() == "localhost";
}

// A datagram socket that is connected knows its own side.
std::optional<std::string> address_towards(const Address& other) {
  boost::asio::io_context context;
  udp::resolver resolver(context);
  error_code error;
  const auto found = resolver.resolve(other.host(), std::to_string(other.port()), error);
  if (error || found.empty()) return std::nullopt;
  const udp::endpoint there = found.begin()->endpoint();
  udp::socket socket(context, there.protocol());
  socket.connect(there, error);
  if (error) return std::nullopt;
  const auto here = socket.local_endpoint(error).address();
  if (error || here.is_loopback() || here.is_unspecified()) return std::nullopt;
  if (here.is_v6() && here.to_v6().is_link_local()) return std::nullopt;  // means nothing elsewhere
  return here.to_string();
}

}  // namespace

void announce_where_name_servers_reach(Config& settings) {
  if (settings.is_set("brokerIP1") || settings.is_set("bindAddress")) return;
  const std::vector<Address> servers = Address::parse_list(settings.text("namesrvAddr"));
  if (servers.empty()) return;
  if (is_on_this_machine(servers.front())) return;
  const std::optional<std::string> own = address_towards(servers.front());
  if (!own) {
    return settings.warn(fmt::format(
        "this machine's address towards name server {} cannot be found out, so that 127.0.0.1 is "
        "announced, which nobody elsewhere reaches: set brokerIP1",
        servers.front().to_string()));
  }
  settings.set_default("brokerIP1", *own);
  settings.set_default("bindAddress", *own);
}

bool is_found_by_name_server(const Config& settings) {
  return !settings.is_set("bindAddress") && !settings.text("bindAddress").empty();
}

}  // namespace comet::inline v0_1::daemon
