#pragma once

#include <string>

#include "comet/client/client_config.hpp"

namespace comet::inline v0_1::client {

// The id under which brokers know a client: <ip>@<instance name>[@<unit name>]. They tell clients
// apart by it, so that no two clients of this process have the same: where one has the name
// already, "#2", "#3", ... follows it.
class ClientId {
 public:
  ClientId(const ClientConfig& config, TimeSource& time);
  ~ClientId();
  ClientId(const ClientId&) = delete;
  ClientId& operator=(const ClientId&) = delete;

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

}  // namespace comet::inline v0_1::client
