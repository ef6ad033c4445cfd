// Random timers, recalls, stops, kills and clock steps over days of virtual time, against a model.

#include <algorithm>
#include <charconv>
#include <map>
#include <random>

#include "timer_fixture.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

// What was sent, and what must come of it.
class Sent {
 public:
  std::int64_t due = 0;  // wall clock
  std::string handle;
  bool recalled = false;
};

class TimerSimulation : public TimerFixture {
 public:
  TimerSimulation() {
    config.timer_flush_interval = 10s;
    config.flush_delay_offset_interval = 1min;
    config.store.clean_interval = 1h;
    config.store.flush_interval = 1ms;
    config.client_expiry = 100h;
  }

  std::int64_t random(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(generator);
  }

  void send_some() {
    for (std::int64_t n = random(1, 8); n > 0; --n) {
      // From milliseconds to three days, and many at the same time.
      static constexpr std::int64_t kScales[] = {20, 5000, 600'000, 36'000'000, 259'200'000};
      const std::int64_t scale = kScales[random(0, 4)];
      std::int64_t due = now() + random(1, scale);
      if (random(0, 3) == 0) due = std::max(now() + 1, due / 1000 * 1000);
      const std::string body = std::to_string(sent.size());
      const RemotingCommand answer = send_at(body, due, static_cast<std::int32_t>(random(0, 2)));
      BOOST_REQUIRE((answer.response_code() == ResponseCode::success));
      Sent one;
      one.due = due;
      one.handle = text(answer, "recallHandle");
      sent.push_back(std::move(one));
    }
  }

  void recall_one() {
    if (sent.empty()) return;
    Sent& one =
        sent[static_cast<std::size_t>(random(0, static_cast<std::int64_t>(sent.size()) - 1))];
    // Not at the last moment: who comes first then is open.
    if (one.due < now() + 10'000) return;
    one.recalled = recall("T", one.handle).response_code() == ResponseCode::success;
    BOOST_TEST(one.recalled);
  }

  // How often each came; checks when it came.
  std::vector<int> counts(std::int64_t lateness) {
    std::vector<int> times(sent.size());
    for (std::int32_t queue = 0; queue < 3; ++queue) {
      for (const MessageExt& message : stored("T", queue)) {
        const auto number = static_cast<std::size_t>(std::stoul(message.body()));
        const auto at = std::stoll(std::string(message.properties().get("TIMER_DEQUEUE_MS")));
        ++times.at(number);
        BOOST_TEST(at >= sent[number].due, "message " << number << " came too early");
        if (lateness >= 0 && times[number] == 1) BOOST_TEST(at <= sent[number].due + lateness);
      }
    }
    return times;
  }

  void pass_some() {
    static constexpr std::int64_t kScales[] = {5, 1000, 60'000, 3'600'000, 36'000'000};
    world.pass(std::chrono::milliseconds(random(0, kScales[random(0, 4)])));
  }

  void check_all_came(int most, std::int64_t lateness) {
    world.pass(80h);
    const std::vector<int> times = counts(lateness);
    for (std::size_t i = 0; i < times.size(); ++i) {
      const int least = sent[i].recalled ? 0 : 1;
      BOOST_TEST(times[i] >= least, "message " << i << " is lost");
      BOOST_TEST(times[i] <= (sent[i].recalled ? 0 : most),
                 "message " << i << " came " << times[i]);
    }
    BOOST_TEST(broker->stats().timers.pending == 0u);
  }

  std::mt19937_64 generator;
  std::vector<Sent> sent;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(timer_schedules, TimerSimulation)

BOOST_AUTO_TEST_CASE(every_timer_comes_once_and_at_its_millisecond) {
  generator.seed(1);
  start();
  for (int step = 0; step < 120; ++step) {
    send_some();
    if (random(0, 2) == 0) recall_one();
    pass_some();
  }
  check_all_came(1, 0);
}

BOOST_AUTO_TEST_CASE(every_timer_comes_once_whatever_stops_there_are) {
  for (std::uint64_t seed = 10; seed < 12; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      generator.seed(seed);
      sent.clear();
      stop();
      std::filesystem::remove_all(config.store.root);
      start();
      for (int step = 0; step < 40; ++step) {
        send_some();
        if (random(0, 2) == 0) recall_one();
        pass_some();
        if (random(0, 9) != 0) continue;
        stop();
        pass_some();
        start();
      }
      check_all_came(1, -1);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_timer_is_lost_or_early_whatever_kills_and_clock_steps_there_are) {
  for (std::uint64_t seed = 20; seed < 23; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      generator.seed(seed);
      sent.clear();
      stop();
      std::filesystem::remove_all(config.store.root);
      start();
      int kills = 0;
      for (int step = 0; step < 30; ++step) {
        send_some();
        if (random(0, 2) == 0) recall_one();
        pass_some();
        if (random(0, 5) == 0) {
          world.time.step_wall_clock(std::chrono::milliseconds(random(-7'200'000, 7'200'000)));
        }
        if (random(0, 5) != 0) continue;
        kill_and_restart();
        ++kills;
      }
      check_all_came(1 + kills, -1);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
