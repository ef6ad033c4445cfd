#pragma once

#include "comet/remoting/connection.hpp"

namespace comet::inline v0_1::broker {

// Codes of what this broker has not: access control, filter servers, and consumption by POP (5.x).
// Clients must read that, not a bare number.
class AbsentFeatures {
 public:
  void install(remoting::Dispatcher& dispatcher) const;

 private:
  template <class Header, std::int32_t Code>
  [[nodiscard]] remoting::Reply refuse_access(const remoting::Request& request,
                                              const Header& header) const;
};

}  // namespace comet::inline v0_1::broker
