// A replica becomes master while the old master has more than it: a thousand times.

#include <boost/test/unit_test.hpp>
#include <random>
#include <set>

#include "world.hpp"

using namespace comet;
using namespace comet::replication;
using namespace comet::replication::test;

namespace {

// Two brokers that change places. Each life ends without a goodbye; what was answered 0 is noted.
class Promotions {
 public:
  explicit Promotions(std::uint64_t seed) : random_(seed) {}

  void run() {
    const int rounds = pick(1, 4);
    for (int round = 0; round < rounds; ++round) {
      together(pick(0, 5));
      if (pick(0, 3) == 0) apart_as_masters();
      std::swap(master_, slave_);  // the operator promotes the slave
    }
    together(0);
    BOOST_REQUIRE(master_->bytes == slave_->bytes);
    check(*master_);
  }

 private:
  int pick(int from, int to) { return std::uniform_int_distribution<int>(from, to)(random_); }
  std::string body() {
    return "m" + std::to_string(++number_) +
           std::string(static_cast<std::size_t>(pick(0, 300)), 'x');
  }

  // Both run; then the link is cut, the master stores what nobody has, and dies.
  void together(int tail) {
    World world;
    Master master(world, master_);
    Slave slave(world, 1, slave_);
    const std::int64_t had = slave.log.end();
    const std::size_t cuts = slave_->kept_aside.size();
    master.start();
    slave.start();
    world.pass(1s);
    BOOST_REQUIRE_MESSAGE(master.set->size() == 2, to_string(slave.state())
                                                       << ": " << slave.client->status().problem);
    BOOST_REQUIRE((slave.state() == PeerState::transfer));
    if (slave_->kept_aside.size() > cuts) {
      BOOST_REQUIRE(slave.client->counters().truncated_bytes == slave_->kept_aside.back().size());
      BOOST_REQUIRE(static_cast<std::int64_t>(slave_->kept_aside.back().size()) <= had);
    }
    const int confirmed = pick(0, 5);
    for (int i = 0; i < confirmed; ++i) {
      const std::string text = body();
      BOOST_REQUIRE((master.send(text) == Confirmation::put_ok));
      answered_.insert(text);
    }
    check(*slave_);
    BOOST_REQUIRE(slave_->bytes == master_->bytes);
    world.network.set_down("10.0.0.2", true);
    for (int i = 0; i < tail; ++i) master.log.store(body());
  }

  // The old master is started as a master again, and nobody follows: its epoch is the one that the
  // promoted slave takes, too.
  void apart_as_masters() {
    World world;
    Master alone(world, master_);
    alone.start();
    const int tail = pick(0, 5);
    for (int i = 0; i < tail; ++i) {
      BOOST_REQUIRE((alone.send(body()) == Confirmation::slave_not_available));
    }
  }

  void check(Disk& disk) {
    World world;
    const auto copy = std::make_shared<Disk>(disk);
    const MemoryLog log(world.executor(), world.time, copy, kFile);
    BOOST_REQUIRE(log.end() == disk.end());
    std::multiset<std::string> there;
    for (const std::string& text : log.bodies()) there.insert(text);
    for (const std::string& text : answered_) BOOST_REQUIRE(there.count(text) == 1);
  }

  std::mt19937_64 random_;
  std::shared_ptr<Disk> master_ = std::make_shared<Disk>();
  std::shared_ptr<Disk> slave_ = std::make_shared<Disk>();
  std::set<std::string> answered_;
  int number_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(promotion)

BOOST_AUTO_TEST_CASE(a_thousand_promotions_with_diverged_tails_lose_nothing_and_end_equal) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) { Promotions(seed).run(); }
  }
}

BOOST_AUTO_TEST_SUITE_END()
