#include "comet/remoting/hook.hpp"

namespace comet::inline v0_1::remoting {

void RpcHook::before_request(const Address&, RemotingCommand&) {}

void RpcHook::after_response(const Address&, RequestCode, const RemotingCommand&) {}

}  // namespace comet::inline v0_1::remoting
