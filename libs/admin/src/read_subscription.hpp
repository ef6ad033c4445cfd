#pragma once

#include <boost/json/object.hpp>

#include "comet/admin/connections.hpp"

namespace comet::inline v0_1::admin::body {

[[nodiscard]] Subscription read_subscription(std::string_view topic,
                                             const boost::json::object& object);

}  // namespace comet::inline v0_1::admin::body
