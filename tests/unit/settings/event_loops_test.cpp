// The event loops of a daemon.

#include "event_loops.hpp"

#include <pthread.h>

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "broker_settings.hpp"
#include "comet/base/error.hpp"
#include "common_settings.hpp"
#include "namesrv_settings.hpp"

using namespace comet;

namespace {

std::string thread_name() {
  std::array<char, 16> name{};
  ::pthread_getname_np(::pthread_self(), name.data(), name.size());
  return name.data();
}

bool takes(int signal) {
  sigset_t blocked;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  return ::sigismember(&blocked, signal) == 0;
}

// Calls `visit(index)` on each loop, one after the other, and then ends them all.
template <class Visit>
void visit_each(daemon::EventLoops& loops, Visit visit, std::size_t index = 0) {
  if (index == loops.size()) return loops.stop();
  asio::post(loops.executors()[index], [&loops, visit, index] {
    visit(index);
    visit_each(loops, visit, index + 1);
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(event_loops)

BOOST_DATA_TEST_CASE(each_loop_has_a_thread_of_its_own_and_the_first_one_is_the_callers,
                     boost::unit_test::data::make({1U, 2U, 5U}), count) {
  daemon::EventLoops loops(count);
  std::vector<std::thread::id> threads;
  std::vector<std::string> names;
  visit_each(loops, [&](std::size_t) {
    threads.push_back(std::this_thread::get_id());
    names.push_back(thread_name());
  });
  BOOST_TEST(loops.run().empty());
  BOOST_TEST((threads.front() == std::this_thread::get_id()));
  BOOST_TEST(std::set(threads.begin(), threads.end()).size() == count);
  for (std::size_t index = 1; index < count; ++index) {
    BOOST_TEST(names[index] == "loop " + std::to_string(index + 1));
  }
}

BOOST_AUTO_TEST_CASE(signals_to_the_process_are_taken_by_the_first_loops_thread_alone) {
  daemon::EventLoops loops(2);
  visit_each(loops, [](std::size_t index) {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) BOOST_TEST(takes(signal) == (index == 0));
    BOOST_TEST(takes(SIGBUS));  // what an instruction raises is not put off
  });
  BOOST_TEST(loops.run().empty());
}

BOOST_DATA_TEST_CASE(an_exception_that_leaves_a_loop_ends_them_all_and_is_told_with_the_loop,
                     boost::unit_test::data::make({0U, 2U}), failing) {
  daemon::EventLoops loops(3);
  asio::post(loops.executors()[failing], [] { throw std::runtime_error("no way on"); });
  BOOST_TEST(loops.run() == "event loop " + std::to_string(failing + 1) + " has failed: no way on");
}

BOOST_AUTO_TEST_CASE(what_waits_in_one_loop_may_hold_objects_of_another_at_the_end) {
  daemon::EventLoops loops(2);
  const auto executors = loops.executors();
  for (const std::size_t here : {0U, 1U}) {
    auto foreign = std::make_shared<asio::steady_timer>(executors[1 - here]);
    foreign->expires_after(std::chrono::hours(1));
    foreign->async_wait([own = std::make_shared<asio::steady_timer>(executors[here])](auto) {});
    asio::post(executors[here], [foreign] { BOOST_ERROR("this loop does not run"); });
  }
}

BOOST_AUTO_TEST_CASE(their_number_is_a_key_of_every_daemon) {
  for (Config settings : {daemon::make_broker_settings(), daemon::make_namesrv_settings()}) {
    BOOST_TEST(daemon::event_loops(settings) >= 1u);
    BOOST_TEST(daemon::event_loops(settings) <= daemon::kMostByDefault);
    settings.set("serverSelectorThreads", "3", "broker.conf", 7);  // Apache's default
    BOOST_TEST(daemon::event_loops(settings) == 3u);
    for (const char* wrong : {"0", "65", "-1", "many"}) {
      const auto is_clear = [wrong](const Error& error) {
        const std::string what = error.what();
        return what.find("serverSelectorThreads") != what.npos && what.find(wrong) != what.npos &&
               what.find("must be a whole number from 1 to 64") != what.npos;
      };
      BOOST_CHECK_EXCEPTION(settings.set("serverSelectorThreads", wrong, "broker.conf", 7), Error,
                            is_clear);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
