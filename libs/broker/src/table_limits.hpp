#pragma once
// How much of what clients name is kept: their names cost them nothing.

#include <cstddef>
#include <cstdint>

namespace comet::broker {

inline constexpr std::size_t kMostTopics = 200'000;
inline constexpr std::size_t kMostGroups = 100'000;  // of consumers, of producers
inline constexpr std::size_t kMostLocks = 1'000'000;
inline constexpr std::size_t kLongestClientId = 1024;  // bytes
inline constexpr std::size_t kLongestBrokerName = 255;
inline constexpr std::int32_t kMostQueues = 65'536;  // of a topic

}  // namespace comet::broker
