// What a TCP stream notices after a read that has taken everything, without looking once more.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>
#include <optional>
#include <string>

#include "comet/base/async.hpp"
#include "comet/base/tcp_network.hpp"

namespace comet::inline v0_1::test {
namespace {

using namespace std::chrono_literals;

// A stream of ours, and a plain socket at its other end that does as the test says.
class TcpPair {
 public:
  TcpPair() {
    auto listener = network.listen(context.get_executor(), Address("127.0.0.1", 0));
    peer = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(listener->local().port());
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_TEST_REQUIRE(::connect(peer, reinterpret_cast<sockaddr*>(&at), sizeof(at)) == 0);
    auto accept = [&]() -> asio::awaitable<void> {
      stream = co_await listener->accept(context.get_executor());
    };
    asio::co_spawn(context, accept(), [](std::exception_ptr problem) { BOOST_TEST(!problem); });
    run();
    BOOST_TEST_REQUIRE(stream != nullptr);
  }
  ~TcpPair() {
    if (peer >= 0) ::close(peer);
    stream->close();
    run();
  }

  void say(std::string_view words) {
    BOOST_TEST(::send(peer, words.data(), words.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(words.size()));
  }
  void close() { ::close(std::exchange(peer, -1)); }
  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close();
  }
  // Begins to read; the result shows in `result` and `text` after run().
  void read(std::size_t most = 100) {
    result.reset();
    auto task = [this, most]() -> asio::awaitable<void> {
      const IoResult got = co_await stream->read_some(asio::buffer(space.data(), most));
      text = std::string(space.data(), got.size);
      result = got;
    };
    reading_ = task;
    asio::co_spawn(context, reading_(), [](std::exception_ptr problem) { BOOST_TEST(!problem); });
  }
  void run() {
    context.restart();
    while (context.run_one_for(50ms) != 0) {
      if (result && stream) return;
    }
  }

  asio::io_context context{1};
  TcpNetwork network;
  std::unique_ptr<Stream> stream;
  int peer = -1;
  std::optional<IoResult> result;
  std::string text;
  std::array<char, 100> space{};

 private:
  std::function<asio::awaitable<void>()> reading_;
};

BOOST_FIXTURE_TEST_SUITE(tcp_receive, TcpPair)

BOOST_AUTO_TEST_CASE(more_that_comes_after_a_read_is_read) {
  for (int i = 0; i < 3; ++i) {
    say("one");
    read();
    run();
    BOOST_TEST(text == "one");
    read();
    run();
    BOOST_TEST(!result);
    say("two");
    run();
    BOOST_TEST_REQUIRE(result.has_value());
    BOOST_TEST(text == "two");
  }
}

BOOST_AUTO_TEST_CASE(what_was_left_behind_a_read_is_read) {
  say("abcdef");
  std::string all;
  for (int i = 0; i < 3; ++i) {
    read(2);
    run();
    BOOST_TEST_REQUIRE(result.has_value());
    all += text;
  }
  BOOST_TEST(all == "abcdef");
}

BOOST_AUTO_TEST_CASE(an_end_that_came_with_the_data_is_seen_whether_something_is_sent_or_not) {
  say("last");
  close();
  read();
  run();
  BOOST_TEST(text == "last");
  read();
  run();
  BOOST_TEST_REQUIRE(result.has_value());
  BOOST_TEST(result->error == asio::error::eof);
}

BOOST_AUTO_TEST_CASE(an_end_that_came_with_the_data_is_seen_after_an_answer) {
  say("last");
  ::shutdown(peer, SHUT_WR);
  read();
  run();
  BOOST_TEST(text == "last");
  const asio::const_buffer answer = asio::buffer("answer", 6);
  BOOST_TEST(stream->try_write(std::span(&answer, 1)) == 6u);
  read();
  run();
  BOOST_TEST_REQUIRE(result.has_value());
  BOOST_TEST(result->error == asio::error::eof);
}

BOOST_AUTO_TEST_CASE(a_reset_that_came_with_the_data_is_seen) {
  say("last");
  reset();
  read();
  run();
  if (result && result->error) return;  // the kernel may drop what was not read
  BOOST_TEST(text == "last");
  read();
  run();
  BOOST_TEST_REQUIRE(result.has_value());
  BOOST_TEST(result->error == asio::error::connection_reset);
}

BOOST_AUTO_TEST_CASE(a_reset_after_an_answer_is_seen) {
  say("first");
  read();
  run();
  const asio::const_buffer answer = asio::buffer("answer", 6);
  BOOST_TEST(stream->try_write(std::span(&answer, 1)) == 6u);
  read();
  run();
  BOOST_TEST(!result);
  reset();
  run();
  BOOST_TEST_REQUIRE(result.has_value());
  BOOST_TEST(result->error == asio::error::connection_reset);
}

BOOST_AUTO_TEST_CASE(a_read_that_waits_ends_with_the_close) {
  say("first");
  read();
  run();
  read();
  run();
  BOOST_TEST(!result);
  stream->close();
  run();
  BOOST_TEST_REQUIRE(result.has_value());
  BOOST_TEST(result->error == asio::error::operation_aborted);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
