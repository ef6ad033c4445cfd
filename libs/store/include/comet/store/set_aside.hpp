#pragma once
// A store that gives way to another one in the same place.

#include <string>
#include <vector>

#include "comet/store/message_store.hpp"

namespace comet::inline v0_1::store {

// Moves the log, its queues and index, and all that tells of them, out of the way: into the
// directory `name` below the store's, parts that are configured to lie elsewhere to PATH.NAME; on
// their own file system. The next start finds an empty log. Returns where they are. What an earlier
// call with the same name has moved stays there: a crash in between is finished by the next call.
// Files of others (config/) stay. Throws Error (StoreErrc::locked: a broker has the store open);
// the log is moved first, so nothing has changed while it is in its place.
std::vector<std::string> set_aside(const StoreConfig& config, const std::string& name);

}  // namespace comet::inline v0_1::store
