// Each call that changes anything on the disk fails once, or from then on.

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>

#include "world.hpp"

namespace comet::inline v0_1::store::test {

namespace {

constexpr std::int64_t kForEver = 1'000'000;

// Returns false when the life had fewer calls.
bool run_life(std::uint64_t seed, std::int64_t call, int number, std::int64_t times,
              Ending ending) {
  World world(seed, FlushMode::sync_flush);
  world.open();
  world.ledger.check_after_start(*world.core, Ledger::Loss::nothing, true, world.random);
  // Two sequences, so that what fails does not change what the life does.
  Random life(seed);
  world.files->fail_at_call(call, number, times);
  auto nothing = [] {};
  for (int i = 0; i < 60; ++i) {
    world.append_some(3, 200);
    if (life.chance(50)) world.sync();
    if (life.chance(10)) (void)world.core->write_checkpoint(nothing);
    if (life.chance(20)) (void)world.core->prepare_segment();
    if (life.chance(20)) (void)world.core->build_index();
    if (life.chance(10)) world.let_time_pass(3000);
    world.ledger.check_reads(*world.core, world.random);
  }
  if (number == ENOSPC && times != kForEver && world.core->read_only_reason().empty()) {
    world.append_some(1, 50);  // writing goes on by itself
    require(world.end_of_log() == world.ledger.entries().back().log_end, "refuses for good");
  }
  if (ending == Ending::process_killed) world.core->close();
  const bool failed = world.files->has_failed();
  world.drop();
  world.files->restart(ending);
  world.open();
  const auto loss = ending == Ending::power_cut ? Ledger::Loss::unsynced : Ledger::Loss::nothing;
  world.ledger.check_after_start(*world.core, loss, true, world.random);
  world.append_some(3, 200);
  world.core->close();
  world.drop();
  world.files->restart(Ending::power_cut);
  world.open();
  world.ledger.check_after_start(*world.core, Ledger::Loss::nothing, true, world.random);
  return failed;
}

}  // namespace

void run_failing_calls(std::uint64_t seed, std::int64_t step) {
  std::int64_t lives = 0;
  std::int64_t calls = 0;
  for (int number : {EIO, ENOSPC}) {
    for (std::int64_t times : {std::int64_t{1}, kForEver}) {
      for (Ending ending : {Ending::process_killed, Ending::power_cut}) {
        // A disk that takes nothing any more is not well again without a restart of the system.
        if (times == kForEver && ending == Ending::process_killed) continue;
        bool failed = true;
        for (std::int64_t call = 0; failed; call += step) {
          try {
            failed = run_life(seed, call, number, times, ending);
          } catch (const std::exception& problem) {
            throw Broken(fmt::format("call {} fails {} times with errno {}, seed {}: {}", call,
                                     times, number, seed, problem.what()));
          }
          ++lives;
          calls = std::max(calls, call);
        }
      }
    }
  }
  std::printf("failing calls: %lld lives, each of up to %lld calls failed with EIO and ENOSPC\n",
              static_cast<long long>(lives), static_cast<long long>(calls));
}

}  // namespace comet::inline v0_1::store::test
