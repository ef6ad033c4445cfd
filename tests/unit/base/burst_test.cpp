#include "comet/base/burst.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "comet/base/nudge.hpp"
#include "comet/base/strand.hpp"

namespace comet::inline v0_1::test {
namespace {

class BurstWorld {
 public:
  class Work final : public Burst::Work {
   public:
    Work(BurstWorld& world, std::string name, std::function<void()> act)
        : world_(world), name_(std::move(name)), act_(std::move(act)) {}

   private:
    void run_in_turn(const asio::any_io_executor& /*executor*/) override {
      world_.seen += name_;
      if (act_) act_();
    }
    void post_turn(const asio::any_io_executor& /*executor*/) override {
      world_.seen += "(" + name_ + " posted)";
    }

    BurstWorld& world_;
    std::string name_;
    std::function<void()> act_;
  };

  bool put_off(std::string name, std::function<void()> act = {}) {
    return Burst::put_off(executor, std::make_shared<Work>(*this, std::move(name), std::move(act)));
  }

  std::string seen;
  asio::io_context context{1};
  const asio::any_io_executor executor = context.get_executor();
};

BOOST_FIXTURE_TEST_SUITE(the_end_of_a_burst, BurstWorld)

BOOST_AUTO_TEST_CASE(work_has_its_turn_at_the_end_in_order) {
  {
    const Burst burst(executor);
    BOOST_TEST(put_off("a"));
    BOOST_TEST(put_off("b"));
    BOOST_TEST(seen.empty());
  }
  BOOST_TEST(seen == "ab");
}

BOOST_AUTO_TEST_CASE(a_strands_turn_is_one) {
  const asio::any_io_executor strand = Strand(executor);
  const auto as_it_is_kept = strand;
  std::string* const all = &seen;
  asio::post(strand, [&] {
    BOOST_TEST(Burst::put_off(as_it_is_kept, std::make_shared<Work>(*this, "a", [] {})));
    BOOST_TEST(!put_off("of the inner executor"));
  });
  asio::post(strand, [all] { *all += "behind,"; });
  context.run();
  BOOST_TEST(seen == "behind,a");
}

BOOST_AUTO_TEST_CASE(without_a_burst_or_for_another_executor_nothing_is_put_off) {
  BOOST_TEST(!put_off("a"));
  asio::io_context other;
  const asio::any_io_executor others = other.get_executor();
  {
    const Burst burst(others);
    BOOST_TEST(!put_off("b"));
  }
  BOOST_TEST(!put_off("c"));
  BOOST_TEST(seen.empty());
}

BOOST_AUTO_TEST_CASE(a_burst_within_a_burst_is_a_part_of_it) {
  {
    const Burst outer(executor);
    {
      const Burst inner(executor);
      BOOST_TEST(put_off("a"));
    }
    BOOST_TEST(seen.empty());
  }
  BOOST_TEST(seen == "a");
}

BOOST_AUTO_TEST_CASE(what_a_turn_puts_off_comes_after_the_others) {
  {
    const Burst burst(executor);
    BOOST_TEST(put_off("a", [this] { BOOST_TEST(put_off("c")); }));
    BOOST_TEST(put_off("b"));
  }
  BOOST_TEST(seen == "abc");
}

BOOST_AUTO_TEST_CASE(work_that_puts_itself_off_for_ever_is_posted_at_last) {
  std::function<void()> again = [&] { BOOST_TEST(put_off("x", again)); };
  {
    const Burst burst(executor);
    BOOST_TEST(put_off("x", again));
  }
  BOOST_TEST(seen == "xxxx(x posted)");
  BOOST_TEST(!put_off("y"));
}

BOOST_AUTO_TEST_CASE(
    an_exception_goes_to_whoever_runs_the_executor_and_the_others_have_their_turn) {
  {
    const Burst burst(executor);
    BOOST_TEST(put_off("a", [] { throw std::runtime_error("a's"); }));
    BOOST_TEST(put_off("b"));
  }
  BOOST_TEST(seen == "ab");
  BOOST_CHECK_EXCEPTION(context.run(), std::runtime_error, [](const std::runtime_error& problem) {
    return std::string(problem.what()) == "a's";
  });
}

BOOST_AUTO_TEST_CASE(it_tells_what_waits_for_its_end) {
  const auto work = std::make_shared<Work>(*this, "a", std::function<void()>());
  BOOST_TEST(!Burst::has(*work));
  {
    const Burst burst(executor);
    BOOST_TEST(Burst::put_off(executor, work));
    BOOST_TEST(Burst::has(*work));
  }
  BOOST_TEST(!Burst::has(*work));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(nudges)

BOOST_AUTO_TEST_CASE(all_who_nudge_before_the_call_get_one_call) {
  asio::io_context context{1};
  int calls = 0;
  Nudge nudge(context.get_executor(), [&calls] { ++calls; });
  nudge();
  nudge();
  BOOST_TEST(calls == 0);
  context.run();
  BOOST_TEST(calls == 1);
  context.restart();
  nudge();
  context.run();
  BOOST_TEST(calls == 2);
}

BOOST_AUTO_TEST_CASE(a_nudge_that_is_gone_calls_no_more) {
  asio::io_context context{1};
  int calls = 0;
  {
    Nudge nudge(context.get_executor(), [&calls] { ++calls; });
    nudge();
  }
  context.run();
  BOOST_TEST(calls == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
