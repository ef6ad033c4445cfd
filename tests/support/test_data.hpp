#pragma once

#include <string>

namespace comet::test {

// The absolute path of tests/data.
[[nodiscard]] const std::string& test_data();

}  // namespace comet::test
