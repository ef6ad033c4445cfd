#include "request/later_answers.hpp"

#include <memory>

namespace comet::inline v0_1::broker {

using remoting::PendingReply;
using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::ResponseCode;

namespace {

// Bodies beyond this are looked at on the helper thread.
constexpr std::size_t kLargeBody = 8u << 10;

bool is_done_here(HelperThread& helper, const Request& request) {
  return request.command.body.size() <= kLargeBody &&
         !helper.has_large_jobs(request.connection->id());
}

std::shared_ptr<HelperThread::LargeJob> make_large_job(HelperThread& helper,
                                                       const Request& request) {
  return std::make_shared<HelperThread::LargeJob>(helper, request.connection->id());
}

// Whatever `work` throws is the answer, too.
Reply run_on_helper(HelperThread& helper, Request& request,
                    std::function<void(Request&, const std::shared_ptr<PendingReply>&)> work) {
  const std::size_t bytes = request.command.memory_size();
  if (!helper.has_room(bytes)) {
    return RemotingCommand::response(
        request.command, ResponseCode::system_busy,
        "too many large heartbeats or administrators' requests wait for this broker's helper "
        "thread");
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

// Whoever drops it unanswered has refused the request otherwise.
Saved answer_of(std::shared_ptr<PendingReply> pending) {
  return [pending = std::move(pending)](bool saved) {
    pending->answer(saved ? pending->request().response(ResponseCode::success, {})
                          : pending->request().response(
                                ResponseCode::system_error,
                                "the change holds, but is not on the disk yet: writing is tried "
                                "again every second, see the broker's log"));
  };
}

Saved answer_when_saved(const Request& request) {
  return answer_of(std::make_shared<PendingReply>(request));
}

}  // namespace

Reply answer_on_helper(HelperThread& helper, Request& request,
                       std::function<RemotingCommand(Request&)> make) {
  const auto work = [make = std::move(make)](Request& asked,
                                             const std::shared_ptr<PendingReply>& pending) {
    pending->answer(make(asked));
  };
  return run_on_helper(helper, request, work);
}

Reply answer_by_size(HelperThread& helper, Request& request,
                     std::function<RemotingCommand(Request&)> make) {
  if (is_done_here(helper, request)) return make(request);
  auto large = make_large_job(helper, request);
  auto make_large = [make = std::move(make), large = std::move(large)](Request& asked) {
    return make(asked);
  };
  return answer_on_helper(helper, request, std::move(make_large));
}

Reply save_by_size(HelperThread& helper, Request& request,
                   std::function<Reply(Request&, Saved)> work) {
  if (is_done_here(helper, request)) return work(request, answer_when_saved(request));
  auto large = make_large_job(helper, request);
  const auto later = [work = std::move(work), large = std::move(large)](
                         Request& asked, const std::shared_ptr<PendingReply>& pending) {
    Reply refusal = work(asked, answer_of(pending));
    if (refusal) pending->answer(std::move(refusal));
  };
  return run_on_helper(helper, request, later);
}

void do_in_order(HelperThread& helper, std::uint64_t connection_id, std::function<void()> work) {
  if (!helper.has_large_jobs(connection_id)) return work();
  auto large = std::make_shared<HelperThread::LargeJob>(helper, connection_id);
  helper.post([work = std::move(work), large = std::move(large)] { work(); });
}

}  // namespace comet::inline v0_1::broker
