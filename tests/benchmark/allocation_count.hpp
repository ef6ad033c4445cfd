#pragma once

#include <cstdint>

namespace comet::inline v0_1::benchmark_support {

// How often this process has called operator new. Counted by the replacement in
// allocation_count.cpp: programs link it to see what an operation allocates.
[[nodiscard]] std::uint64_t allocations() noexcept;

}  // namespace comet::inline v0_1::benchmark_support
