#include "comet/remoting/address_server.hpp"
#include "comet/remoting/fetch_name_servers.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/remoting/name_server_channel.hpp"
#include "virtual_world.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

using remoting::AddressServer;

// Answers one request on "lists:8080" with a text, in pieces of any size, and closes.
class HttpWorld : public VirtualWorld {
 public:
  std::string request;

  std::vector<Address> fetch(std::string answer, bool close = true) {
    std::unique_ptr<Listener> listener = network.listen(executor(), Address("lists", 8080));
    auto ignore = [](std::exception_ptr) {};
    asio::co_spawn(context, serve(*this, *listener, std::move(answer), close), ignore);
    AddressServer from("lists");
    return run(remoting::fetch_name_servers(from, network, time, time.now() + 3s));
  }
  Error failing_fetch(std::string answer, bool close = true) {
    try {
      fetch(std::move(answer), close);
    } catch (const Error& error) {
      return error;
    }
    throw std::logic_error("fetched");
  }

 private:
  static asio::awaitable<void> serve(HttpWorld& world, Listener& listener, std::string answer,
                                     bool close) {
    std::unique_ptr<Stream> stream = co_await listener.accept(world.executor());
    std::string chunk(4096, '\0');
    while (world.request.find("\r\n\r\n") == std::string::npos) {
      IoResult got = co_await stream->read_some(asio::buffer(chunk));
      if (got.error) co_return;
      world.request.append(chunk, 0, got.size);
    }
    const asio::const_buffer piece(answer.data(), answer.size());
    if (!answer.empty()) (void)co_await stream->write(std::span(&piece, 1));
    if (close) {
      stream->close();
      co_return;
    }
    Timer timer(world.executor(), world.time);
    co_await timer.wait_for(10s);
  }
};

std::string answer_of(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

BOOST_FIXTURE_TEST_SUITE(address_server, HttpWorld)

BOOST_AUTO_TEST_CASE(the_path_is_that_of_apaches_address_servers) {
  BOOST_TEST(AddressServer("lists").url() == "http://lists:8080/rocketmq/nsaddr");
  BOOST_TEST(AddressServer("lists:81", "mine").url() == "http://lists:81/rocketmq/mine");
  BOOST_TEST(AddressServer("lists", "nsaddr", "blue").url() ==
             "http://lists:8080/rocketmq/nsaddr-blue?nofix=1");
  BOOST_CHECK_THROW(AddressServer("lists:x"), Error);
  BOOST_CHECK_THROW(AddressServer("a b"), Error);
  BOOST_CHECK_THROW(AddressServer("lists", "x HTTP/1.1\r\nEvil: y"), Error);
}

BOOST_AUTO_TEST_CASE(the_first_line_is_the_list) {
  const auto list = fetch(answer_of("ns1:9876;ns2:9877\r\nsomething else\r\n"));
  BOOST_REQUIRE(list.size() == 2u);
  BOOST_TEST((list[0] == Address("ns1", 9876)));
  BOOST_TEST((list[1] == Address("ns2", 9877)));
  BOOST_TEST(request.starts_with("GET /rocketmq/nsaddr HTTP/1.1\r\nHost: lists:8080\r\n"));
}

BOOST_AUTO_TEST_CASE(answers_come_in_any_pieces_chunked_or_up_to_the_end_of_the_connection) {
  network.set_max_read(1);
  BOOST_TEST(fetch(answer_of("ns1:9876")).size() == 1u);
  BOOST_TEST(fetch("HTTP/1.1 200 OK\r\n\r\nns1:9876\n").size() == 1u);
  BOOST_TEST(fetch("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "4\r\nns1:\r\n4\r\n9876\r\n0\r\n\r\n")
                 .size() == 1u);
}

BOOST_AUTO_TEST_CASE(answers_that_are_no_list_are_errors_that_name_the_url) {
  const std::string too_long(70'000, 'x');
  for (const std::string& answer :
       {std::string("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), answer_of(""),
        answer_of("\nns1:9876"), answer_of("no address"), answer_of(too_long),
        std::string("SSH-2.0-x\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nns"), std::string()}) {
    const Error error = failing_fetch(answer);
    BOOST_TEST_CONTEXT(error.what()) {
      BOOST_TEST(std::string_view(error.what()).find("http://lists:8080/rocketmq/nsaddr") !=
                 std::string_view::npos);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_silent_server_is_given_up_at_the_deadline) {
  const Instant begin = time.now();
  const Error error = failing_fetch("HTTP/1.1 200 OK\r\n", false);
  BOOST_TEST(error.code() == make_error_code(asio::error::timed_out));
  BOOST_TEST((time.now() - begin == 3s));
  pass(10s);
}

BOOST_AUTO_TEST_CASE(a_replaced_list_keeps_the_server_in_use_if_it_can) {
  remoting::Client client(executor(), network, time);
  remoting::NameServerChannel channel(client, time, Address::parse_list("a:1;b:2;c:3"), 1);
  const Address used = channel.current();
  BOOST_TEST(!channel.replace(Address::parse_list("c:3;b:2;a:1")));
  std::vector<Address> with_it = Address::parse_list("d:4;e:5");
  with_it.push_back(used);
  BOOST_TEST(channel.replace(with_it));
  BOOST_TEST((channel.current() == used));
  BOOST_TEST(channel.replace(Address::parse_list("x:1")));
  BOOST_TEST((channel.current() == Address("x", 1)));
  BOOST_TEST(channel.replace({}));
  BOOST_TEST(channel.empty());
  run(client.stop());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
