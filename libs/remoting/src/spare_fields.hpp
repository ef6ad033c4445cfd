#pragma once

#include "comet/remoting/command.hpp"

namespace comet::inline v0_1::remoting {

// The memory of header fields that somebody has done with, for the next request of this thread.
[[nodiscard]] Fields take_spare_fields() noexcept;
void give_spare_fields(Fields fields) noexcept;

}  // namespace comet::inline v0_1::remoting
