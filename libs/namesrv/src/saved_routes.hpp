#pragma once
// Routes that outlive the name server in a file.

#include "service.hpp"

namespace comet::inline v0_1::namesrv {

// Takes over what is in the file; a missing file is nothing. A damaged one is set aside as
// <path>.damaged: routes come again with the brokers' registrations. Throws Error when it cannot be
// read. Before the service is in use.
void restore_routes(Service& service);
// Writes the file if something has changed since the last time. Blocking; the mutex is held while
// the text is made, not while it is written. Failures go to the log.
void save_routes(Service& service);

}  // namespace comet::inline v0_1::namesrv
