// Consumption by POP (5.x), which is not there yet: clients must read that, not a bare number.

#include <fmt/format.h>

#include "handlers.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::RequestCode;

constexpr RequestCode kPopCodes[] = {
    RequestCode::pop_message,       RequestCode::ack_message,
    RequestCode::batch_ack_message, RequestCode::change_message_invisibletime,
    RequestCode::peek_message,      RequestCode::notification,
    RequestCode::polling_info,      RequestCode::pop_rollback};

Reply refuse_pop(Request& request) {
  return RemotingCommand::response(
      request.command, remoting::ResponseCode::request_code_not_supported,
      fmt::format("{} (request type {}) not supported: this broker version has no consumption by "
                  "POP; consume by pull, with the clients' own rebalancing",
                  to_string(request.command.request_code()), request.command.code));
}

}  // namespace

void install_pop_refusals(remoting::Dispatcher& dispatcher) {
  for (RequestCode code : kPopCodes) dispatcher.on(code, refuse_pop);
}

}  // namespace comet::inline v0_1::broker
