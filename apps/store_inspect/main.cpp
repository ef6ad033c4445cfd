// comet-store-inspect: what is in a store directory, and whether it is in order.

#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "comet/store/inspect.hpp"
#include "comet/store/repair.hpp"
#include "command_line.hpp"

using namespace comet::store;
namespace program = comet::program;

namespace {

constexpr const char* kUsage =
    "usage: comet-store-inspect COMMAND STORE [options]\n"
    "\n"
    "STORE is the directory that storePathRootDir names; no broker should have it open.\n"
    "\n"
    "  segments STORE            files of the commit log\n"
    "  records STORE             records of the commit log, from --from on\n"
    "  queues STORE              consume queues with their offsets\n"
    "  queue STORE TOPIC ID      entries of a consume queue, from --from on\n"
    "  index STORE               index files\n"
    "  checkpoint STORE          the checkpoint\n"
    "  verify STORE              checks everything; prints what is wrong\n"
    "  repair STORE              prints what the start of a broker would do; with --apply, does "
    "it\n"
    "\n"
    "Ends with 0 when all is well, 1 when verify found problems, repair something to do (without\n"
    "--apply) or too much lost, or the store cannot be read, 2 for wrong usage.\n";

int verify(const InspectOptions& chosen) {
  VerifyReport report = verify_store(chosen, std::cout);
  std::cout << report.records << " records, " << report.units << " queue entries, "
            << report.index_entries << " index entries, " << report.problems << " problems"
            << (report.unclean ? " (not stopped in order)" : "") << '\n';
  return report.problems == 0 ? program::kOk : program::kFailed;
}

int repair(const RepairOptions& chosen) {
  const RepairReport report = repair_store(chosen, std::cout);
  if (report.is_refused) {
    std::cout << "nothing was done; --maxRecordsLostAtStart allows more to be lost\n";
    return program::kFailed;
  }
  if (!report.is_needed) {
    std::cout << "nothing to do\n";
  } else {
    std::cout << report.lost_records << " records lost; "
              << (chosen.apply ? "done\n" : "nothing was done; --apply does it\n");
  }
  return report.is_needed && !chosen.apply ? program::kFailed : program::kOk;
}

RepairOptions repair_options(const program::CommandLine& given, const InspectOptions& chosen) {
  constexpr std::int64_t kLargestFile = std::numeric_limits<std::int32_t>::max();
  RepairOptions options;
  options.root = given.words()[1];
  options.index_slots = chosen.index_slots;
  options.index_entries = chosen.index_entries;
  options.apply = given.has("apply");
  options.max_records_lost =
      given.number("maxRecordsLostAtStart", -1, std::numeric_limits<std::int64_t>::max());
  auto size = [&](const char* name) {
    return given.has(name) ? given.number(name, 1, kLargestFile) : 0;
  };
  auto text = [&](const char* name) { return given.has(name) ? given.text(name) : std::string(); };
  options.commit_log_file_size = size("mappedFileSizeCommitLog");
  options.consume_queue_file_size = (size("mappedFileSizeConsumeQueue") + 19) / 20 * 20;
  options.commit_log_path = text("storePathCommitLog");
  options.consume_queue_path = text("storePathConsumeQueue");
  options.index_path = text("storePathIndex");
  options.delay_levels = text("messageDelayLevel");
  return options;
}

int run(const std::vector<std::string>& words, InspectOptions chosen) {
  const std::string& command = words[0];
  chosen.root = words[1];
  if (command == "queue" && words.size() == 4) {
    const auto queue = static_cast<std::int32_t>(
        program::parse_number("ID", words[3], 0, std::numeric_limits<std::int32_t>::max()));
    print_queue(chosen, words[2], queue, std::cout);
    return program::kOk;
  }
  if (words.size() == 2) {
    if (command == "verify") return verify(chosen);
    if (command == "segments") return print_segments(chosen, std::cout), program::kOk;
    if (command == "records") return print_records(chosen, std::cout), program::kOk;
    if (command == "queues") return print_queues(chosen, std::cout), program::kOk;
    if (command == "index") return print_index(chosen, std::cout), program::kOk;
    if (command == "checkpoint") return print_checkpoint(chosen, std::cout), program::kOk;
  }
  throw program::UsageError("'" + command + "' is no command, or takes other words");
}

// The defaults are those of the options' members.
program::Options describe_options() {
  const InspectOptions otherwise;
  program::Options known("Options");
  auto option = known.add_options();
  option("help,h", "this text");
  option("version", "print the version and end");
  option("apply", "repair: does it");
  option("maxRecordsLostAtStart",
         program::number_option(static_cast<std::int64_t>(RepairOptions().max_records_lost)),
         "repair: the same as the broker's; -1 for any number");
  for (const char* key : {"mappedFileSizeCommitLog", "mappedFileSizeConsumeQueue"}) {
    option(key, boost::program_options::value<std::string>(),
           "repair: as the broker's, when not that of the files");
  }
  for (const char* key :
       {"storePathCommitLog", "storePathConsumeQueue", "storePathIndex", "messageDelayLevel"}) {
    option(key, boost::program_options::value<std::string>(),
           "repair: as the broker's, when not the default");
  }
  option("from", boost::program_options::value<std::string>(), "first log offset, or queue offset");
  option("count", program::number_option(static_cast<std::int64_t>(otherwise.count)),
         "lines at most");
  option("maxHashSlotNum", program::number_option(otherwise.index_slots), "slots of an index file");
  option("maxIndexNum", program::number_option(otherwise.index_entries),
         "entries of an index file");
  return known;
}

int act(const program::CommandLine& given, const program::Options& options) {
  if (given.has("help")) {
    std::cout << kUsage << '\n' << options;
    return program::kOk;
  }
  if (given.has("version")) {
    std::cout << "comet-store-inspect " COMET_VERSION "\n";
    return program::kOk;
  }
  if (given.words().size() < 2) throw program::UsageError("a command and a store are missing");
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  InspectOptions chosen;
  if (given.has("from")) chosen.from = given.number("from", 0, kMost);
  chosen.count = static_cast<decltype(chosen.count)>(given.number("count", 0, kMost));
  chosen.index_slots = static_cast<std::int32_t>(given.number("maxHashSlotNum", 1, 100'000'000));
  chosen.index_entries = static_cast<std::int32_t>(given.number("maxIndexNum", 2, 100'000'000));
  if (given.words()[0] == "repair" && given.words().size() == 2) {
    return repair(repair_options(given, chosen));
  }
  return run(given.words(), chosen);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::size_t kMostWords = 4;
  return program::run("comet-store-inspect", [&] {
    const program::Options options = describe_options();
    return act(program::CommandLine(argc, argv, options, kMostWords), options);
  });
}
