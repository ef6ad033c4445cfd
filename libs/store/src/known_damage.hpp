#pragma once
// The list of damaged stretches of the log that a start has found and stepped over: the next one
// says nothing of them, counts them no more, and steps over them in the same way.

#include <string>
#include <vector>

#include "file.hpp"
#include "log_walk.hpp"

namespace comet::inline v0_1::store {

// Lines "begin end kind", kind as a number, and for misplaced ones the queue offset. Empty when
// there is no file, or it cannot be used: then all is found again.
[[nodiscard]] std::vector<Damage> read_known_damage(FileSystem& files, const std::string& path);
[[nodiscard]] error_code write_known_damage(FileSystem& files, const std::string& path,
                                            const std::vector<Damage>& damage);

}  // namespace comet::inline v0_1::store
