#pragma once
// Answers that are made on the helper thread, not on an event loop.

#include <cstdint>
#include <functional>

#include "comet/remoting/handling.hpp"
#include "request/helper_thread.hpp"

namespace comet::inline v0_1::broker {

// What is called when a change is on the disk, or turned out not to get there now.
using Saved = std::function<void(bool saved)>;

// Makes the answer on the helper thread. `make` throws for what goes wrong: a Refusal, or what is
// answered with its text and SYSTEM_ERROR. Too many at a time are refused.
[[nodiscard]] remoting::Reply answer_on_helper(
    HelperThread& helper, remoting::Request& request,
    std::function<remoting::RemotingCommand(remoting::Request&)> make);
// Likewise if the request's body is large, or larger requests of its connection wait there:
// requests of a connection that are answered by these never overtake each other. Others are
// answered here.
[[nodiscard]] remoting::Reply answer_by_size(
    HelperThread& helper, remoting::Request& request,
    std::function<remoting::RemotingCommand(remoting::Request&)> make);
// Whether a request is small enough to be looked at here, and none of its connection waits there.
[[nodiscard]] bool is_done_here(const HelperThread& helper, const remoting::Request& request);
// What is said when too many wait there.
[[nodiscard]] remoting::Refusal helper_is_busy();

}  // namespace comet::inline v0_1::broker
