#pragma once
// Namespaces of RocketMQ 4.x: a tenant's name in front of every topic and group, on the wire only
// (Apache: NamespaceUtil).

#include <string>
#include <string_view>
#include <vector>

#include "comet/base/address.hpp"

namespace comet::inline v0_1::client {

// "T" -> "ns%T", "%RETRY%g" -> "%RETRY%ns%g", "%DLQ%g" -> "%DLQ%ns%g". Unchanged: topics and groups
// of the system, what is in that namespace already, and everything when the namespace is empty.
[[nodiscard]] std::string wrap_namespace(std::string_view name_space, std::string_view resource);
// The way back; names of other namespaces stay as they are.
[[nodiscard]] std::string unwrap_namespace(std::string_view name_space, std::string_view resource);

// A list of name servers as users write it.
class NameServerList {
 public:
  std::vector<Address> addresses;
  std::string name_space;  // of an endpoint "http://MQ_INST_x_y.host:port"; else empty
};
// "host:port;host:port", each with or without "http://". Throws Error naming the bad item.
[[nodiscard]] NameServerList parse_name_server_list(std::string_view text);

}  // namespace comet::inline v0_1::client
