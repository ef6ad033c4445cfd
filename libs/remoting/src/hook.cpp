#include "comet/remoting/hook.hpp"

namespace comet::remoting {

void RpcHook::before_request(const Address&, RemotingCommand&) {}

void RpcHook::after_response(const Address&, RequestCode, const RemotingCommand&) {}

}  // namespace comet::remoting
