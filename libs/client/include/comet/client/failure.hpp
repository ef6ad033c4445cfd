#pragma once
// How failures of requests are judged and worded, in one place.

#include <string>

#include "comet/base/error.hpp"
#include "comet/base/time.hpp"

namespace comet::client {

// The time was over before there was a connection or an answer.
[[nodiscard]] bool is_timeout(const error_code& code) noexcept;

// "Connection refused", "no answer within 3000 ms", ...
[[nodiscard]] std::string describe_failure(const error_code& code, Duration elapsed);

}  // namespace comet::client
