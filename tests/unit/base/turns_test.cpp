#include "comet/base/turns.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace comet::inline v0_1::test {
namespace {

class TurnsWorld {
 public:
  class Item final : public Turns::Item {
   public:
    Item(TurnsWorld& world, std::string name, std::function<void()> act = {})
        : world_(world), name_(std::move(name)), act_(std::move(act)) {}

   private:
    void take_turn() override {
      world_.seen += name_;
      if (act_) act_();
    }
    void drop() noexcept override { world_.seen += "-" + name_; }

    TurnsWorld& world_;
    std::string name_;
    std::function<void()> act_;
  };

  std::string seen;
  std::optional<asio::io_context> context{std::in_place, 1};
  Turns turns{context->get_executor()};
};

BOOST_FIXTURE_TEST_SUITE(one_after_the_other, TurnsWorld)

BOOST_AUTO_TEST_CASE(items_take_their_turns_in_order_by_one_function_and_never_at_once) {
  Item a(*this, "a"), b(*this, "b");
  turns.add(a);
  turns.add(b);
  BOOST_TEST(seen.empty());
  BOOST_TEST(context->run() == 1u);
  BOOST_TEST(seen == "ab");
}

BOOST_AUTO_TEST_CASE(what_is_added_during_a_turn_gets_the_next_one) {
  Item b(*this, "b");
  Item a(*this, "a", [&] { turns.add(b); });
  Item c(*this, "c");
  turns.add(a);
  turns.add(c);
  BOOST_TEST(context->run() == 2u);
  BOOST_TEST(seen == "acb");
}

BOOST_AUTO_TEST_CASE(an_item_may_be_added_again_in_its_turn) {
  int left = 3;
  Item a(*this, "a");
  Item b(*this, "b", [&] {
    if (--left > 0) turns.add(b);
  });
  turns.add(b);
  turns.add(a);
  BOOST_TEST(context->run() == 3u);
  BOOST_TEST(seen == "babb");
}

BOOST_AUTO_TEST_CASE(an_item_that_is_destroyed_before_has_no_turn) {
  auto b = std::make_unique<Item>(*this, "b");
  auto c = std::make_unique<Item>(*this, "c");
  Item a(*this, "a", [&] { c.reset(); });
  turns.add(a);
  turns.add(*b);
  turns.add(*c);
  b.reset();
  context->run();
  BOOST_TEST(seen == "a");
}

BOOST_AUTO_TEST_CASE(an_exception_passes_on_and_the_others_get_another_turn) {
  Item late(*this, "d");
  Item a(*this, "a");
  Item b(*this, "b", [&] {
    turns.add(late);
    throw std::runtime_error("b");
  });
  Item c(*this, "c");
  turns.add(a);
  turns.add(b);
  turns.add(c);
  BOOST_CHECK_THROW(context->run(), std::runtime_error);
  BOOST_TEST(seen == "ab");
  context->run();
  BOOST_TEST(seen == "abcd");
}

BOOST_AUTO_TEST_CASE(items_are_dropped_when_the_context_goes_away) {
  Item a(*this, "a"), b(*this, "b");
  turns.add(a);
  turns.add(b);
  context.reset();
  BOOST_TEST(seen == "-a-b");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
