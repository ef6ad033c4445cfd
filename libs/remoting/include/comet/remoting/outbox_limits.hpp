#pragma once

#include <cstddef>

namespace comet::inline v0_1::remoting {

// A command's body of one piece below this size is copied when the command is sent or answered,
// before any wait for the network; from here on it is referred to until it is written. So the bytes
// of smaller bodies need to live only as long as the call that sends them.
inline constexpr std::size_t kBodiesCopiedBelow = 4u << 10;

}  // namespace comet::inline v0_1::remoting
