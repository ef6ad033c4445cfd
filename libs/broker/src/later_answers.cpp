// Answers that do not come from the event loop.

#include <memory>

#include "handlers.hpp"

namespace comet::inline v0_1::broker {

using remoting::PendingReply;
using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::ResponseCode;

Reply answer_on_helper(const BrokerContext& context, Request& request,
                       std::function<RemotingCommand(Request&)> make) {
  if (context.helper.jobs() >= HelperThread::kMostJobs) {
    return RemotingCommand::response(
        request.command, ResponseCode::system_busy,
        "too many administrators' requests wait for this broker's helper thread");
  }
  auto pending = std::make_unique<PendingReply>(request);
  auto asked = std::make_unique<Request>(std::move(request.command), request.connection);
  auto job = [pending = std::move(pending), asked = std::move(asked), make = std::move(make)] {
    try {
      pending->answer(make(*asked));
    } catch (const std::exception& problem) {
      pending->answer(pending->request().response(ResponseCode::system_error, problem.what()));
    }
  };
  context.helper.post(std::move(job));
  return std::nullopt;
}

BackgroundSaver::Done answer_when_saved(const Request& request) {
  // Whoever drops it unanswered has refused the request otherwise.
  const auto pending = std::make_shared<PendingReply>(request);
  return [pending](bool saved) {
    pending->answer(saved ? pending->request().response(ResponseCode::success, {})
                          : pending->request().response(
                                ResponseCode::system_error,
                                "the change holds, but is not on the disk yet: writing is tried "
                                "again every second, see the broker's log"));
  };
}

}  // namespace comet::inline v0_1::broker
