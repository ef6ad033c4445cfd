// Lives of a store that end at any moment, from a seed.

#include <fmt/format.h>
#include <stdlib.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include "comet/store/inspect.hpp"
#include "world.hpp"

namespace comet::store::test {

namespace {

class Counts {
 public:
  std::int64_t lives = 0;
  std::int64_t appended = 0;
  std::int64_t cuts = 0;
  std::int64_t kills = 0;
  std::int64_t stops = 0;
  std::int64_t in_recovery = 0;
  std::int64_t faults = 0;
  std::int64_t verified = 0;
};

class Schedule {
 public:
  Schedule(std::uint64_t seed, FlushMode flush, Counts& counts)
      : counts_(counts), flush_(flush), world_(seed, flush) {
    // Most are quick; some let the first log files expire.
    if (world_.random.chance(20)) world_.config.file_reserved_time = std::chrono::hours(0);
  }

  void run(bool verify) {
    const std::int64_t lives = 2 + random().below(4);
    for (std::int64_t life = 0; life < lives; ++life) {
      live();
      end_life();
    }
    open_again();
    stop_in_order();
    if (verify) verify_formats();
  }

 private:
  Random& random() { return world_.random; }

  void live() {
    ++counts_.lives;
    open_again();
    if (random().chance(60)) world_.files->stop_at_call(random().below(150));
    if (random().chance(15)) {
      const int number = random().chance(50) ? EIO : ENOSPC;
      world_.files->fail_at_call(random().below(100), number, 1);
      ++counts_.faults;
    }
    const std::int64_t steps = random().below(40);
    for (std::int64_t i = 0; i < steps && !world_.files->is_stopped(); ++i) step();
  }

  // The machine may also stop while the store recovers.
  void open_again() {
    while (true) {
      if (random().chance(15)) world_.files->stop_at_call(random().below(40));
      try {
        world_.open();
        if (!world_.files->is_stopped()) break;
      } catch (const Error& error) {
        require(world_.files->is_stopped(), std::string("refused to start: ") + error.what());
      }
      ++counts_.in_recovery;
      end_life();
    }
    world_.files->stop_at_call(-1);
    world_.ledger.check_after_start(*world_.core, loss_, flush_ == FlushMode::sync_flush, random());
    loss_ = Ledger::Loss::nothing;
  }

  void step() {
    StoreCore& core = *world_.core;
    auto nothing = [] {};
    switch (random().below(16)) {
      case 0:
        return (void)core.write_checkpoint(nothing);
      case 1:
        return (void)core.sync_busy_queues(nothing);
      case 2:
        return (void)core.prepare_segment();
      case 3:
        return (void)core.build_index();
      case 4:
        return world_.let_time_pass(5000);
      case 5:
        return world_.ledger.check_reads(core, random());
      case 6:
        return (void)core.write_queue_units();
      case 7:
        if (random().chance(20)) clean();
        return;
      case 8:
      case 9:
      case 10:
        return world_.sync();
      default:
        return world_.append_some(5, random().chance(90) ? 200 : 900);
    }
  }

  void clean() {
    world_.let_time_pass(2000);
    world_.core->request_deletion();
    world_.core->clean(world_.time.wall_millis());
    std::int64_t log_min = world_.core->min_physical_offset();
    // The call that the machine stopped in may have removed one more.
    if (world_.files->is_stopped()) log_min += world_.config.commit_log_file_size;
    world_.ledger.forget_before(log_min);
  }

  void end_life() {
    if (world_.core && !world_.files->is_stopped() && random().chance(20)) {
      if (random().chance(20)) world_.files->stop_at_call(random().below(40));
      world_.core->close();
      ++counts_.stops;
    }
    world_.drop();
    // A process that is killed between a failed sync and its note of it is as good as a power cut:
    // nothing tells the next one that the page cache knows more than the disk.
    const bool unnoted = world_.files->is_stopped() && world_.files->has_failed();
    const bool cut = unnoted || random().chance(70);
    ++(cut ? counts_.cuts : counts_.kills);
    world_.files->restart(cut ? Ending::power_cut : Ending::process_killed);
    if (cut) loss_ = Ledger::Loss::unsynced;
  }

  void stop_in_order() {
    counts_.appended += static_cast<std::int64_t>(world_.ledger.entries().size());
    world_.append_some(3, 100);
    world_.core->close();
    world_.drop();
    world_.files->restart(Ending::power_cut);
    world_.open();
    require(!world_.core->recovery_report().unclean, "an orderly stop was taken for a crash");
    world_.ledger.check_after_start(*world_.core, Ledger::Loss::nothing, true, random());
    world_.core->close();
    world_.drop();
  }

  // The checker of the formats reads real files.
  void verify_formats() {
    std::string pattern = (std::filesystem::temp_directory_path() / "comet-crash-XXXXXX").string();
    require(::mkdtemp(pattern.data()) != nullptr, "mkdtemp failed");
    world_.files->save(pattern);
    InspectOptions options;
    options.root = pattern + World::kRoot;
    options.index_slots = world_.config.index_slots;
    options.index_entries = world_.config.index_entries;
    std::ostringstream lines;
    const std::int64_t problems = verify_store(options, lines).problems;
    std::filesystem::remove_all(pattern);
    require(problems == 0, "the formats are broken: " + lines.str());
    ++counts_.verified;
  }

  Counts& counts_;
  FlushMode flush_;
  World world_;
  Ledger::Loss loss_ = Ledger::Loss::nothing;
};

}  // namespace

void run_power_cuts(std::uint64_t seed, std::int64_t schedules) {
  constexpr std::int64_t kVerifyEach = 200;
  Counts counts;
  for (std::int64_t i = 0; i < schedules; ++i) {
    const std::uint64_t own_seed = seed + static_cast<std::uint64_t>(i);
    const FlushMode flush = own_seed % 3 == 0 ? FlushMode::async_flush : FlushMode::sync_flush;
    try {
      Schedule(own_seed, flush, counts).run(i % kVerifyEach == 0);
    } catch (const std::exception& problem) {
      throw Broken(fmt::format("schedule {}: {}", own_seed, problem.what()));
    }
  }
  std::printf(
      "power cuts: %lld schedules from seed %llu, %lld lives: %lld power cuts, %lld kills, %lld "
      "orderly stops, %lld ended in recovery, %lld with failing calls; %lld messages kept; %lld "
      "directories verified\n",
      static_cast<long long>(schedules), static_cast<unsigned long long>(seed),
      static_cast<long long>(counts.lives), static_cast<long long>(counts.cuts),
      static_cast<long long>(counts.kills), static_cast<long long>(counts.stops),
      static_cast<long long>(counts.in_recovery), static_cast<long long>(counts.faults),
      static_cast<long long>(counts.appended), static_cast<long long>(counts.verified));
}

}  // namespace comet::store::test
