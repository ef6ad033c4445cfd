#pragma once
// Directories that another kind of store has written: to open them would be to begin anew beside
// what lies there.

#include <string>

#include "file.hpp"

namespace comet::inline v0_1::store {

// Throws Error (StoreErrc::foreign_format) that names the directory, whose it is and what to do:
// RocketMQ's RocksDB (queues, configuration, POP, timers, transactions), its DLedger log, its
// consume queues with extension files. Others may throw not_writable.
void refuse_foreign_store(FileSystem& files, const std::string& root);

}  // namespace comet::inline v0_1::store
