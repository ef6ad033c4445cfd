#pragma once
// White addresses: which addresses of peers are trusted (Apache: RemoteAddressStrategyFactory).

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/address.hpp"

namespace comet::inline v0_1::access {

// One pattern: a range for each part of an address, 4 of IPv4 or 8 of IPv6.
class AddressRule {
 public:
  class Range {
   public:
    std::uint16_t first = 0;
    std::uint16_t last = 0;
  };
  enum class Kind : std::uint8_t { any, v4, v6 };

  Kind kind = Kind::any;
  std::array<Range, 8> parts{};
};

class AddressRules {
 public:
  // Adds what one text of a file means: "*", "10.1.2.3", "10.1.2.1-5", "10.1.*.*", "10.1.2.{4,6}",
  // "10.0.0.0/8", IPv6 likewise, and several of them with commas and without spaces. Empty text
  // adds nothing. Returns what is wrong with it, in words that follow the text; empty: nothing, and
  // only then was anything added.
  [[nodiscard]] std::string add(std::string_view text);

  // The port plays no part. An IPv4 address in IPv6's form (::ffff:10.1.2.3) is one of IPv4.
  [[nodiscard]] bool match(const IpEndpoint& peer) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return rules_.empty(); }
  // Whether every address is in it.
  [[nodiscard]] bool let_all_in() const noexcept;
  void append(const AddressRules& other) {
    rules_.insert(rules_.end(), other.rules_.begin(), other.rules_.end());
  }

 private:
  std::vector<AddressRule> rules_;
};

}  // namespace comet::inline v0_1::access
