// Frames that have not come whole have a limit in all.
#include <boost/test/unit_test.hpp>
#include <list>

#include "comet/base/bytes.hpp"
#include "comet/remoting/frame_memory.hpp"
#include "comet/remoting/server.hpp"
#include "remoting_world.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace comet::remoting::test;

namespace {

const Address kAddress("broker", 10911);
constexpr std::size_t kFrame = 1u << 20;

// The first bytes of a frame of kFrame bytes.
std::string begin_of_frame(std::size_t size) {
  std::string bytes;
  append_be<std::uint32_t>(bytes, static_cast<std::uint32_t>(kFrame - 4));
  append_be<std::uint32_t>(bytes, 2);  // the header's size
  bytes += "{}";
  bytes.resize(size, 'x');
  return bytes;
}

class ServerWithFrameMemory : public RemotingWorld {
 public:
  explicit ServerWithFrameMemory(std::size_t most) : memory(std::make_shared<FrameMemory>(most)) {
    ServerConfig config;
    config.listen_at = kAddress;
    config.connection.frames = memory;
    config.connection.max_frame = kFrame;
    config.connection.max_header = 1000;
    config.max_connections = 20;
    config.counted_together = counted;
    const std::vector<asio::any_io_executor> executors{executor()};
    server = std::make_unique<Server>(executors, network, time, config, echo(time));
    config.listen_at = Address("broker", 10909);
    second = std::make_unique<Server>(executors, network, time, config, echo(time));
    server->start();
    second->start();
    settle();
  }
  ~ServerWithFrameMemory() {
    run(server->stop(time.now()));
    run(second->stop(time.now()));
    settle();
  }
  RawPeer& dial(const Address& to = kAddress) {
    peers.emplace_back(run(network.connect(to, time.now() + 3s)));
    settle();
    return peers.back();
  }
  // Sends in pieces, as a network does, and keeps the greatest use of memory.
  void send_slowly(RawPeer& peer, const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += 16'384) {
      run(peer.send(bytes.substr(at, 16'384)));
      settle();
      pass(10ms);
      peak = std::max(peak, memory->bytes());
    }
  }
  bool is_served(RawPeer& peer, std::int32_t opaque, std::size_t size = 10) {
    send_slowly(peer,
                frame_of(request_of(RequestCode::heart_beat, opaque, std::string(size, 'b'))));
    const Result<RemotingCommand> answer = run(peer.receive());
    return answer && answer->opaque == opaque;
  }

  std::shared_ptr<FrameMemory> memory;
  std::shared_ptr<std::atomic<std::size_t>> counted = std::make_shared<std::atomic<std::size_t>>(0);
  std::unique_ptr<Server> server, second;
  std::list<RawPeer> peers;
  std::size_t peak = 0;
};

}  // namespace

BOOST_AUTO_TEST_CASE(unfinished_frames_of_all_connections_have_a_limit_and_the_oldest_gives_way) {
  ServerWithFrameMemory world(4 * kFrame);
  for (int i = 0; i < 15; ++i) world.send_slowly(world.dial(), begin_of_frame(kFrame - 1000));
  BOOST_TEST(world.peak <= 4 * kFrame);
  BOOST_TEST(world.memory->bytes() > kFrame);
  BOOST_TEST(world.memory->given_up() >= 10u);
  BOOST_TEST(world.server->connections() == 15u - world.memory->given_up());
  // Who finishes frames is served, small ones and large ones.
  RawPeer& honest = world.dial();
  BOOST_TEST(world.is_served(honest, 1));
  BOOST_TEST(world.is_served(honest, 2, kFrame / 2));
  BOOST_TEST(world.is_served(honest, 3));
  BOOST_TEST(world.peak <= 4 * kFrame);
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_alone_may_send_the_largest_frame) {
  ServerWithFrameMemory world(1000);
  BOOST_TEST(world.is_served(world.dial(), 1, kFrame - 1000));
  BOOST_TEST(world.memory->bytes() == 0u);
  BOOST_TEST(world.memory->given_up() == 0u);
}

BOOST_AUTO_TEST_CASE(
    the_memory_of_unfinished_frames_is_free_when_they_are_whole_or_their_connections_end) {
  ServerWithFrameMemory world(16 * kFrame);
  RawPeer& peer = world.dial();
  world.send_slowly(peer, begin_of_frame(kFrame / 2));
  BOOST_TEST(world.memory->bytes() >= kFrame / 2);
  RawPeer& other = world.dial();
  const std::string whole =
      frame_of(request_of(RequestCode::heart_beat, 7, std::string(9000, 'b')));
  world.send_slowly(other, whole.substr(0, 5000));
  const std::size_t both = world.memory->bytes();
  world.send_slowly(other, whole.substr(5000));
  BOOST_TEST(world.memory->bytes() < both);
  peer.close();
  world.settle();
  BOOST_TEST(world.memory->bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(of_many_unfinished_frames_less_is_read_at_a_time) {
  const auto memory = std::make_shared<FrameMemory>(std::size_t{1} << 30);
  constexpr std::size_t kMost = 256u << 10;
  std::list<FrameMemory::Part> parts;
  const auto begin = [&] {
    parts.emplace_back(memory).on_give_up([](std::size_t) {});
    BOOST_TEST((parts.back().resize(100) == FrameMemory::Part::Outcome::granted));
    return parts.back().fair_read(kMost);
  };
  BOOST_TEST(begin() == kMost);
  while (memory->holders() < 40) begin();
  BOOST_TEST(parts.front().fair_read(kMost) == (2u << 20) / 40);
  while (memory->holders() < 2'000) begin();
  BOOST_TEST(parts.front().fair_read(kMost) == 16u << 10);
  parts.clear();
  BOOST_TEST(memory->holders() == 0u);
  BOOST_TEST(begin() == kMost);
}

BOOST_AUTO_TEST_CASE(a_request_whose_header_is_too_large_closes_its_connection) {
  ServerWithFrameMemory world(16 * kFrame);
  RawPeer& peer = world.dial();
  RemotingCommand request = request_of(RequestCode::heart_beat, 1);
  request.fields.add("k", std::string(2000, 'v'));
  world.run(peer.send(frame_of(request)));
  BOOST_TEST(!world.run(peer.receive()));
  BOOST_TEST(world.is_served(world.dial(), 2));
}

BOOST_AUTO_TEST_CASE(servers_that_count_connections_together_have_the_limit_together) {
  ServerWithFrameMemory world(kFrame);
  for (int i = 0; i < 15; ++i) world.dial();
  for (int i = 0; i < 10; ++i) world.dial(Address("broker", 10909));
  world.settle();
  BOOST_TEST(world.server->connections() == 15u);
  BOOST_TEST(world.second->connections() == 5u);
  world.peers.front().close();
  world.settle();
  BOOST_TEST(*world.counted == 19u);
}
