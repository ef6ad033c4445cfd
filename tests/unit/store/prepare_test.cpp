// The next file of the log is made before it is needed.

#include <boost/test/unit_test.hpp>

#include "store_support.hpp"

#include "comet/base/timer.hpp"

using namespace comet;
using namespace comet::store;
using namespace comet::store::test;

namespace {

class World : public StoreOnDisk {
 public:
  World() { open(); }
  // A quarter of a file.
  void append(int number) {
    must_append(*core, record_of("T", 0, std::to_string(number) + std::string(900, ' ')));
  }
  void check(int count) {
    std::vector<std::string> bodies = bodies_of(*core, "T", 0);
    BOOST_TEST_REQUIRE(bodies.size() == static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
      std::string number = std::to_string(i);
      BOOST_TEST_REQUIRE(bodies[static_cast<std::size_t>(i)].starts_with(number + " "));
    }
  }
  bool second_file_exists() const { return fs::exists(log_file(config.root, 4096)); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(preparing)

BOOST_FIXTURE_TEST_CASE(the_next_file_is_made_when_half_of_the_current_one_is_used, World) {
  for (int i = 0; i < 2; ++i) append(i);
  BOOST_TEST(!core->is_next_segment_due());
  BOOST_TEST(!core->prepare_segment());
  append(2);
  BOOST_TEST(core->is_next_segment_due());
  BOOST_TEST(core->prepare_segment());
  BOOST_TEST(!core->is_next_segment_due());
  BOOST_TEST(!core->prepare_segment());
  BOOST_TEST(fs::file_size(log_file(config.root, 4096)) == 4096U);
  BOOST_TEST(files.count(Call::allocate) == 1);
}

BOOST_FIXTURE_TEST_CASE(an_append_that_needs_the_file_only_takes_it, World) {
  for (int i = 0; i < 3; ++i) append(i);
  BOOST_TEST(core->prepare_segment());
  std::vector<std::string> calls;
  files.fail_when([&](Call call, const std::string& path) {
    if (call != Call::write || path.find("commitlog") == std::string::npos) {
      calls.push_back(path);
    }
    return error_code();
  });
  for (int i = 3; i < 6; ++i) append(i);
  std::erase_if(calls, [](const std::string& path) {
    return path.find("consumequeue") != std::string::npos;
  });
  BOOST_TEST(calls.empty());
  files.fail_no_more();
  check(6);
  // And so on, file after file.
  for (int i = 6; i < 60; ++i) {
    append(i);
    (void)core->prepare_segment();
  }
  check(60);
  core->close();
  open();
  check(60);
}

BOOST_FIXTURE_TEST_CASE(a_failure_to_prepare_is_none_until_the_file_is_needed, World) {
  int number = 0;
  for (Call call :
       {Call::allocate, Call::create, Call::resize, Call::sync_all, Call::sync_directory}) {
    for (int error : {ENOSPC, EIO}) {
      while (!core->is_next_segment_due()) append(number++);
      files.fail_when(fail_on(call, "commitlog", error));
      BOOST_TEST(core->prepare_segment());
      BOOST_TEST(!core->prepare_segment());  // once is enough
      files.fail_no_more();
      BOOST_TEST(core->read_only_reason().empty());
      for (int i = 0; i < 3; ++i) append(number++);
      check(number);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_full_disk_is_said_by_the_append_that_needs_the_file, World) {
  for (int i = 0; i < 3; ++i) append(i);
  files.space = 1500;
  BOOST_TEST(core->prepare_segment());
  BOOST_TEST(!second_file_exists());
  append(3);
  files.fail_when(fail_on(Call::create, "commitlog", ENOSPC));
  std::string body(900, ' ');
  RecordView record = record_of("T", 0, body);
  BOOST_TEST(append_one(*core, record).error == make_error_code(StoreErrc::disk_full));
  files.fail_no_more();
  files.space = 1'000'000;
  append(4);
  check(5);
}

BOOST_FIXTURE_TEST_CASE(an_orderly_stop_removes_what_was_not_needed, World) {
  for (int i = 0; i < 3; ++i) append(i);
  BOOST_TEST(core->prepare_segment());
  BOOST_TEST(second_file_exists());
  core->close();
  BOOST_TEST(!second_file_exists());
  open();
  check(3);
}

BOOST_FIXTURE_TEST_CASE(after_a_crash_the_prepared_file_does_no_harm, World) {
  for (int i = 0; i < 3; ++i) append(i);
  BOOST_TEST(core->prepare_segment());
  core.reset();
  open();
  BOOST_TEST(core->recovery_report().truncated == 0);
  check(3);
  for (int i = 3; i < 10; ++i) append(i);
  core.reset();
  open();
  check(10);
}

BOOST_AUTO_TEST_SUITE_END()
