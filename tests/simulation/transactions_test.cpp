// Transactions in a whole cluster on virtual time: brokers stop, producers die, and in the end
// every message is there once if its transaction was committed, and not at all if it was not.

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>
#include <random>
#include <set>

#include "comet/base/async.hpp"
#include "comet/broker/broker.hpp"
#include "comet/message/record.hpp"
#include "comet/namesrv/name_server.hpp"
#include "comet/producer/transaction_producer.hpp"
#include "temp_directory.hpp"
#include "virtual_world.hpp"

using namespace comet;
using namespace std::chrono_literals;

namespace {

const Address kNameServer("10.0.0.100", 9876);
const Address kBroker("10.0.0.1", 10911);

class TransactionCluster {
 public:
  explicit TransactionCluster(unsigned seed) : random(seed) {
    namesrv::NameServerConfig config;
    config.listen_at = kNameServer;
    name_server_network = world.network.as_host(kNameServer.host());
    name_server = std::make_unique<namesrv::NameServer>(std::vector{world.executor()},
                                                        *name_server_network, world.time, config);
    name_server->start();
    start_broker();
    world.pass(1s);
  }
  ~TransactionCluster() {
    for (auto& producer : producers) {
      if (producer) world.run(producer->shutdown());
    }
    producers.clear();
    stop_broker();
    world.run(name_server->stop(world.time.now() + 1s));
  }

  void start_broker() {
    broker::BrokerConfig config;
    config.broker_name = "broker-a";
    config.listen_at = kBroker;
    config.broker_ip = kBroker.host();
    config.name_servers = {kNameServer};
    config.store.root = directory.path();
    config.store.commit_log_file_size = 1 << 20;
    broker_network = world.network.as_host(kBroker.host());
    broker = std::make_unique<broker::Broker>(std::vector{world.executor()}, *broker_network,
                                              world.time, config);
    broker->start();
  }
  void stop_broker() {
    if (broker) world.run(broker->stop(world.time.now() + 1s));
    broker.reset();
  }

  void start_producer() {
    ProducerConfig config("bookkeeping");
    config.name_servers(kNameServer.to_string()).retries(0);
    auto check = [this](const MessageExt& message) { return ask_database(message.body()); };
    producers.push_back(std::make_unique<TransactionProducer>(world.executor(), config, check,
                                                              world.network, world.time));
    world.run(producers.back()->start());
  }

  // The database that all producers share.
  asio::awaitable<TransactionState> ask_database(std::string body) {
    Timer timer(world.executor(), world.time);
    co_await timer.wait_for(std::chrono::milliseconds(random() % 50));
    if (random() % 5 == 0) throw std::runtime_error("the database is away");
    const auto found = decided.find(body);
    co_return found == decided.end() ? TransactionState::unknown : found->second;
  }
  // Takes up to three minutes, and says what it has decided in half of the cases only.
  asio::awaitable<TransactionState> book(const Message& message) {
    const std::string body = message.body();
    Timer timer(world.executor(), world.time);
    co_await timer.wait_for(std::chrono::milliseconds(random() % 180'000));
    decided[body] = random() % 2 == 0 ? TransactionState::commit : TransactionState::rollback;
    if (random() % 4 == 0) throw std::runtime_error("no answer of the database");
    co_return random() % 3 == 0 ? TransactionState::unknown : decided[body];
  }

  void begin_transaction() {
    auto& producer = producers[random() % producers.size()];
    if (!producer) return;
    const std::string body = "booking " + std::to_string(begun++);
    const LocalTransaction local = [this](const Message& message) { return book(message); };
    auto done = [this](std::exception_ptr problem, TransactionResult) {
      ++ended;
      if (problem) ++failed;
    };
    asio::co_spawn(world.context, producer->send_in_transaction(Message("bookings", body), local),
                   done);
  }

  std::multiset<std::string> stored() const {
    std::multiset<std::string> bodies;
    for (std::int32_t queue = 0; queue < 4; ++queue) {
      const std::int64_t end = broker->store().max_offset("bookings", queue);
      for (std::int64_t offset = 0; offset < end;) {
        const auto result = broker->store().read("bookings", queue, offset, {});
        for (const MessageExt& message : decode_records(result.records.to_string()))
          bodies.insert(message.body());
        offset = result.next_offset;
      }
    }
    return bodies;
  }

  test::TempDirectory directory;
  test::VirtualWorld world;
  std::minstd_rand random;
  std::unique_ptr<Network> name_server_network, broker_network;
  std::unique_ptr<namesrv::NameServer> name_server;
  std::unique_ptr<broker::Broker> broker;
  std::vector<std::unique_ptr<TransactionProducer>> producers;
  std::map<std::string, TransactionState> decided;  // the database
  int begun = 0;
  int ended = 0;
  int failed = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(transactions_in_a_cluster)

BOOST_AUTO_TEST_CASE(each_ends_once_and_as_it_was_decided) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      TransactionCluster cluster(seed);
      cluster.start_producer();
      cluster.start_producer();
      for (int minute = 0; minute < 10; ++minute) {
        for (int i = 0; i < 20; ++i) {
          cluster.begin_transaction();
          cluster.world.pass(std::chrono::milliseconds(cluster.random() % 5000));
        }
        if (minute % 3 == 2) {
          cluster.stop_broker();
          cluster.world.pass(std::chrono::seconds(cluster.random() % 20));
          cluster.start_broker();
        }
        if (minute == 5) {
          cluster.producers.front().reset();  // dies; its transactions go on without it
          cluster.start_producer();
        }
      }
      cluster.world.run_until([&] { return cluster.ended == cluster.begun; });
      cluster.world.pass(20min);  // all checks
      std::multiset<std::string> expected;
      const std::multiset<std::string> stored = cluster.stored();
      for (const auto& [body, state] : cluster.decided) {
        if (state == TransactionState::commit) expected.insert(body);
      }
      BOOST_TEST(cluster.begun > 100);
      BOOST_TEST((stored == expected));
      BOOST_TEST(cluster.broker->stats().open_transactions == 0);
    }
  }
}

// P1: heartbeats went only to brokers of topics that had been sent to.
BOOST_AUTO_TEST_CASE(a_restarted_producer_that_sends_nothing_is_asked_about_what_was_left_open) {
  TransactionCluster cluster(1);
  cluster.start_producer();
  TransactionProducer& before = *cluster.producers.back();
  {
    const Transaction left = cluster.world.run(before.begin(Message("bookings", "left open")));
    BOOST_TEST(left.is_open());
  }
  cluster.world.run(before.shutdown());
  cluster.producers.clear();
  cluster.decided["left open"] = TransactionState::commit;
  cluster.world.pass(5min);
  BOOST_TEST(cluster.stored().empty());
  cluster.start_producer();
  cluster.world.pass(5min);
  BOOST_TEST(cluster.stored().count("left open") == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
