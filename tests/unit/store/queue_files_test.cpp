// What a power cut leaves of the files of the queues: the start builds from the log what is
// missing.

#include <boost/test/unit_test.hpp>

#include "comet/base/timer.hpp"
#include "consume_queue.hpp"
#include "store_support.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

class QueueFilesLeft {
 public:
  QueueFilesLeft() {
    files.skip_syncs = true;
    config.commit_log_file_size = 64 * 1024;
    open();
  }
  void open() {
    core.reset();
    core.emplace(config, time, files);
  }
  static std::string body_of(int i) { return "message " + std::to_string(i); }

  TempDirectory directory;
  StoreConfig config = small_config(directory);
  VirtualTime time;
  FaultyFiles files;
  std::optional<StoreCore> core;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(queue_files_left)

// The one that is left has units that look as if the checkpoint vouched for them.
BOOST_FIXTURE_TEST_CASE(messages_of_a_lost_first_file_are_found_beside_torn_units, QueueFilesLeft) {
  constexpr int kCount = 30;
  must_append(*core, record_of("U", 0, "in front of the checkpoint"));
  BOOST_TEST_REQUIRE(!core->write_checkpoint([] {}));
  for (int i = 0; i < kCount; ++i) must_append(*core, record_of("T", 0, body_of(i)));
  write_units(*core);
  core.reset();
  fs::remove(queue_file(config.root, "T", 0, 0));
  QueueUnit torn;
  torn.size = 1;
  std::string bytes(QueueUnit::kSize, '\0');
  torn.encode_to(bytes.data());
  for (int i = 0; i < 10; ++i) {
    write_at(queue_file(config.root, "T", 0, config.consume_queue_file_size), i * QueueUnit::kSize,
             bytes);
  }
  for (int starts = 0; starts < 3; ++starts) {
    open();
    const std::vector<std::string> bodies = bodies_of(*core, "T", 0);
    BOOST_TEST_REQUIRE(bodies.size() == std::size_t{kCount});
    for (int i = 0; i < kCount; ++i) {
      BOOST_TEST_REQUIRE(bodies[static_cast<std::size_t>(i)] == body_of(i));
    }
    core.reset();
  }
}

BOOST_AUTO_TEST_SUITE_END()
