#pragma once

#include "comet/remoting/connection.hpp"

namespace comet::inline v0_1::broker {

// What a slave refuses, in 4.9's words and codes (docs/replication.md): to be installed behind the
// features whose codes they are. END_TRANSACTION is refused where it is served.
void install_slave_refusals(remoting::Dispatcher& dispatcher);

}  // namespace comet::inline v0_1::broker
