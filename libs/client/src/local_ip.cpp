#include "local_ip.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <memory>
#include <string_view>

namespace comet::inline v0_1::client {
namespace {

std::string text_of(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = {};
  // The family tells which structure is behind the pointer.
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    __builtin_memcpy(&v4, address, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    __builtin_memcpy(&v6, address, sizeof v6);
    if (!IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr))
      inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  }
  return text;
}

bool is_candidate(const ifaddrs& entry) {
  std::string_view name = entry.ifa_name;
  return entry.ifa_addr != nullptr && (entry.ifa_flags & IFF_UP) != 0 &&
         (entry.ifa_flags & IFF_LOOPBACK) == 0 && !name.starts_with("docker") &&
         !name.starts_with("br-") && !name.starts_with("virbr");
}

}  // namespace

std::string local_ip() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return "127.0.0.1";
  std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  std::string last_v4;
  std::string first_v6;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (!is_candidate(*entry)) continue;
    std::string text = text_of(entry->ifa_addr);
    if (text.empty()) continue;
    if (entry->ifa_addr->sa_family == AF_INET6) {
      if (first_v6.empty()) first_v6 = std::move(text);
    } else if (!text.starts_with("192.168.") && !text.starts_with("127.0.")) {
      return text;
    } else {
      last_v4 = std::move(text);
    }
  }
  if (!last_v4.empty()) return last_v4;
  return first_v6.empty() ? "127.0.0.1" : first_v6;
}

}  // namespace comet::inline v0_1::client
