#pragma once

#include <string>

namespace comet::inline v0_1::test {

// The absolute path of tests/data.
[[nodiscard]] const std::string& test_data();

}  // namespace comet::inline v0_1::test
