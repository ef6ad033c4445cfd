// One bit of any file is another one when the store starts.

#include <fmt/format.h>

#include <cstdio>
#include <map>

#include "world.hpp"

namespace comet::inline v0_1::store::test {

namespace {

// A store with all kinds of files.
class Damaged {
 public:
  Damaged(std::uint64_t seed, bool crashed) : world_(seed, FlushMode::async_flush) {
    world_.config.commit_log_file_size = 4096;
    world_.open();
    auto nothing = [] {};
    for (int i = 0; i < 25; ++i) {
      world_.append_some(4, 200);
      (void)world_.core->build_index();
      world_.let_time_pass(4000);
      if (i % 10 == 5) (void)world_.core->write_checkpoint(nothing);
    }
    if (!crashed) world_.core->close();
    world_.drop();
    for (const std::string& path : world_.files->paths()) {
      if (world_.files->node(path).size > 0) paths_.push_back(path);
    }
    messages_ = static_cast<std::int64_t>(world_.ledger.entries().size());
  }

  // Returns how many messages were lost.
  std::int64_t flip(Random& random, std::map<std::string, std::int64_t>& kinds) {
    const std::string& path =
        paths_[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(paths_.size())))];
    std::unique_ptr<PowerCutFiles> files = world_.files->clone();
    Node& node = files->node(path);
    const std::int64_t at = random.below(node.size);
    char byte = node.memory.get()[at];
    byte = static_cast<char>(byte ^ (1 << random.below(8)));
    node.write({&byte, 1}, at);
    const std::string kind = kind_of(path);
    ++kinds[kind];
    try {
      StoreCore core(world_.config, world_.time, *files);
      const std::int64_t lost = messages_ - world_.ledger.count_right(core);
      check_keys(core, random);
      // Whatever is not the log can be built from it, but for what a unit far from the end says.
      require(kind == "commitlog" || lost <= 1, fmt::format("{} messages lost", lost));
      return lost;
    } catch (const std::exception& problem) {
      throw Broken(fmt::format("{} byte {}: {}", path, at, problem.what()));
    }
  }

 private:
  static std::string kind_of(const std::string& path) {
    std::string rest = path.substr(std::string(World::kRoot).size() + 1);
    return rest.substr(0, rest.find('/'));
  }

  void check_keys(const StoreCore& core, Random& random) const {
    for (int i = 0; i < 3; ++i) {
      const Entry& entry =
          world_.ledger.entries()[static_cast<std::size_t>(random.below(messages_))];
      KeyQuery query;
      query.topic = entry.topic;
      query.key = entry.key;
      for (const MessageExt& message : decode_records(core.query(query).records.to_string())) {
        require(message.body() == entry.body, "a key leads to another message");
      }
    }
  }

  World world_;
  std::vector<std::string> paths_;
  std::int64_t messages_ = 0;
};

}  // namespace

void run_bit_flips(std::uint64_t seed, std::int64_t flips) {
  Random random(seed);
  Damaged crashed(seed, true);
  Damaged stopped(seed + 1, false);
  std::map<std::string, std::int64_t> kinds;
  std::int64_t harmless = 0;
  for (std::int64_t i = 0; i < flips; ++i) {
    Damaged& damaged = i % 2 == 0 ? crashed : stopped;
    if (damaged.flip(random, kinds) == 0) ++harmless;
  }
  std::printf("bit flips: %lld, %lld of them took no message away;", static_cast<long long>(flips),
              static_cast<long long>(harmless));
  for (const auto& [kind, count] : kinds) {
    std::printf(" %s %lld", kind.c_str(), static_cast<long long>(count));
  }
  std::printf("\n");
}

}  // namespace comet::inline v0_1::store::test
