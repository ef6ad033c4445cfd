// The end of the log is missing, zeroed or overwritten, from every byte on.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "comet/message/record.hpp"
#include "world.hpp"

namespace comet::inline v0_1::store::test {

namespace {

constexpr std::int64_t kSegment = 128 * 1024;
constexpr std::int64_t kTail = 64 * 1024;

enum class Tail { missing, zeros, garbage };

class Truncation {
 public:
  explicit Truncation(std::uint64_t seed) : world_(seed, FlushMode::async_flush) {
    world_.config.commit_log_file_size = kSegment;
    world_.config.max_message_size = 4000;
    world_.open();
    while (world_.end_of_log() < kSegment + kSegment / 2) world_.append_some(5, 1500);
    // As it is some seconds after a checkpoint: all of the tail lies behind it.
    world_.drop();
  }

  [[nodiscard]] std::int64_t end() const noexcept { return world_.end_of_log(); }

  void cut(std::int64_t at, Tail tail) {
    std::unique_ptr<PowerCutFiles> files = world_.files->clone();
    Node& log = files->node(std::string(World::kRoot) + "/commitlog/" + offset_file_name(kSegment));
    damage(log, at - kSegment, tail);
    check(*files, at, tail);
  }

 private:
  void damage(Node& log, std::int64_t from, Tail tail) {
    log.resize(from);
    if (tail == Tail::missing) return;
    log.resize(kSegment);
    if (tail == Tail::zeros) return;
    std::string garbage(static_cast<std::size_t>(kSegment - from), '\0');
    for (char& byte : garbage) byte = static_cast<char>(world_.random.below(256));
    log.write(garbage, from);
  }

  // Records whose bytes are all there: those that end before the cut. The last two bytes of a
  // record, the end of its properties, may be zeros themselves; here they never are.
  void check(PowerCutFiles& files, std::int64_t at, Tail tail) {
    const std::vector<Entry>& entries = world_.ledger.entries();
    auto whole = std::ranges::count_if(entries, [&](const Entry& e) { return e.log_end <= at; });
    std::int64_t end = whole == 0 ? 0 : entries[static_cast<std::size_t>(whole) - 1].log_end;
    {
      StoreCore core(world_.config, world_.time, files);
      // Garbage in the part that no checksum covers goes unseen when its lengths add up.
      const bool unseen = tail == Tail::garbage && is_in_properties(at) && core.readable_end() > at;
      if (unseen) end = entries[static_cast<std::size_t>(whole++)].log_end;
      require(core.readable_end() == std::max(end, kSegment),
              fmt::format("ends at {}, should at {}", core.readable_end(), end));
      require(world_.ledger.count_right(core) == whole, "messages are missing");
      RecordView record;
      record.topic = "T";
      record.body = "the next";
      Append append;
      Append* pointer = &append;
      SpanSource source({&record, 1});
      require(!core.encode(source, append), "encode");
      core.append({&pointer, 1});
      require(!append.result.error && append.result.physical_offset >= end, "cannot go on");
    }
    StoreCore core(world_.config, world_.time, files);
    require(core.recovery_report().truncated == 0, "the second start cut something off");
  }

  // Of a record that the cut goes through.
  [[nodiscard]] bool is_in_properties(std::int64_t at) const {
    return std::ranges::any_of(world_.ledger.entries(), [&](const Entry& e) {
      const auto size = static_cast<std::int64_t>(e.key.size() + kMoreProperties.size() + 5);
      return at < e.log_end && at >= e.log_end - size;
    });
  }

  World world_;
};

}  // namespace

void run_truncations(std::uint64_t seed, std::int64_t step) {
  Truncation truncation(seed);
  const std::int64_t end = truncation.end();
  std::int64_t count = 0;
  for (std::int64_t at = end; at > end - kTail; at -= step) {
    for (Tail tail : {Tail::missing, Tail::zeros, Tail::garbage}) {
      try {
        truncation.cut(at, tail);
      } catch (const std::exception& problem) {
        throw Broken(
            fmt::format("cut at {} (tail {}): {}", at, static_cast<int>(tail), problem.what()));
      }
      ++count;
    }
  }
  std::printf("truncations: %lld, every %lld bytes of the last %lld\n",
              static_cast<long long>(count), static_cast<long long>(step),
              static_cast<long long>(kTail));
}

}  // namespace comet::inline v0_1::store::test
