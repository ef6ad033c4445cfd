// One connection, many senders, and a broker that is slow and loses some requests: who has to
// suffer.

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>
#include <random>

#include "comet/base/async.hpp"
#include "producer_world.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

// Answers each send after a time of its own, or never.
class SlowBroker : public FakeServer {
 public:
  using Delay = std::function<std::optional<Duration>(int number)>;

  SlowBroker(VirtualWorld& world, Delay delay)
      : FakeServer(world, Address("slow-host", 10911)), delay_(std::move(delay)) {
    auto send = [this](Request request) { return on_send(std::move(request)); };
    handlers_->on_async(RequestCode::send_message_v2, send);
    auto note = [](Request& request) -> Reply {
      return RemotingCommand::response(request.command, ResponseCode::success);
    };
    handlers_->on(RequestCode::heart_beat, note);
    handlers_->on(RequestCode::unregister_client, note);
    start();
  }
  [[nodiscard]] routing::TopicRouteData route() const {
    routing::TopicRouteData route;
    routing::QueueData queue;
    queue.broker_name = "slow";
    queue.read_queue_nums = queue.write_queue_nums = 4;
    queue.perm = routing::perm::kRead | routing::perm::kWrite;
    route.queues.push_back(queue);
    routing::BrokerData data;
    data.cluster = "DefaultCluster";
    data.broker_name = "slow";
    data.broker_addrs[routing::kMasterId] = address().to_string();
    route.brokers.push_back(data);
    return route;
  }

 private:
  asio::awaitable<Reply> on_send(Request request) {
    const std::optional<Duration> delay = delay_(++received_);
    if (!delay) co_return std::nullopt;
    Timer timer(world_.executor(), world_.time);
    co_await timer.wait_for(*delay);
    RemotingCommand answer = RemotingCommand::response(request.command, ResponseCode::success);
    answer.fields.add("msgId", "0A00000200002A9F0000000000000000");
    answer.fields.add("queueId", 0);
    answer.fields.add("queueOffset", 0);
    co_return answer;
  }

  Delay delay_;
  int received_ = 0;
};

class Senders : public VirtualWorld {
 public:
  // How many of `messages` fail that `senders` send one after the other.
  int failed(SlowBroker& broker, int senders, int messages) {
    name_server.routes["orders"] = broker.route();
    ProducerConfig config("order-service");
    config.name_servers("ns1:9876");
    Producer producer(executor(), config, network, time);
    run(producer.start());
    int left = messages;
    int failures = 0;
    auto send = [&]() -> asio::awaitable<void> {
      while (left-- > 0) {
        Message message("orders", "x");
        try {
          co_await producer.send(std::move(message));
        } catch (const SendError&) {
          ++failures;
        }
      }
    };
    TaskGroup group(executor(), time);
    for (int i = 0; i < senders; ++i) group.spawn("sender", send());
    run(group.join());
    run(producer.shutdown());
    connections = broker.connections_seen;
    broker.stop();
    return failures;
  }

  FakeNameServer name_server{*this};
  int connections = 0;
};

BOOST_FIXTURE_TEST_SUITE(lost_answers, Senders)

// Java 5.5.0: 12 (docs/producer.md).
BOOST_AUTO_TEST_CASE(a_slow_broker_that_loses_every_40th_request_fails_only_those) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> millis(1000, 2400);
  SlowBroker broker(*this, [&](int number) -> std::optional<Duration> {
    if (number % 40 == 0) return std::nullopt;
    return std::chrono::milliseconds(millis(random));
  });
  const int count = failed(broker, 8, 160);
  BOOST_TEST_MESSAGE("failed sends: " << count << ", connections: " << connections);
  BOOST_TEST(count <= 12);
  BOOST_TEST(connections == 1);
}

BOOST_AUTO_TEST_CASE(one_lost_request_among_answers_after_1700_ms_fails_alone) {
  SlowBroker broker(*this, [](int number) -> std::optional<Duration> {
    if (number == 5) return std::nullopt;
    return 1700ms;
  });
  const int count = failed(broker, 8, 40);
  BOOST_TEST_MESSAGE("failed sends: " << count << ", connections: " << connections);
  BOOST_TEST(count <= 1);
  BOOST_TEST(connections == 1);
}

// What was said on the old connection before it fell silent is still answered there.
BOOST_AUTO_TEST_CASE(a_silent_connection_is_replaced_for_new_requests_and_kept_for_the_old) {
  SlowBroker broker(*this, [](int number) -> std::optional<Duration> {
    if (number == 1) return std::nullopt;
    return number == 2 ? 2900ms : 10ms;
  });
  name_server.routes["orders"] = broker.route();
  ProducerConfig config("order-service");
  config.name_servers("ns1:9876");
  config.client().first_heartbeat = 1h;  // its answer would break the silence
  Producer producer(executor(), config, network, time);
  run(producer.start());
  int stored = 0;
  int lost = 0;
  const auto send = [&] {
    producer.async_send(Message("orders", "x"),
                        [&](error_code error, const SendOutcome&) { ++(error ? lost : stored); });
  };
  send();
  pass(500ms);
  send();
  pass(2600ms);  // the first has timed out
  BOOST_TEST(lost == 1);
  send();
  pass(100ms);
  BOOST_TEST(stored == 1);
  BOOST_TEST(broker.connections_seen == 2);
  pass(1s);
  BOOST_TEST(stored == 2);
  BOOST_TEST(broker.connections() == 1u);
  run(producer.shutdown());
  broker.stop();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
