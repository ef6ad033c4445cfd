#include "subscriptions/bloom_filter.hpp"

#include <bit>
#include <cmath>

namespace comet::inline v0_1::broker {
namespace {

constexpr std::uint64_t kFirst = 0x87c37b91114253d5;
constexpr std::uint64_t kSecond = 0x4cf5ad432745937f;

std::uint64_t load(std::string_view text) noexcept {  // little-endian, up to 8 bytes
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  }
  return value;
}

std::uint64_t mix_first(std::uint64_t k) noexcept { return std::rotl(k * kFirst, 31) * kSecond; }
std::uint64_t mix_second(std::uint64_t k) noexcept { return std::rotl(k * kSecond, 33) * kFirst; }

std::uint64_t finish(std::uint64_t k) noexcept {
  k ^= k >> 33;
  k *= 0xff51afd7ed558ccd;
  k ^= k >> 33;
  k *= 0xc4ceb9fe1a85ec53;
  k ^= k >> 33;
  return k;
}

}  // namespace

std::uint64_t murmur3(std::string_view text) noexcept {
  std::uint64_t h1 = 0;
  std::uint64_t h2 = 0;
  std::string_view rest = text;
  for (; rest.size() >= 16; rest.remove_prefix(16)) {
    h1 ^= mix_first(load(rest.substr(0, 8)));
    h1 = (std::rotl(h1, 27) + h2) * 5 + 0x52dce729;
    h2 ^= mix_second(load(rest.substr(8, 8)));
    h2 = (std::rotl(h2, 31) + h1) * 5 + 0x38495ab5;
  }
  if (rest.size() > 8) h2 ^= mix_second(load(rest.substr(8)));
  if (!rest.empty()) h1 ^= mix_first(load(rest.substr(0, 8)));
  h1 ^= text.size();
  h2 ^= text.size();
  h1 += h2;
  h2 += h1;
  h1 = finish(h1);
  h2 = finish(h2);
  return h1 + h2;
}

BloomPlaces bloom_places(std::string_view text) {
  // Apache: maxErrorRateOfBloomFilter, expectConsumerNumUseFilter.
  constexpr double kErrorRate = 0.2;
  constexpr double kGroups = 32;
  const int hashes = static_cast<int>(std::ceil(std::log2(1 / kErrorRate)));
  const double bits = std::ceil(kGroups * std::log2(1 / kErrorRate) * std::log2(std::exp(1.0)));
  BloomPlaces places;
  places.bit_count = 8 * static_cast<std::int32_t>(std::ceil(bits / 8));
  const std::uint64_t hash = murmur3(text);
  const auto low = static_cast<std::uint32_t>(hash);
  const auto high = static_cast<std::uint32_t>(hash >> 32);
  for (int i = 1; i <= hashes; ++i) {
    auto combined = static_cast<std::int32_t>(low + static_cast<std::uint32_t>(i) * high);
    if (combined < 0) combined = ~combined;
    places.bits.push_back(combined % places.bit_count);
  }
  return places;
}

}  // namespace comet::inline v0_1::broker
