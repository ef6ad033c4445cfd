// Answers that peers do not take have a limit in all.
#include <boost/test/unit_test.hpp>

#include "comet/remoting/unsent_memory.hpp"
#include "gated_stream.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace comet::remoting::test;

namespace {

constexpr std::size_t kAnswer = 10'000;

class WorldWithUnsentMemory : public RemotingWorld {
 public:
  explicit WorldWithUnsentMemory(std::size_t most) : memory(std::make_shared<UnsentMemory>(most)) {}

  // A peer whose requests are answered with as much as they hold.
  struct Peer {
    GatedStream* stream = nullptr;
    Running* running = nullptr;
    [[nodiscard]] bool is_closed() const { return running->ended.has_value(); }
  };
  Peer peer(bool reads) {
    auto stream = std::make_unique<GatedStream>(executor(), time);
    Peer made;
    made.stream = stream.get();
    made.stream->open = reads;
    ConnectionLimits limits;
    limits.unsent = memory;
    made.running = &run_on(std::move(stream), echo(time), limits);
    settle();
    return made;
  }
  void ask(Peer& peer, int requests = 1) {
    const std::string frame =
        frame_of(request_of(RequestCode::heart_beat, 1, std::string(kAnswer, 'x')));
    for (int i = 0; i < requests; ++i) peer.stream->feed(frame);
    settle();
    peak = std::max(peak, memory->bytes());
    pass(10ms);
  }

  std::shared_ptr<UnsentMemory> memory;
  std::size_t peak = 0;
};

using Peer = WorldWithUnsentMemory::Peer;

}  // namespace

BOOST_AUTO_TEST_CASE(of_peers_that_do_not_read_those_are_closed_that_have_not_for_longest) {
  WorldWithUnsentMemory world(10 * kAnswer);
  std::vector<Peer> silent;
  for (int i = 0; i < 15; ++i) {
    silent.push_back(world.peer(false));
    world.ask(silent.back());
  }
  BOOST_TEST(world.peak <= 10 * kAnswer);
  BOOST_TEST(world.memory->given_up() == 6u);
  for (std::size_t i = 0; i < silent.size(); ++i) BOOST_TEST(silent[i].is_closed() == (i < 6));
  BOOST_TEST((silent[0].running->ended == error_code(RemotingErrc::answers_given_up)));
}

BOOST_AUTO_TEST_CASE(a_peer_that_reads_is_served_whatever_others_do_not_take) {
  WorldWithUnsentMemory world(10 * kAnswer);
  Peer honest = world.peer(true);
  Peer slow = world.peer(false);  // takes what it is sent, after a while
  std::vector<Peer> silent;
  for (int i = 0; i < 30; ++i) {
    silent.push_back(world.peer(false));
    world.ask(silent.back());
    world.ask(honest, 3);
    world.ask(slow, 2);
    slow.stream->set_open(true);
    world.settle();
    slow.stream->set_open(false);
  }
  BOOST_TEST(!honest.is_closed());
  BOOST_TEST(honest.stream->written > 90 * kAnswer);
  BOOST_TEST(!slow.is_closed());
  BOOST_TEST(slow.stream->written > 59 * kAnswer);
  BOOST_TEST(world.memory->given_up() >= 20u);
}

BOOST_AUTO_TEST_CASE(one_peer_that_takes_nothing_of_much_is_closed_for_itself) {
  WorldWithUnsentMemory world(10 * kAnswer);
  Peer greedy = world.peer(false);
  for (int i = 0; i < 9; ++i) world.ask(greedy);
  BOOST_TEST(!greedy.is_closed());
  BOOST_TEST(world.memory->bytes() > 9 * kAnswer);
  for (int i = 0; i < 2; ++i) world.ask(greedy);
  BOOST_TEST(greedy.is_closed());
  BOOST_TEST(world.memory->bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(no_more_answers_are_made_for_a_peer_that_does_not_take_those_it_has) {
  WorldWithUnsentMemory world(std::size_t{100} << 20);
  Peer peer = world.peer(false);
  world.ask(peer, 500);
  BOOST_TEST(world.memory->bytes() > 2 * kAnswer);
  BOOST_TEST(world.memory->bytes() < 70 * kAnswer);
  peer.stream->set_open(true);
  world.settle();
  BOOST_TEST(peer.stream->written > 500 * kAnswer);
  BOOST_TEST(world.memory->bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(answers_that_are_taken_or_whose_connections_end_hold_nothing) {
  WorldWithUnsentMemory world(10 * kAnswer);
  Peer taking = world.peer(false);
  Peer leaving = world.peer(false);
  world.ask(taking, 2);
  world.ask(leaving, 2);
  BOOST_TEST(world.memory->bytes() > 4 * kAnswer);
  taking.stream->set_open(true);
  world.settle();
  BOOST_TEST(world.memory->bytes() < 3 * kAnswer);
  leaving.running->connection->close();
  world.settle();
  BOOST_TEST(world.memory->bytes() == 0u);
  BOOST_TEST(world.memory->given_up() == 0u);
}
