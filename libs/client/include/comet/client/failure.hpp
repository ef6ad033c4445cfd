#pragma once
// How failures of requests are judged and worded, in one place.

#include "comet/remoting/name_server_channel.hpp"

namespace comet::inline v0_1::client {

using remoting::describe_failure;
using remoting::is_timeout;

}  // namespace comet::inline v0_1::client
