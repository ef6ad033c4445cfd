// comet-store-inspect: what is in a store directory, and whether it is in order.

#include <boost/program_options.hpp>
#include <iostream>

#include "comet/base/error.hpp"
#include "comet/store/inspect.hpp"

namespace options = boost::program_options;
using namespace comet::store;

namespace {

constexpr int kFine = 0;
constexpr int kProblems = 1;
constexpr int kCannot = 2;

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
    "\n"
    "Ends with 0 when all is well, 1 when verify found problems, 2 when it cannot be done.\n";

int verify(const InspectOptions& chosen) {
  VerifyReport report = verify_store(chosen, std::cout);
  std::cout << report.records << " records, " << report.units << " queue entries, "
            << report.index_entries << " index entries, " << report.problems << " problems"
            << (report.unclean ? " (not stopped in order)" : "") << '\n';
  return report.problems == 0 ? kFine : kProblems;
}

int run(const std::vector<std::string>& words, InspectOptions chosen) {
  const std::string& command = words[0];
  chosen.root = words[1];
  if (command == "queue" && words.size() == 4) {
    print_queue(chosen, words[2], std::stoi(words[3]), std::cout);
    return kFine;
  }
  if (words.size() == 2) {
    if (command == "verify") return verify(chosen);
    if (command == "segments") return print_segments(chosen, std::cout), kFine;
    if (command == "records") return print_records(chosen, std::cout), kFine;
    if (command == "queues") return print_queues(chosen, std::cout), kFine;
    if (command == "index") return print_index(chosen, std::cout), kFine;
    if (command == "checkpoint") return print_checkpoint(chosen, std::cout), kFine;
  }
  std::cerr << kUsage;
  return kCannot;
}

}  // namespace

int main(int argc, char** argv) {
  InspectOptions chosen;
  std::vector<std::string> words;
  options::options_description known("Options");
  known.add_options()("help,h", "this text")("from", options::value(&chosen.from),
                                             "first log offset, or queue offset")(
      "count", options::value(&chosen.count)->default_value(chosen.count), "lines at most")(
      "maxHashSlotNum", options::value(&chosen.index_slots)->default_value(chosen.index_slots),
      "slots of an index file")(
      "maxIndexNum", options::value(&chosen.index_entries)->default_value(chosen.index_entries),
      "entries of an index file");
  options::options_description all;
  all.add(known).add_options()("words", options::value(&words));
  options::positional_options_description positions;
  positions.add("words", -1);
  try {
    options::variables_map values;
    options::store(
        options::command_line_parser(argc, argv).options(all).positional(positions).run(), values);
    options::notify(values);
    if (values.contains("help")) {
      std::cout << kUsage << '\n' << known;
      return kFine;
    }
    if (words.size() < 2) {
      std::cerr << kUsage;
      return kCannot;
    }
    return run(words, chosen);
  } catch (const std::exception& problem) {
    std::cerr << "comet-store-inspect: " << problem.what() << '\n';
    return kCannot;
  }
}
