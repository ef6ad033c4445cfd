#pragma once
// The JSON files under config/: written atomically with the old content kept as .bak, read from
// the .bak when the file itself is damaged, which a checksum tells.

#include <functional>
#include <string>
#include <string_view>

#include "comet/base/error.hpp"

namespace comet::broker {

// Gives the file's content to `parse`; if that fails, the .bak's, and restores the file from it,
// with a line in the log. A missing file is no error.
// Throws Error when neither can be used: starting with empty state would forget topics or offsets.
void load_state_file(const std::string& path,
                     const std::function<error_code(std::string_view)>& parse);

// A failure is logged: state in memory stays right, and the next save tries again.
bool save_state_file(const std::string& path, std::string_view content);

}  // namespace comet::broker
