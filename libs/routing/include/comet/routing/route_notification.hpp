#pragma once
// The body of NOTIFY_ROUTE_CHANGED: {"topics":["a","b"]} (docs/route_watch.md).

#include <string>
#include <string_view>
#include <vector>

#include "comet/base/error.hpp"

namespace comet::inline v0_1::routing {

[[nodiscard]] std::string route_notification_json(const std::vector<std::string>& topics);
// Members that are not text are left out.
[[nodiscard]] Result<std::vector<std::string>> parse_route_notification(std::string_view json);

}  // namespace comet::inline v0_1::routing
