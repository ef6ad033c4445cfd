#include "histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace comet::inline v0_1::bench {

// Values below 128 have a bucket each; above, the seven bits below the highest one decide.
std::size_t Histogram::bucket_of(std::uint64_t nanos) noexcept {
  if (nanos < kSubBuckets) return static_cast<std::size_t>(nanos);
  const int shift = static_cast<int>(std::bit_width(nanos)) - 1 - kSubBits;
  const std::uint64_t mantissa = (nanos >> shift) - kSubBuckets;
  return static_cast<std::size_t>(static_cast<std::uint64_t>(shift + 1) * kSubBuckets + mantissa);
}

std::uint64_t Histogram::upper_end(std::size_t bucket) noexcept {
  if (bucket < kSubBuckets) return bucket;
  const std::uint64_t shift = bucket / kSubBuckets - 1;
  const std::uint64_t mantissa = bucket % kSubBuckets + kSubBuckets;
  return ((mantissa + 1) << shift) - 1;
}

void Histogram::record(std::chrono::nanoseconds value) noexcept {
  value = std::max(value, std::chrono::nanoseconds::zero());
  const std::size_t bucket = bucket_of(static_cast<std::uint64_t>(value.count()));
  ++buckets_[std::min(bucket, kBuckets - 1)];
  ++count_;
  max_ = std::max(max_, value);
}

std::chrono::nanoseconds Histogram::quantile(double share) const noexcept {
  const auto wanted = static_cast<std::uint64_t>(
      std::ceil(std::clamp(share, 0.0, 1.0) * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets && count_ != 0; ++bucket) {
    seen += buckets_[bucket];
    if (seen < wanted || buckets_[bucket] == 0) continue;
    return std::min(max_, std::chrono::nanoseconds(static_cast<std::int64_t>(upper_end(bucket))));
  }
  return max_;
}

}  // namespace comet::inline v0_1::bench
