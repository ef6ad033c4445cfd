#pragma once
// Which half messages are open: their transactions have not ended yet.

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace comet::inline v0_1::broker {

// A bit for each half message from the first open one on: that costs little even when millions have
// come since. Whoever ends one, or puts it back behind the others, claims it first, so that it
// happens once. Offsets are those of the half topic's queue. Thread-safe; outlives its claims.
class OpenHalves {
 public:
  // One half message, kept from others until it has been ended or the claim goes away.
  class Claim {
   public:
    Claim(OpenHalves& owner, std::int64_t offset) noexcept : owner_(&owner), offset_(offset) {}
    Claim(Claim&& other) noexcept : owner_(other.owner_), offset_(other.offset_) {
      other.owner_ = nullptr;
    }
    Claim& operator=(Claim&&) = delete;
    ~Claim() {
      if (owner_ != nullptr) owner_->release(offset_);
    }
    [[nodiscard]] std::int64_t offset() const noexcept { return offset_; }
    // Its transaction has ended.
    void end();
    // The half message at `offset` takes its place.
    void move_to(std::int64_t offset);

   private:
    OpenHalves* owner_;
    std::int64_t offset_;
  };

  // All below `first` have ended.
  void reset(std::int64_t first);
  void set_ended(std::int64_t offset);
  // As Claim::move_to, for those that are found so on disk.
  void set_moved(std::int64_t from, std::int64_t to);

  enum class Refusal { ended, busy };
  class Attempt {
   public:
    std::optional<Claim> claim;
    Refusal refusal = Refusal::ended;  // without a claim
  };
  // For whoever ends a transaction by the place of its half message, or by one that it had before.
  [[nodiscard]] Attempt claim(std::int64_t offset);
  // The same for that place alone.
  [[nodiscard]] std::optional<Claim> claim_exactly(std::int64_t offset);

  // The first that is open from `offset` on and before `end`; `end` when there is none.
  [[nodiscard]] std::int64_t next_open(std::int64_t offset, std::int64_t end) const;
  // Forgets those before `begin`, and those that have ended before the first open one (at most
  // `end`); which one that is.
  std::int64_t advance(std::int64_t begin, std::int64_t end);
  // All below have ended.
  [[nodiscard]] std::int64_t first() const;
  // Open ones before `end`.
  [[nodiscard]] std::int64_t count(std::int64_t end) const;

 private:
  static constexpr std::int64_t kBits = 64;
  // Half messages whose earlier places are remembered; of others a producer that comes late is
  // refused, and asked at the next check.
  static constexpr std::size_t kMostMoved = 500'000;

  // Where a half message had been before: first, and until the last time.
  struct Earlier {
    std::int64_t first;
    std::int64_t previous;
  };

  void release(std::int64_t offset);
  [[nodiscard]] bool is_ended(std::int64_t offset) const noexcept;
  void mark(std::int64_t offset);
  void end(std::int64_t offset);
  void move(std::int64_t from, std::int64_t to);
  [[nodiscard]] std::int64_t find_open(std::int64_t offset, std::int64_t end) const noexcept;

  mutable std::mutex mutex_;
  std::int64_t first_ = 0;           // all below have ended
  std::int64_t base_ = 0;            // the offset of the first bit
  std::deque<std::uint64_t> ended_;  // bits
  std::unordered_set<std::int64_t> claimed_;
  std::unordered_map<std::int64_t, std::int64_t> moved_;  // an earlier place: the present one
  std::unordered_map<std::int64_t, Earlier> earlier_;     // by the present one
};

}  // namespace comet::inline v0_1::broker
