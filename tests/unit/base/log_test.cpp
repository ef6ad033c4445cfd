#include "comet/base/log.hpp"

#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace comet;

namespace {

// Collects lines; afterwards logging is as it was for the other tests: off, to standard error.
struct Collecting {
  std::vector<std::pair<log::Level, std::string>> lines;

  explicit Collecting(log::Level level) {
    log::set_level(level);
    log::set_sink([this](log::Level of, std::string_view text) { lines.emplace_back(of, text); });
  }
  ~Collecting() {
    log::set_sink({});
    log::set_level(log::Level::off);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(logging)

BOOST_AUTO_TEST_CASE(a_sink_gets_the_lines_from_the_level_on_without_time_and_line_feed) {
  Collecting log_lines(log::Level::warn);
  log::info("not this");
  log::warn("broker {} lost", "127.0.0.1:10911");
  log::error("{} tries", 3);
  BOOST_TEST(log_lines.lines.size() == 2U);
  BOOST_TEST((log_lines.lines[0].first == log::Level::warn));
  BOOST_TEST(log_lines.lines[0].second == "broker 127.0.0.1:10911 lost");
  BOOST_TEST((log_lines.lines[1].first == log::Level::error));
  BOOST_TEST(log_lines.lines[1].second == "3 tries");
}

BOOST_AUTO_TEST_CASE(a_sink_that_throws_does_not_disturb_who_logs) {
  Collecting restored(log::Level::info);
  int calls = 0;
  log::set_sink([&](log::Level, std::string_view) {
    ++calls;
    throw std::runtime_error("disk full");
  });
  log::info("one");
  log::info("two");
  BOOST_TEST(calls == 2);
}

BOOST_AUTO_TEST_CASE(a_sink_that_is_replaced_gets_nothing_more) {
  Collecting first(log::Level::info);
  int calls = 0;
  log::set_sink([&](log::Level, std::string_view) { ++calls; });
  log::info("for the second");
  BOOST_TEST(first.lines.empty());
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(levels_have_names) {
  for (const char* name : {"trace", "debug", "info", "warn", "error", "off"}) {
    BOOST_TEST(log::to_string(log::parse_level(name)) == name);
  }
  BOOST_TEST((log::parse_level("loud") == log::Level::info));
}

BOOST_AUTO_TEST_SUITE_END()
