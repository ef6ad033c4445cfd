#pragma once
// Answers that do not come from the event loop: made on the helper thread, or given when a table's
// file is down.

#include <cstdint>
#include <functional>

#include "comet/remoting/connection.hpp"
#include "request/helper_thread.hpp"

namespace comet::inline v0_1::broker {

// What is called when a change is on the disk, or turned out not to get there now.
using Saved = std::function<void(bool saved)>;

// Makes the answer on the helper thread; `make` throws for what goes wrong. Too many at a time are
// refused.
[[nodiscard]] remoting::Reply answer_on_helper(
    HelperThread& helper, remoting::Request& request,
    std::function<remoting::RemotingCommand(remoting::Request&)> make);
// Likewise if the request's body is large, or larger requests of its connection wait there:
// requests of a connection that are answered by these two never overtake each other. Others are
// answered here.
[[nodiscard]] remoting::Reply answer_by_size(
    HelperThread& helper, remoting::Request& request,
    std::function<remoting::RemotingCommand(remoting::Request&)> make);
// Likewise for requests that a table's `done` answers, with a success when its file is down, unless
// `work` does: with a refusal.
[[nodiscard]] remoting::Reply save_by_size(
    HelperThread& helper, remoting::Request& request,
    std::function<remoting::Reply(remoting::Request&, Saved)> work);
// For coroutines, whose work must not overtake those requests of the connection either: done here
// unless they wait. It throws nothing.
void do_in_order(HelperThread& helper, std::uint64_t connection_id, std::function<void()> work);

}  // namespace comet::inline v0_1::broker
