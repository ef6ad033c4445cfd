#pragma once
// Small files of state.

#include <optional>
#include <string>
#include <string_view>

#include "comet/base/error.hpp"

namespace comet::inline v0_1 {

// The whole file, or the system's error code.
Result<std::string> read_file(const std::string& path);

// Replaces the file so that a crash at any moment leaves the old or the new content: writes
// path.tmp, fsyncs it, keeps the old content as path.bak when `keep_backup`, renames, fsyncs the
// directory. Missing directories are created. Blocking.
error_code write_file_atomically(const std::string& path, std::string_view content,
                                 bool keep_backup);

// mkdir -p, 0755. Blocking.
error_code make_directories(const std::string& path);

}  // namespace comet::inline v0_1
