#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "comet/access/check.hpp"
#include "comet/base/address.hpp"
#include "comet/base/time.hpp"

namespace comet::inline v0_1::broker {

// The log lines of requests that access control refuses. A client tries a message some times, and
// strangers try for ever: one is written for each account, address and reason in kEvery, with the
// number of those that were left out. Thread-safe.
class AccessLog {
 public:
  static constexpr Duration kEvery = std::chrono::minutes(1);
  static constexpr std::size_t kMostKept = 1000;  // beyond, all others share one line

  explicit AccessLog(TimeSource& time) : time_(time) {}

  // The line to write; empty: none now.
  [[nodiscard]] std::string note(const access::Verdict& verdict, std::int32_t code,
                                 const IpEndpoint& from, bool is_observed);

 private:
  struct Noted {
    Instant next_line{};
    std::uint64_t left_out = 0;
  };
  using Key = std::pair<std::string, std::string>;  // account and reason, address
  [[nodiscard]] Noted& noted_of(Key key, Instant now);

  TimeSource& time_;
  std::mutex mutex_;
  std::map<Key, Noted> noted_;
};

}  // namespace comet::inline v0_1::broker
