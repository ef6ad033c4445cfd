#include "request/later_answers.hpp"

#include <memory>

#include "request/answers.hpp"

namespace comet::inline v0_1::broker {

using remoting::PendingReply;
using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::ResponseCode;

namespace {

// Bodies beyond this are looked at on the helper thread.
constexpr std::size_t kLargeBody = 8u << 10;

std::shared_ptr<HelperThread::LargeJob> make_large_job(HelperThread& helper,
                                                       const Request& request) {
  return std::make_shared<HelperThread::LargeJob>(helper, request.connection->id());
}

RemotingCommand made(const std::function<RemotingCommand(Request&)>& make, Request& request) {
  try {
    return make(request);
  } catch (const remoting::Refusal& reason) {
    return refusal(request, reason);
  }
}

// Whatever `work` throws is the answer, too.
Reply run_on_helper(HelperThread& helper, Request& request,
                    std::function<void(Request&, const std::shared_ptr<PendingReply>&)> work) {
  const std::size_t bytes = request.command.memory_size();
  if (!helper.has_room(bytes)) {
    return refusal(request, helper_is_busy());
  }
  auto pending = std::make_shared<PendingReply>(request);
  auto asked = std::make_unique<Request>(std::move(request.command), request.connection);
  auto job = [pending = std::move(pending), asked = std::move(asked), work = std::move(work)] {
    try {
      work(*asked, pending);
    } catch (const std::exception& problem) {
      pending->answer(pending->request().response(ResponseCode::system_error, problem.what()));
    }
  };
  helper.post(std::move(job), bytes);
  return std::nullopt;
}

}  // namespace

bool is_done_here(const HelperThread& helper, const Request& request) {
  return request.command.body.size() <= kLargeBody &&
         !helper.has_large_jobs(request.connection->id());
}

remoting::Refusal helper_is_busy() {
  return {ResponseCode::system_busy,
          "too many large heartbeats, administrators' requests or searches wait for this broker's "
          "helper threads"};
}

Reply answer_on_helper(HelperThread& helper, Request& request,
                       std::function<RemotingCommand(Request&)> make) {
  const auto work = [make = std::move(make)](Request& asked,
                                             const std::shared_ptr<PendingReply>& pending) {
    pending->answer(made(make, asked));
  };
  return run_on_helper(helper, request, work);
}

Reply answer_by_size(HelperThread& helper, Request& request,
                     std::function<RemotingCommand(Request&)> make) {
  if (is_done_here(helper, request)) return made(make, request);
  auto large = make_large_job(helper, request);
  auto make_large = [make = std::move(make), large = std::move(large)](Request& asked) {
    return make(asked);
  };
  return answer_on_helper(helper, request, std::move(make_large));
}

}  // namespace comet::inline v0_1::broker
