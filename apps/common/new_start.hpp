#pragma once
// A daemon that goes on as another run of itself, with the same pid: what supervisors watch.

namespace comet::inline v0_1::daemon {

// Ends this run as SIGTERM does; main then calls the other. Thread-safe.
void stop_and_start_anew();
// At the end of main, when nothing of this run is left: becomes the program again, with the same
// arguments, if that is due. Returns program::kOk if it is not, kFailed when it cannot.
[[nodiscard]] int start_anew_if_due(char** argv);

}  // namespace comet::inline v0_1::daemon
