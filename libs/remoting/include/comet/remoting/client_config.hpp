#pragma once

#include <memory>
#include <vector>

#include "comet/base/time.hpp"
#include "comet/remoting/connection_limits.hpp"
#include "comet/remoting/serialize_type.hpp"

namespace comet::inline v0_1::remoting {

class RpcHook;  // hook.hpp

// How a client connects (client.hpp).
class ClientConfig {
 public:
  ConnectionLimits connection;
  Duration connect_timeout = std::chrono::seconds(3);
  // After a failed attempt, further attempts to that address fail at once with the same reason
  // until the pause is over; it doubles from min to max with each failure.
  Duration min_reconnect_pause = std::chrono::milliseconds(50);
  Duration max_reconnect_pause = std::chrono::seconds(1);
  // Of the headers of requests; answers may come in any.
  SerializeType serialize_type = SerializeType::json;
  // In the order in which they see a request; answers are shown in the same order.
  std::vector<std::shared_ptr<RpcHook>> hooks;
};

}  // namespace comet::inline v0_1::remoting
