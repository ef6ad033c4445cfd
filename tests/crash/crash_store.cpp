// The store against a disk in memory that fails, forgets and lies:
//
//   crash_store power [--schedules N] [--seed N]   lives that end by power cuts, kills and stops
//   crash_store rot [--schedules N] [--seed N]     the same with bits that change on the disk
//   crash_store replica [--schedules N] [--seed N] a replica's lives, fed with a master's bytes
//   crash_store truncate [--step N] [--seed N]     every N-th byte of the last 64 KB as the end
//   crash_store flip [--flips N] [--seed N]        single bits
//   crash_store fail [--rounds N] [--seed N]       every call of a life fails
//   crash_store all                                a short while of each
//
// Ends with 0, or with 1 and a line that names the seed. --log 1 shows what the store says.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "comet/base/log.hpp"
#include "world.hpp"

namespace {

using namespace comet::store::test;

// Schedules that once broke a promise.
constexpr std::array<std::uint64_t, 9> kOnceBroken{3016602,  5002747,  5024884, 1002888, 2040313,
                                                   10000319, 10016871, 86,      71782};
// The same with bits that change.
constexpr std::array<std::uint64_t, 54> kOnceBrokenByRot{
    30072813, 20067986, 20018223, 20025377, 20032913,  604823,    558,       90,        554,
    619,      776,      4909,     7866,     100073,    100445,    102875,    200029,    200421,
    201321,   300051,   303773,   309277,   503792,    21041177,  21068499,  21094486,  20519026,
    20533055, 20545258, 20588788, 20602797, 21076968,  20564406,  21061795,  22003059,  23009588,
    23059872, 23078234, 23000689, 23114822, 25022743,  27000425,  23121058,  31056567,  32040602,
    50006965, 61003164, 71000836, 95000593, 112015071, 150054968, 170005443, 182033091, 190002389};

int usage() {
  std::fputs(
      "usage: crash_store power|rot|replica|truncate|flip|fail|all [--schedules N] [--step N] "
      "[--flips N] "
      "[--rounds N] [--seed N]\n",
      stderr);
  return 2;
}

class Options {
 public:
  std::uint64_t seed = static_cast<std::uint64_t>(std::time(nullptr));
  std::int64_t schedules = 100'000;
  std::int64_t step = 1;
  std::int64_t flips = 100'000;
  std::int64_t rounds = 10;
  bool log = false;

  [[nodiscard]] bool parse(int argc, char** argv) {
    for (int i = 2; i + 1 < argc; i += 2) {
      const std::string name = argv[i];
      const std::int64_t value = std::atoll(argv[i + 1]);
      if (value < 1) return false;
      if (name == "--seed") {
        seed = static_cast<std::uint64_t>(value);
      } else if (name == "--schedules") {
        schedules = value;
      } else if (name == "--step") {
        step = value;
      } else if (name == "--flips") {
        flips = value;
      } else if (name == "--rounds") {
        rounds = value;
      } else if (name == "--log") {
        log = value > 0;
      } else {
        return false;
      }
    }
    return argc % 2 == 0;
  }
};

bool run(const std::string& mode, Options options) {
  const bool all = mode == "all";
  bool known = all;
  if (all) {
    options.schedules = 500;
    options.step = 1021;
    options.flips = 500;
    options.rounds = 1;
  }
  if (all || mode == "power") {
    run_power_cuts(options.seed, options.schedules);
    if (all) {
      for (std::uint64_t seed : kOnceBroken) run_power_cuts(seed, 1);
    }
    known = true;
  }
  if (all) options.schedules = 200;
  if (all || mode == "rot") {
    run_power_cuts(options.seed, options.schedules, Rot::some);
    if (all) {
      for (std::uint64_t seed : kOnceBrokenByRot) run_power_cuts(seed, 1, Rot::some);
    }
    known = true;
  }
  if (all || mode == "replica") {
    run_replicas(options.seed, options.schedules);
    known = true;
  }
  if (all || mode == "truncate") {
    run_truncations(options.seed, options.step);
    known = true;
  }
  if (all || mode == "flip") {
    run_bit_flips(options.seed, options.flips);
    known = true;
  }
  if (all || mode == "fail") {
    for (std::int64_t i = 0; i < options.rounds; ++i) {
      run_failing_calls(options.seed + static_cast<std::uint64_t>(i), all ? 5 : 1);
    }
    known = true;
  }
  return known;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (argc < 2 || !options.parse(argc, argv)) return usage();
  comet::log::set_level(options.log ? comet::log::Level::info : comet::log::Level::off);
  try {
    return run(argv[1], options) ? 0 : usage();
  } catch (const Broken& broken) {
    std::printf("BROKEN (seed %llu): %s\n", static_cast<unsigned long long>(options.seed),
                broken.what());
    return 1;
  }
}
