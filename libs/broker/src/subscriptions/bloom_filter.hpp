#pragma once
// The places of a consumer group in Apache's bloom filter, which consumerFilter.json has to name so
// that Apache's broker takes the file (org.apache.rocketmq.filter.util.BloomFilter). Nothing here
// filters by it.

#include <cstdint>
#include <string_view>
#include <vector>

namespace comet::inline v0_1::broker {

class BloomPlaces {
 public:
  std::int32_t bit_count = 0;
  std::vector<std::int32_t> bits;
};

// Of the text "<group>#<topic>", with Apache's defaults: an error rate of 20 % at 32 groups.
[[nodiscard]] BloomPlaces bloom_places(std::string_view text);

// MurmurHash3 (x64, 128 bits, seed 0), the first 64 bits: Guava's murmur3_128().asLong().
[[nodiscard]] std::uint64_t murmur3(std::string_view text) noexcept;

}  // namespace comet::inline v0_1::broker
