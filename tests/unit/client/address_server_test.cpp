// A client whose list of name servers comes from an address server.

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/client/client_instance.hpp"
#include "fake_cluster.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

// Answers every request with the list of the moment.
class FakeAddressServer {
 public:
  explicit FakeAddressServer(VirtualWorld& world)
      : world_(world), listener_(world.network.listen(world.executor(), Address("lists", 8080))) {
    auto ignore = [](std::exception_ptr) {};
    asio::co_spawn(world.context, serve(*this), ignore);
  }
  ~FakeAddressServer() {
    listener_->close();
    world_.settle();
  }
  std::string list;
  int requests = 0;

 private:
  static asio::awaitable<void> serve(FakeAddressServer& server) {
    std::string chunk(4096, '\0');
    for (;;) {
      std::unique_ptr<Stream> stream = co_await server.listener_->accept(server.world_.executor());
      (void)co_await stream->read_some(asio::buffer(chunk));
      ++server.requests;
      const std::string answer =
          "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(server.list.size()) + "\r\n\r\n" +
          server.list;
      const asio::const_buffer piece(answer.data(), answer.size());
      (void)co_await stream->write(std::span(&piece, 1));
      stream->close();
    }
  }
  VirtualWorld& world_;
  std::unique_ptr<Listener> listener_;
};

class Listed : public VirtualWorld {
 public:
  FakeNameServer first{*this, "ns1"};
  FakeNameServer second{*this, "ns2"};
  FakeBroker broker{*this, "broker-a", "host-a"};
  std::shared_ptr<client::ClientInstance> client;

  Listed() {
    first.routes["orders"] = second.routes["orders"] = make_route({&broker});
    second.routes["bills"] = make_route({&broker});
    client::ClientConfig config;
    config.address_server = remoting::AddressServer("lists");
    config.random_seed = 1;
    client = std::make_shared<client::ClientInstance>(executor(), network, time, config);
  }
  ~Listed() {
    run(client->stop());
    client.reset();
    broker.stop();
    second.stop();
    first.stop();
  }
  client::TopicRoutePtr find(const std::string& topic) {
    return run(client->find_publish_route(topic, time.now() + 3s));
  }
};

BOOST_FIXTURE_TEST_SUITE(address_server_client, Listed)

BOOST_AUTO_TEST_CASE(the_list_is_fetched_at_the_start_and_again_every_two_minutes) {
  FakeAddressServer lists(*this);
  lists.list = "ns1:9876\n";
  run(client->start());
  find("orders");
  BOOST_TEST(first.queries["orders"] == 1);
  BOOST_TEST(lists.requests == 1);
  lists.list = "ns2:9876";
  pass(119s);
  BOOST_TEST(lists.requests == 1);
  pass(2s);
  BOOST_TEST(lists.requests == 2);
  find("bills");
  BOOST_TEST(second.queries["bills"] == 1);
  pass(1s);
  BOOST_TEST(first.connections() == 0u);
}

BOOST_AUTO_TEST_CASE(an_address_server_that_is_late_is_waited_for_within_the_deadline) {
  run(client->start());
  const Instant begin = time.now();
  try {
    find("orders");
    BOOST_ERROR("found");
  } catch (const Error& error) {
    BOOST_TEST(error.code() == make_error_code(ClientErrc::no_name_server));
    BOOST_TEST(std::string(error.what()).find("http://lists:8080/rocketmq/nsaddr") !=
               std::string::npos);
  }
  BOOST_TEST((time.now() - begin <= 3s));
  FakeAddressServer lists(*this);
  lists.list = "ns1:9876";
  pass(10s);
  BOOST_TEST(find("orders") != nullptr);
}

BOOST_AUTO_TEST_CASE(a_list_that_cannot_be_fetched_any_more_leaves_the_last_one_in_place) {
  FakeAddressServer lists(*this);
  lists.list = "ns1:9876";
  run(client->start());
  find("orders");
  lists.list = "nothing useful";
  pass(200s);
  BOOST_TEST(lists.requests > 2);
  const int before = first.queries["orders"];
  pass(31s);
  BOOST_TEST(first.queries["orders"] > before);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
