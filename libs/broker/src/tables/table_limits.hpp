#pragma once
// How much of what clients name is kept: their names cost them nothing.

#include <cstddef>
#include <cstdint>

namespace comet::inline v0_1::broker {

inline constexpr std::size_t kMostTopics = 200'000;
inline constexpr std::size_t kMostGroups = 100'000;  // of consumers, of producers
// Of queues in all groups, some 60 bytes each; pairs of a topic and a group, some 300 bytes each.
inline constexpr std::size_t kMostOffsets = 5'000'000;
inline constexpr std::size_t kMostOffsetGroups = 1'000'000;
inline constexpr std::size_t kMostResets =
    1'000'000;  // offsets that consumers are still to be told
inline constexpr std::size_t kMostRequestModes = 10'000;  // of pairs of a topic and a group
inline constexpr std::size_t kMostLocks = 1'000'000;
inline constexpr std::size_t kMostLockBytes = 256u << 20;
inline constexpr std::size_t kMostFilters = 100'000;        // other than by tags, also dead ones
inline constexpr std::size_t kMostFilterBytes = 64u << 20;  // of names and expressions
inline constexpr std::size_t kLongestClientId = 1024;       // bytes
inline constexpr std::size_t kMostClientsPerConnection = 64;
inline constexpr std::size_t kLongestBrokerName = 255;
inline constexpr std::int32_t kMostQueues = 65'536;  // of a topic

class OffsetLimits {
 public:
  std::size_t offsets = kMostOffsets;
  std::size_t groups = kMostOffsetGroups;
  std::size_t resets = kMostResets;
};

class FilterLimits {
 public:
  std::size_t filters = kMostFilters;
  std::size_t bytes = kMostFilterBytes;
};

// What a question to a client takes while its answer is awaited, beside what it carries.
inline constexpr std::size_t kCallBytes = 4096;

}  // namespace comet::inline v0_1::broker
