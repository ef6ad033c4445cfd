#pragma once
// What is done to every request of a client (Apache: RPCHook).

#include "comet/base/address.hpp"
#include "comet/remoting/command.hpp"

namespace comet::inline v0_1::remoting {

// Called on the client's executor. An exception that is thrown here fails the request.
class RpcHook {
 public:
  virtual ~RpcHook() = default;
  // Before a request is sent, oneway ones too. It may add fields. Requests that are sent a second
  // time by the client itself (after GO_AWAY) are not shown again.
  virtual void before_request(const Address& to, RemotingCommand& request);
  // When an answer has come, whatever its code; not after a failure.
  virtual void after_response(const Address& from, RequestCode request,
                              const RemotingCommand& answer);
};

}  // namespace comet::inline v0_1::remoting
