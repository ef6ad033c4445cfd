#pragma once
// What the modes of crash_store share: a store on a disk in memory, filled from a seed, with a
// ledger beside it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/timer.hpp"
#include "ledger.hpp"
#include "power_cut_files.hpp"
#include "store_core.hpp"

namespace comet::inline v0_1::store::test {

// Every message has these behind its key.
inline constexpr std::string_view kMoreProperties = "\2TAGS\1tag";

class World {
 public:
  static constexpr const char* kRoot = "/store";

  World(std::uint64_t seed, FlushMode flush);

  void open();  // throws Error when the machine stops meanwhile
  // Without a farewell.
  void drop() { core.reset(); }
  // One to `most_calls` appends of one to three records, in one write.
  void append_some(std::int64_t most_calls, std::int64_t most_bytes);
  // In front of a start: tells the ledger which messages the files of the queues tell of.
  void note_units();
  // What the store's threads do for those who wait.
  void sync();
  void let_time_pass(std::int64_t most_millis);
  [[nodiscard]] std::int64_t end_of_log() const noexcept { return acknowledged_end_; }

  Random random;
  VirtualTime time;
  std::unique_ptr<PowerCutFiles> files;
  StoreConfig config;
  Ledger ledger;
  std::optional<StoreCore> core;

 private:
  // One append's records, and memory for what they refer to.
  class Call {
   public:
    Append append;
    std::vector<Entry> entries;
    error_code error;
  };
  void make_call(Call& call, std::int64_t most_bytes);
  static void find_places(Call& call);

  std::int64_t acknowledged_end_ = 0;
  std::int64_t number_ = 0;  // of messages made so far
};

// Modes; each throws Broken, naming the seed, when a promise is broken, and prints what it did.
enum class Rot {
  none,
  some,  // bits of what was on the disk change between lives
};
void run_power_cuts(std::uint64_t seed, std::int64_t schedules, Rot rot = Rot::none);
void run_replicas(std::uint64_t seed, std::int64_t schedules);
void run_truncations(std::uint64_t seed, std::int64_t step);
void run_bit_flips(std::uint64_t seed, std::int64_t flips);
void run_failing_calls(std::uint64_t seed, std::int64_t step);

}  // namespace comet::inline v0_1::store::test
