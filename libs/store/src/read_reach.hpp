#pragma once
// How far reads of a queue go.

#include <cstdint>

namespace comet::inline v0_1::store {

// Units examined by one read at most, so that a filter that matches nothing cannot hold a thread
// (Apache: 16000 bytes of queue).
inline constexpr std::int64_t kMaxExamined = 800;

// Apache counts what lies within 40 % of the memory behind the log's end as being in memory
// (accessMessageInMemoryMaxRatio).
[[nodiscard]] std::int64_t page_cache_reach() noexcept;

}  // namespace comet::inline v0_1::store
