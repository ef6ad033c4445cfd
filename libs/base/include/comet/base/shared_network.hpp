#pragma once

#include <optional>

#include "comet/base/stream.hpp"
#include "comet/base/tls_config.hpp"

namespace comet::inline v0_1 {

// TCP, or TLS over it, on the system's clocks, for clients that are not given a network: theirs
// must outlive their execution contexts, and these are never destroyed. Those who ask with equal
// settings share one, whose files are read again. Thread-safe. Throws Error (TlsErrc::bad_file).
[[nodiscard]] Network& shared_network(const std::optional<TlsClientConfig>& tls);

}  // namespace comet::inline v0_1
