// Lives of a store that end at any moment, from a seed.

#include <fmt/format.h>
#include <stdlib.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include "comet/base/log.hpp"
#include "comet/store/inspect.hpp"
#include "world.hpp"

namespace comet::inline v0_1::store::test {

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
  std::int64_t flips = 0;
  std::int64_t unknown_offsets = 0;
};

class Schedule {
 public:
  Schedule(std::uint64_t seed, FlushMode flush, Rot rot, Counts& counts)
      : counts_(counts), flush_(flush), rot_(rot), world_(seed, flush) {
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
    if (verify && rot_ == Rot::none) verify_formats();
    counts_.unknown_offsets += world_.ledger.unknown_offsets();
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
    if (rot_ == Rot::some && random().chance(50)) start_once_more();
    loss_ = Ledger::Loss::nothing;
  }

  // The same directory gives the same result at each start.
  void start_once_more() {
    const std::string before = world_.ledger.picture(*world_.core);
    if (random().chance(50)) world_.core->close();
    world_.drop();
    world_.files->restart(Ending::process_killed);
    world_.open();
    const std::string after = world_.ledger.picture(*world_.core);
    require(before == after, "another start gives another result:\n" + before + "then\n" + after);
  }

  // One bit of what was on the disk, anywhere in the log.
  void let_rot(std::int64_t synced_end) {
    std::vector<std::string> paths;
    const std::string log = std::string(World::kRoot) + "/commitlog/";
    for (const std::string& path : world_.files->paths()) {
      const std::int64_t start = parse_offset_file_name(path.substr(path.rfind('/') + 1));
      if (path.starts_with(log) && start >= 0 && start < synced_end) paths.push_back(path);
    }
    if (paths.empty()) return;
    // Mostly in what is behind the checkpoint.
    const std::string& path =
        random().chance(60) ? paths.back()
                            : paths[static_cast<std::size_t>(random().below(std::ssize(paths)))];
    const std::int64_t start = parse_offset_file_name(path.substr(path.rfind('/') + 1));
    Node& node = world_.files->node(path);
    const std::int64_t size = std::min(synced_end - start, node.size);
    if (size <= 0) return;
    const std::int64_t at = random().chance(50)
                                ? size - 1 - random().below(std::min<std::int64_t>(size, 600))
                                : random().below(size);
    char byte = node.memory.get()[at];
    byte = static_cast<char>(byte ^ (1 << random().below(8)));
    node.write({&byte, 1}, at);
    if (std::ssize(node.disk) > at) node.disk[static_cast<std::size_t>(at)] = byte;
    world_.ledger.damage(start + at);
    log::info("a bit of byte {} of the log changes", start + at);
    ++counts_.flips;
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
    const bool sound = !world_.files->has_failed();
    std::int64_t synced_end = world_.core && sound ? world_.core->synced_end() : 0;
    world_.drop();
    // A process that is killed between a failed sync and its note of it is as good as a power cut:
    // nothing tells the next one that the page cache knows more than the disk.
    const bool unnoted = world_.files->is_stopped() && world_.files->has_failed();
    const bool cut = unnoted || random().chance(70);
    ++(cut ? counts_.cuts : counts_.kills);
    world_.files->restart(cut ? Ending::power_cut : Ending::process_killed);
    log::info("{}", cut ? "the power is cut" : "the process is killed");
    if (cut) loss_ = Ledger::Loss::unsynced;
    // A process that was killed between a sync and its note of it has acknowledged nothing.
    const std::string note = std::string(World::kRoot) + "/synced";
    if (!cut) synced_end = std::min(synced_end, SyncedNote(*world_.files, note).read());
    if (rot_ == Rot::some && random().chance(60)) let_rot(synced_end);
    if (rot_ == Rot::some) world_.note_units();
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
    const VerifyReport report = verify_store(options, lines);
    // Of what was not synced a power cut may leave a part in front of another.
    const std::int64_t problems = report.damaged > 0 ? 0 : report.problems;
    std::filesystem::remove_all(pattern);
    require(problems == 0, "the formats are broken: " + lines.str());
    ++counts_.verified;
  }

  Counts& counts_;
  FlushMode flush_;
  Rot rot_;
  World world_;
  Ledger::Loss loss_ = Ledger::Loss::nothing;
};

}  // namespace

void run_power_cuts(std::uint64_t seed, std::int64_t schedules, Rot rot) {
  constexpr std::int64_t kVerifyEach = 200;
  Counts counts;
  for (std::int64_t i = 0; i < schedules; ++i) {
    const std::uint64_t own_seed = seed + static_cast<std::uint64_t>(i);
    const FlushMode flush = own_seed % 3 == 0 ? FlushMode::async_flush : FlushMode::sync_flush;
    try {
      Schedule(own_seed, flush, rot, counts).run(i % kVerifyEach == 0);
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
  if (rot == Rot::none) return;
  std::printf(
      "  with %lld flipped bits; %lld queue offsets were given twice, since nothing told of "
      "them any more\n",
      static_cast<long long>(counts.flips), static_cast<long long>(counts.unknown_offsets));
}

}  // namespace comet::inline v0_1::store::test
