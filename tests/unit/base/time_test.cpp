#include "comet/base/timer.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/base/async.hpp"
#include "virtual_world.hpp"

using namespace comet;
using namespace std::chrono_literals;

namespace {

asio::awaitable<void> note_after(TimeSource& time, Duration pause, std::vector<int>& log,
                                 int mark) {
  auto executor = co_await asio::this_coro::executor;
  Timer timer(executor, time);
  BOOST_TEST(co_await timer.wait_for(pause));
  log.push_back(mark);
}

asio::awaitable<bool> wait_long(Timer& timer) { co_return co_await timer.wait_for(1h); }

}  // namespace

BOOST_AUTO_TEST_CASE(virtual_timers_fire_in_time_order_and_ties_in_order_of_registration) {
  test::VirtualWorld world;
  std::vector<int> log;
  TaskGroup tasks(world.executor(), world.time);
  tasks.spawn("c", note_after(world.time, 3h, log, 3));
  tasks.spawn("a", note_after(world.time, 1h, log, 1));
  tasks.spawn("b", note_after(world.time, 2h, log, 2));
  tasks.spawn("b", note_after(world.time, 2h, log, 22));
  std::int64_t wall = world.time.wall_millis();
  world.run(tasks.join());
  BOOST_TEST((log == std::vector<int>{1, 2, 22, 3}));
  BOOST_TEST(world.time.wall_millis() - wall == 3 * 3600 * 1000);
}

BOOST_AUTO_TEST_CASE(cancelling_a_timer_ends_the_wait_with_false_and_leaves_it_usable) {
  test::VirtualWorld world;
  Timer timer(world.executor(), world.time);
  std::optional<bool> reached;
  auto on_end = [&](std::exception_ptr, bool value) { reached = value; };
  asio::co_spawn(world.context, wait_long(timer), on_end);
  world.settle();
  timer.cancel();
  world.settle();
  BOOST_TEST(!reached.value());
  Instant before = world.time.now();
  BOOST_TEST(world.run(wait_long(timer)));
  BOOST_TEST((world.time.now() - before == Duration(1h)));
}

BOOST_AUTO_TEST_CASE(a_real_timer_waits_and_can_be_cancelled) {
  asio::io_context context;
  Timer timer(context.get_executor(), real_time());
  std::optional<bool> reached;
  auto on_end = [&](std::exception_ptr, bool value) { reached = value; };
  asio::co_spawn(context, timer.wait_for(1ms), on_end);
  context.run();
  BOOST_TEST(reached.value());
  context.restart();
  asio::co_spawn(context, timer.wait_for(1h), on_end);
  context.poll();
  timer.cancel();
  context.run();
  BOOST_TEST(!reached.value());
}

BOOST_AUTO_TEST_CASE(a_deadline_ends_an_operation_and_names_it) {
  test::VirtualWorld world;
  std::vector<int> log;
  Instant deadline = world.time.now() + 1s;
  try {
    world.run(
        with_deadline(note_after(world.time, 2s, log, 1), deadline, world.time, "the long one"));
    BOOST_FAIL("must time out");
  } catch (const Error& error) {
    BOOST_TEST((error.code() == asio::error::timed_out));
    BOOST_TEST(error.context() == "the long one");
  }
  BOOST_TEST(log.empty());
  BOOST_TEST((world.time.now() == deadline));
  world.run(with_deadline(note_after(world.time, 2s, log, 1), world.time.now() + 3s, world.time,
                          "short"));
  BOOST_TEST((log == std::vector<int>{1}));
}

BOOST_AUTO_TEST_CASE(a_cancelled_task_group_ends_its_tasks_at_once) {
  test::VirtualWorld world;
  std::vector<int> log;
  TaskGroup tasks(world.executor(), world.time);
  auto action = [&log]() -> asio::awaitable<void> {
    log.push_back(1);
    co_return;
  };
  tasks.spawn("periodic", repeat_every(world.time, 0s, 30s, "periodic", action));
  world.pass(65s);
  BOOST_TEST(log.size() == 3u);
  tasks.cancel();
  world.run(tasks.join(), 0s);
  BOOST_TEST(tasks.size() == 0u);
}

BOOST_AUTO_TEST_CASE(an_event_wakes_all_that_wait_and_nobody_else) {
  test::VirtualWorld world;
  Event event(world.executor(), world.time);
  int woken = 0;
  int late = 0;
  auto waiter = [&]() -> asio::awaitable<void> {
    const bool is_woken = co_await event.wait(world.time.now() + 10s);
    (is_woken ? woken : late)++;
  };
  TaskGroup tasks(world.executor(), world.time);
  tasks.spawn("1", waiter());
  tasks.spawn("2", waiter());
  world.settle();
  event.notify_all();
  world.settle();
  tasks.spawn("3", waiter());
  world.run(tasks.join());
  BOOST_TEST(woken == 2);
  BOOST_TEST(late == 1);
}
