#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "comet/base/address.hpp"
#include "comet/base/time.hpp"

namespace comet::inline v0_1::client {

// Which brokers fail, so that each change is told once, and at most one failure per broker in ten
// seconds however often it comes and goes. Pure bookkeeping.
class BrokerStates {
 public:
  static constexpr Duration kQuiet = std::chrono::seconds(10);

  // What is to be told about a request that failed; nothing: it has been told already.
  [[nodiscard]] std::optional<std::string> failed(const Address& broker, std::string_view name,
                                                  std::string_view reason, Instant now);
  // The same about an answer, whatever its code.
  [[nodiscard]] std::optional<std::string> answered(const Address& broker, std::string_view name,
                                                    Instant now);
  // Brokers that nobody asks any more.
  void forget_if(const std::function<bool(const Address&)>& is_gone);
  [[nodiscard]] std::size_t size() const noexcept { return states_.size(); }
  // For the fast path: answers are nothing to tell of.
  [[nodiscard]] bool all_well() const noexcept { return failing_ == 0; }

 private:
  class State {
   public:
    bool is_failing = false;
    bool is_told = false;  // that it fails
    Instant since{};
    Instant quiet_until{};
    std::size_t untold = 0;  // times that it began to fail
  };
  std::map<Address, State> states_;  // of those that have failed
  std::size_t failing_ = 0;
};

}  // namespace comet::inline v0_1::client
