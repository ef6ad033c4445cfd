#include "comet/message/message_id.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <ctime>
#include <memory>
#include <mutex>
#include <optional>
#include <random>

#include "comet/base/bytes.hpp"
#include "comet/base/local_time.hpp"

namespace comet::inline v0_1 {

namespace {

void append_upper_hex(std::string_view bytes, std::string& text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::size_t at = text.size();
  text.resize(at + bytes.size() * 2);
  for (char c : bytes) {
    auto byte = static_cast<std::uint8_t>(c);
    text[at++] = kDigits[byte >> 4U];
    text[at++] = kDigits[byte & 0xFU];
  }
}

std::string to_upper_hex(std::string_view bytes) {
  std::string text;
  append_upper_hex(bytes, text);
  return text;
}

int digit_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::optional<std::string> from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    int high = digit_value(text[i]);
    int low = digit_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

// The address that identifies this host: the first IPv4 one that is not loopback, else the first
// IPv6 one that is neither loopback nor link-local, else 127.0.0.1.
std::string host_ip() {
  ifaddrs* list = nullptr;
  std::string v6;
  if (getifaddrs(&list) != 0) return {"\x7f\0\0\1", 4};
  std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    if (entry->ifa_addr->sa_family == AF_INET) {
      sockaddr_in address{};
      std::memcpy(&address, entry->ifa_addr, sizeof address);
      std::string ip(sizeof address.sin_addr, '\0');
      std::memcpy(ip.data(), &address.sin_addr, ip.size());
      if (ip[0] != 127) return ip;
    } else if (entry->ifa_addr->sa_family == AF_INET6 && v6.empty()) {
      sockaddr_in6 address{};
      std::memcpy(&address, entry->ifa_addr, sizeof address);
      if (IN6_IS_ADDR_LOOPBACK(&address.sin6_addr) || IN6_IS_ADDR_LINKLOCAL(&address.sin6_addr)) {
        continue;
      }
      v6.resize(sizeof address.sin6_addr);
      std::memcpy(v6.data(), &address.sin6_addr, v6.size());
    }
  }
  return v6.empty() ? std::string("\x7f\0\0\1", 4) : v6;
}

// What stays the same in all ids of this process, in hex: address, process id, a random number in
// the place of Apache's class-loader hash.
std::string make_unique_prefix() {
  std::string prefix = host_ip();
  append_be<std::uint16_t>(prefix, static_cast<std::uint16_t>(getpid()));
  append_be<std::uint32_t>(prefix, std::random_device{}());
  return to_upper_hex(prefix);
}

class MonthSpan {
 public:
  std::int64_t begin = 0;  // ms since 1970, inclusive
  std::int64_t end = 0;    // exclusive
};

std::int64_t month_begin(std::tm month) noexcept {
  month.tm_sec = month.tm_min = month.tm_hour = 0;
  month.tm_mday = 1;
  month.tm_isdst = -1;
  return static_cast<std::int64_t>(std::mktime(&month)) * 1000;
}

MonthSpan month_of(std::int64_t wall_millis) noexcept {
  // The C library's own lock around the time zone is one that ThreadSanitizer does not know.
  static std::mutex time_zone;
  const std::lock_guard lock(time_zone);
  std::tm local = local_time(wall_millis);
  MonthSpan span;
  span.begin = month_begin(local);
  local.tm_mon += 1;  // mktime carries December over
  local.tm_mday = 1;
  span.end = month_begin(local);
  return span;
}

}  // namespace

std::string make_offset_message_id(const IpEndpoint& store_host, std::int64_t physical_offset) {
  const std::string_view ip = store_host.ip_bytes();
  std::array<char, 16 + 4 + 8> bytes;
  char* const port = std::copy(ip.begin(), ip.end(), bytes.begin());
  store_be<std::int32_t>(port, store_host.port());
  store_be<std::int64_t>(port + 4, physical_offset);
  return to_upper_hex({bytes.data(), ip.size() + 12});
}

Result<OffsetMessageId> parse_offset_message_id(std::string_view text) {
  bool v6 = text.size() == 56;
  std::optional<std::string> bytes = v6 || text.size() == 32 ? from_hex(text) : std::nullopt;
  if (!bytes) return make_error_code(BaseErrc::bad_value);
  ByteReader reader(*bytes);
  std::string_view ip = reader.read_bytes(v6 ? 16 : 4);
  auto port = reader.read<std::int32_t>();
  OffsetMessageId id;
  id.physical_offset = reader.read<std::int64_t>();
  if (port < 0 || port > 0xFFFF || id.physical_offset < 0) {
    return make_error_code(BaseErrc::bad_value);
  }
  if (v6) {
    std::array<std::uint8_t, 16> address{};
    std::memcpy(address.data(), ip.data(), address.size());
    id.store_host = IpEndpoint::v6(address, static_cast<std::uint16_t>(port));
  } else {
    std::array<std::uint8_t, 4> address{};
    std::memcpy(address.data(), ip.data(), address.size());
    id.store_host = IpEndpoint::v4(address, static_cast<std::uint16_t>(port));
  }
  return id;
}

std::string make_unique_id(std::int64_t wall_millis) {
  static const std::string prefix = make_unique_prefix();
  static std::atomic<std::uint16_t> counter{0};
  thread_local MonthSpan month;
  if (wall_millis < month.begin || wall_millis >= month.end) month = month_of(wall_millis);

  std::array<char, 6> varying;  // NOLINT: written below
  store_be<std::int32_t>(varying.data(), static_cast<std::int32_t>(wall_millis - month.begin));
  store_be<std::uint16_t>(varying.data() + 4, counter.fetch_add(1, std::memory_order_relaxed));
  std::string text;
  text.reserve(prefix.size() + 2 * varying.size());
  text.append(prefix);
  append_upper_hex({varying.data(), varying.size()}, text);
  return text;
}

}  // namespace comet::inline v0_1
