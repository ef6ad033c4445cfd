// Connections on several threads over real sockets; what the thread sanitizer looks at.

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <future>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "comet/base/tcp_network.hpp"
#include "comet/base/timer.hpp"
#include "comet/broker/broker.hpp"
#include "comet/message/batch.hpp"
#include "comet/message/message_id.hpp"
#include "comet/message/record.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/codec.hpp"
#include "comet/remoting/message_headers.hpp"
#include "comet/remoting/transaction_headers.hpp"
#include "loop.hpp"
#include "raw_connection.hpp"
#include "temp_directory.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;
using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::ResponseCode;

namespace {

constexpr Duration kPatience = 60s;
constexpr int kQueues = 4;

// A broker of several loops, and loops of clients that talk to it over TCP.
class BrokerOfLoops {
 public:
  explicit BrokerOfLoops(std::size_t count, bool sync_flush = false) : loops(count) {
    config.broker_name = "broker-a";
    config.listen_at = Address("127.0.0.1", 0);
    config.broker_ip = "127.0.0.1";
    config.store.root = directory.path();
    config.store.commit_log_file_size = 1 << 20;  // files are rolled over
    config.store.consume_queue_file_size = 20 * 100;
    config.store.index_slots = 1000;
    config.store.index_entries = 2000;
    config.store.flush = sync_flush ? store::FlushMode::sync_flush : store::FlushMode::async_flush;
    config.store.page_cache_reach = 32 << 10;  // what lies behind that is read by other threads
    config.property_filter = true;
    config.flush_consumer_offset_interval = 20ms;
    config.flush_delay_offset_interval = 20ms;
    start();
  }
  ~BrokerOfLoops() { stop(); }

  void start() {
    broker = std::make_unique<broker::Broker>(executors_of(loops), network, real_time(), config);
    const auto begin = [](broker::Broker& begun) -> asio::awaitable<void> {
      begun.start();
      co_return;
    };
    loops.front().spawn(begin(*broker)).get();
    address = Address("127.0.0.1", broker->local().port());
  }
  void stop() {
    if (!broker) return;
    loops.front().spawn(broker->stop(real_time().now() + 20s)).get();
    broker.reset();
  }

  // The loops of clients in turn.
  template <class Life, class... Rest>
  auto live(Life life, Rest... rest) {
    Loop& loop = *std::next(clients.begin(), static_cast<int>(next_client++ % clients.size()));
    return loop.spawn(life(*this, loop.executor(), std::move(rest)...));
  }
  template <class T>
  T run(asio::awaitable<T> task) {
    return clients.front().spawn(std::move(task)).get();
  }

  // For the lives, on their threads: Boost.Test belongs to the test's.
  void expect(bool holds, std::string_view what) {
    if (holds) return;
    const std::scoped_lock lock(mutex);
    faults.emplace_back(what);
  }
  void expect_success(const RemotingCommand& answer) {
    expect(answer.code == 0, "code " + std::to_string(answer.code) + ": " + answer.remark);
  }

  TempDirectory directory;
  TcpNetwork network;
  broker::BrokerConfig config;
  std::list<Loop> loops;
  std::list<Loop> clients{2};
  std::size_t next_client = 0;
  std::unique_ptr<broker::Broker> broker;
  Address address{"127.0.0.1", 0};
  std::mutex mutex;
  std::vector<std::string> faults;
};

// A client with a connection of its own.
class Peer {
 public:
  Peer(BrokerOfLoops& world, const asio::any_io_executor& executor)
      : address_(world.address), client_(executor, world.network, real_time()) {}

  asio::awaitable<RemotingCommand> ask(RemotingCommand request) {
    return client_.invoke(address_, std::move(request), real_time().now() + kPatience);
  }
  asio::awaitable<void> tell(RemotingCommand request) {
    return client_.invoke_oneway(address_, std::move(request), real_time().now() + kPatience);
  }
  asio::awaitable<void> leave() { return client_.stop(); }

 private:
  Address address_;
  remoting::Client client_;
};

std::string text_of(const RemotingCommand& command, std::string_view field) {
  return std::string(command.fields.find(field).value_or("-1"));
}

RemotingCommand send_request(std::string_view topic, std::int32_t queue_id, std::string body,
                             const std::string& properties = {}, std::int32_t sys_flag = 0,
                             std::string_view default_topic = "TBW102") {
  remoting::SendMessageHeader header;
  header.producer_group = "PG";
  header.topic = topic;
  header.default_topic = default_topic;
  header.default_topic_queue_nums = kQueues;
  header.queue_id = queue_id;
  header.sys_flag = sys_flag;
  header.born_timestamp = real_time().wall_millis();
  header.properties = properties;
  RemotingCommand request =
      RemotingCommand::request(RequestCode::send_message_v2, Body(std::move(body)));
  remoting::write_header(header, request.fields, remoting::FieldNames::short_form);
  return request;
}

RemotingCommand batch_request(std::string_view topic, std::int32_t queue_id,
                              const std::vector<std::string>& bodies) {
  std::string batch;
  for (const std::string& body : bodies)
    encode_batch_item(0, body,
                      "TAGS\x01"
                      "A",
                      batch);
  RemotingCommand request = send_request(topic, queue_id, std::move(batch));
  request.code = static_cast<std::int32_t>(RequestCode::send_batch_message);
  request.fields.add("m", true);
  return request;
}

RemotingCommand pull_request(std::string_view group, std::string_view topic, std::int32_t queue_id,
                             std::int64_t offset, std::int64_t suspend_millis,
                             bool by_heartbeat = false) {
  remoting::PullMessageHeader header;
  header.consumer_group = group;
  header.topic = topic;
  header.queue_id = queue_id;
  header.queue_offset = offset;
  header.max_msg_nums = 32;
  header.suspend_timeout_millis = suspend_millis;
  if (suspend_millis > 0) header.sys_flag |= remoting::pull_sys_flag::kSuspend;
  if (!by_heartbeat) {
    header.sys_flag |= remoting::pull_sys_flag::kSubscription;
    header.subscription = "*";
  }
  return RemotingCommand::request(RequestCode::pull_message, header);
}

RemotingCommand heartbeat(const std::string& client, const std::string& group,
                          const std::string& topic, const std::string& expression,
                          const std::string& type, int version) {
  return RemotingCommand::request(
      RequestCode::heart_beat,
      Body(
          R"({"clientID":")" + client +
          R"(","consumerDataSet":[{"consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","consumeType":)" +
          R"("CONSUME_PASSIVELY","groupName":")" + group +
          R"(","messageModel":"CLUSTERING","subscriptionDataSet":[{"expressionType":")" + type +
          R"(","subString":")" + expression + R"(","subVersion":)" + std::to_string(version) +
          R"(,"tagsSet":[],"codeSet":[],"topic":")" + topic +
          R"("}],"unitMode":false}],"producerDataSet":[{"groupName":"PG"}]})"));
}

template <class Header>
RemotingCommand request_of(RequestCode code, const Header& header) {
  return RemotingCommand::request(code, header);
}

// Bodies by queue, in the order of their offsets.
using Contents = std::map<int, std::vector<std::string>>;

asio::awaitable<std::vector<std::string>> read_queue(BrokerOfLoops& world, Peer& peer,
                                                     std::string topic, int queue) {
  std::vector<std::string> bodies;
  for (;;) {
    const auto offset = static_cast<std::int64_t>(bodies.size());
    const RemotingCommand answer =
        co_await peer.ask(pull_request("READER", topic, queue, offset, 0));
    if (answer.code != 0) co_return bodies;
    for (const MessageExt& message : decode_records(answer.body.to_string())) {
      world.expect(message.queue_offset == static_cast<std::int64_t>(bodies.size()),
                   "offsets follow each other");
      bodies.push_back(message.body());
    }
  }
}

asio::awaitable<Contents> read_topic(BrokerOfLoops& world, asio::any_io_executor executor,
                                     std::string topic) {
  Contents contents;
  Peer peer(world, executor);
  for (int queue = 0; queue < kQueues; ++queue) {
    contents[queue] = co_await read_queue(world, peer, topic, queue);
  }
  co_await peer.leave();
  co_return contents;
}

// --- the lives ---

// Sends one after the other, singly and in batches, and makes topics on the way; returns what it
// was told to be stored in "T", in order.
asio::awaitable<std::vector<std::string>> produce(BrokerOfLoops& world,
                                                  asio::any_io_executor executor, int number,
                                                  int rounds) {
  Peer peer(world, executor);
  const std::string name = "p" + std::to_string(number) + ".";
  const int queue = number % kQueues;
  std::vector<std::string> stored;
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::string> bodies;
    for (int i = 0; i < (round % 3 == 0 ? 5 : 1); ++i) {
      bodies.push_back(name + std::to_string(round) + "." + std::to_string(i));
    }
    RemotingCommand request = bodies.size() > 1 ? batch_request("T", queue, bodies)
                                                : send_request("T", queue, bodies.front(),
                                                               "TAGS\x01"
                                                               "A\x02KEYS\x01k1 k2");
    const RemotingCommand answer = co_await peer.ask(std::move(request));
    world.expect_success(answer);
    stored.insert(stored.end(), bodies.begin(), bodies.end());
    if (round % 8 == 0) {
      const std::string topic = "new-" + std::to_string(number) + "-" + std::to_string(round);
      const RemotingCommand made = co_await peer.ask(send_request(topic, 0, "x"));
      world.expect_success(made);
      co_await peer.ask(send_request("D", 0, "later",
                                     "DELAY\x01"
                                     "1"));
    }
  }
  co_await peer.leave();
  co_return stored;
}

// Consumes a queue of "T" by pulls that wait, with heartbeats and commits, until it has so many.
asio::awaitable<int> consume(BrokerOfLoops& world, asio::any_io_executor executor, int number,
                             int queue, std::size_t expected) {
  Peer peer(world, executor);
  const std::string client = "c" + std::to_string(number);
  const std::string group = "CG" + std::to_string(number / kQueues);  // each has every queue once
  const bool by_heartbeat = number < kQueues;
  std::size_t got = 0;
  int pulls = 0;
  int version = 1;
  co_await peer.ask(heartbeat(client, group, "T", "*", "TAG", 1));
  while (got < expected) {
    const RemotingCommand answer = co_await peer.ask(
        pull_request(group, "T", queue, static_cast<std::int64_t>(got), 2000, by_heartbeat));
    ++pulls;
    if (answer.code == 0) got += decode_records(answer.body.to_string()).size();
    remoting::UpdateConsumerOffsetHeader commit;
    commit.consumer_group = group;
    commit.topic = "T";
    commit.queue_id = queue;
    commit.commit_offset = static_cast<std::int64_t>(got);
    co_await peer.ask(request_of(RequestCode::update_consumer_offset, commit));
    if (pulls % 4 == 0) {
      co_await peer.ask(heartbeat(client, group, "T", "*", "TAG", ++version));
      co_await peer.ask(
          heartbeat(client, "SQL", "T", "a > " + std::to_string(version), "SQL92", version));
    }
  }
  remoting::QueryConsumerOffsetHeader query;
  query.consumer_group = group;
  query.topic = "T";
  query.queue_id = queue;
  const RemotingCommand offset =
      co_await peer.ask(request_of(RequestCode::query_consumer_offset, query));
  world.expect(text_of(offset, "offset") == std::to_string(expected), "what was committed last");
  co_await peer.leave();
  co_return pulls;
}

// Stores half messages and commits every other one of them; returns those.
asio::awaitable<std::set<std::string>> transact(BrokerOfLoops& world,
                                                asio::any_io_executor executor, int number,
                                                int rounds) {
  Peer peer(world, executor);
  std::set<std::string> committed;
  for (int round = 0; round < rounds; ++round) {
    const std::string id = "t" + std::to_string(number) + "." + std::to_string(round);
    const RemotingCommand half = co_await peer.ask(
        send_request("X", 0, id, "TRAN_MSG\x01true\x02PGROUP\x01PG\x02UNIQ_KEY\x01" + id, 4));
    world.expect_success(half);
    const std::string place = text_of(half, "msgId");
    remoting::EndTransactionHeader end;
    end.producer_group = "PG";
    end.tran_state_table_offset = std::stoll(text_of(half, "queueOffset"));
    end.commit_log_offset = parse_offset_message_id(place).value().physical_offset;
    end.commit_or_rollback = round % 2 == 0 ? remoting::transaction_decision::kCommit
                                            : remoting::transaction_decision::kRollback;
    end.msg_id = id;
    const RemotingCommand ended = co_await peer.ask(request_of(RequestCode::end_transaction, end));
    world.expect_success(ended);
    if (round % 2 == 0) committed.insert(id);
  }
  co_await peer.leave();
  co_return committed;
}

// Asks what administrators ask, and changes settings, topics and groups.
asio::awaitable<int> administer(BrokerOfLoops& world, asio::any_io_executor executor, int number,
                                int rounds) {
  Peer peer(world, executor);
  const std::string own = "admin-" + std::to_string(number);
  int done = 0;
  for (int round = 0; round < rounds; ++round) {
    remoting::CreateTopicHeader create;
    create.topic = own;
    create.default_topic = "TBW102";
    create.read_queue_nums = create.write_queue_nums = 1 + round % kQueues;
    create.perm = 6;
    const RemotingCommand made =
        co_await peer.ask(request_of(RequestCode::update_and_create_topic, create));
    world.expect_success(made);
    co_await peer.ask(send_request(own, 0, "x"));
    for (const RequestCode code :
         {RequestCode::get_all_topic_config, RequestCode::get_broker_config,
          RequestCode::get_broker_runtime_info}) {
      const RemotingCommand answer = co_await peer.ask(RemotingCommand::request(code));
      world.expect_success(answer);
    }
    const std::string most = std::to_string(16 + round % 16);
    const RemotingCommand set = co_await peer.ask(
        RemotingCommand::request(RequestCode::update_broker_config,
                                 Body("maxTransferCountOnMessageInMemory=" + most + "\n")));
    world.expect_success(set);
    remoting::ConsumerGroupHeader group;
    group.consumer_group = "CG0";
    co_await peer.ask(request_of(RequestCode::get_consumer_list_by_group, group));
    co_await peer.ask(request_of(RequestCode::get_consumer_connection_list, group));
    remoting::QueryMessageHeader by_key;
    by_key.topic = "T";
    by_key.key = "k1";
    by_key.max_num = 8;
    by_key.end_timestamp = std::numeric_limits<std::int64_t>::max();
    co_await peer.ask(request_of(RequestCode::query_message, by_key));
    remoting::SearchOffsetHeader search;
    search.topic = "T";
    search.timestamp = real_time().wall_millis();
    co_await peer.ask(request_of(RequestCode::search_offset_by_timestamp, search));
    remoting::TopicHeader gone;
    gone.topic = own;
    const RemotingCommand deleted =
        co_await peer.ask(request_of(RequestCode::delete_topic_in_broker, gone));
    world.expect_success(deleted);
    ++done;
  }
  co_await peer.leave();
  co_return done;
}

// What a consumer says that goes in the middle of a frame.
std::string parting_words(int number, int round) {
  const std::string client = "v" + std::to_string(number);
  const std::vector<RemotingCommand> commands{
      heartbeat(client, "VG" + std::to_string(round % 3), "T", "B", "TAG", round),
      pull_request("VG", "silent", 0, 0, 20000), send_request("silent-2", 0, "not waited for"),
      pull_request("VG", "silent-2", 0, 1, 20000)};
  std::string bytes;
  for (const RemotingCommand& command : commands) {
    remoting::encode_frame_head(command, bytes);
    bytes += command.body.to_string();
  }
  bytes.resize(bytes.size() - static_cast<std::size_t>(round % 7));
  return bytes;
}

// Connections that wait for messages, and are gone.
asio::awaitable<int> vanish(BrokerOfLoops& world, asio::any_io_executor /*executor*/, int number,
                            int rounds) {
  int gone = 0;
  for (int round = 0; round < rounds; ++round) {
    std::unique_ptr<Stream> stream =
        co_await world.network.connect(world.address, real_time().now() + kPatience);
    RawConnection connection(std::move(stream));
    if (co_await connection.send(parting_words(number, round))) ++gone;
    connection.close();
  }
  co_return gone;
}

// Sends until the broker takes no more; returns what it has been told to be stored.
asio::awaitable<std::vector<std::string>> send_until_refused(BrokerOfLoops& world,
                                                             asio::any_io_executor executor,
                                                             int number) {
  Peer peer(world, executor);
  std::vector<std::string> stored;
  try {
    for (int i = 0;; ++i) {
      std::string body = "s" + std::to_string(number) + "." + std::to_string(i);
      RemotingCommand request = send_request("T", number % kQueues, body);
      request.version = 400;  // knows no GO_AWAY
      const RemotingCommand answer = co_await peer.ask(std::move(request));
      if (answer.code != 0) break;
      stored.push_back(std::move(body));
    }
  } catch (const Error&) {
  }
  co_await peer.leave();
  co_return stored;
}

// Sends to a topic that is not made on first use, until it is gone.
asio::awaitable<int> send_until_gone(BrokerOfLoops& world, asio::any_io_executor executor) {
  Peer peer(world, executor);
  for (int sent = 0;; ++sent) {
    RemotingCommand request = send_request("G", 0, "of old", std::string(), 0, "none");
    const RemotingCommand answer = co_await peer.ask(std::move(request));
    if (answer.code == 0) continue;
    world.expect(answer.response_code() == ResponseCode::topic_not_exist, answer.remark);
    co_await peer.leave();
    co_return sent;
  }
}

template <class T>
std::vector<T> all(std::vector<std::future<T>>& lives) {
  std::vector<T> results;
  for (auto& life : lives) results.push_back(life.get());
  return results;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(broker_threads)

BOOST_DATA_TEST_CASE(what_is_acknowledged_on_several_threads_can_be_pulled_once_and_in_order,
                     boost::unit_test::data::make({1U, 3U}) *
                         boost::unit_test::data::make({false, true}),
                     count, sync_flush) {
  constexpr int kProducers = 8, kConsumers = 8, kRounds = 60;
  BrokerOfLoops world(count, sync_flush);
  {
    Peer peer(world, world.clients.front().executor());
    BOOST_TEST(world.run(peer.ask(send_request("T", 0, "first"))).code == 0);
    BOOST_TEST(world.run(peer.ask(send_request("X", 0, "first"))).code == 0);
    world.clients.front().spawn(peer.leave()).get();
  }
  const auto messages_of = [](int rounds) { return rounds + 4 * ((rounds + 2) / 3); };

  std::vector<std::future<std::vector<std::string>>> producers;
  for (int i = 0; i < kProducers; ++i) producers.push_back(world.live(produce, i, kRounds));
  std::vector<std::future<int>> others;
  for (int i = 0; i < kConsumers; ++i) {
    const int queue = i % kQueues;
    const int expected = messages_of(kRounds) * kProducers / kQueues + (queue == 0 ? 1 : 0);
    others.push_back(world.live(consume, i, queue, static_cast<std::size_t>(expected)));
  }
  std::vector<std::future<std::set<std::string>>> transactions;
  for (int i = 0; i < 3; ++i) transactions.push_back(world.live(transact, i, 20));
  for (int i = 0; i < 3; ++i) others.push_back(world.live(administer, i, 8));
  for (int i = 0; i < 3; ++i) others.push_back(world.live(vanish, i, 20));
  while (others.front().wait_for(1ms) != std::future_status::ready) {
    (void)world.broker->stats();
    BOOST_TEST(world.broker->problems().empty());
  }
  for (const int done : all(others)) BOOST_TEST(done > 0);

  std::map<int, std::vector<std::string>> sent;  // by producer
  int number = 0;
  for (std::vector<std::string>& stored : all(producers)) sent[number++] = std::move(stored);
  const Contents contents = world.run(read_topic(world, world.clients.front().executor(), "T"));
  for (const auto& [queue, bodies] : contents) {
    std::map<int, std::vector<std::string>> found;
    for (const std::string& body : bodies) {
      if (body != "first") found[std::stoi(body.substr(1))].push_back(body);
    }
    BOOST_TEST(found.size() == static_cast<std::size_t>(kProducers / kQueues));
    for (const auto& [producer, of_producer] : found) {
      BOOST_TEST(of_producer == sent[producer], boost::test_tools::per_element());
    }
  }
  std::set<std::string> committed{"first"};
  for (const std::set<std::string>& of_one : all(transactions)) {
    committed.insert(of_one.begin(), of_one.end());
  }
  const Contents visible = world.run(read_topic(world, world.clients.front().executor(), "X"));
  BOOST_TEST(visible.at(0).size() == committed.size());
  BOOST_TEST((std::set(visible.at(0).begin(), visible.at(0).end()) == committed));
  for (const std::string& fault : world.faults) BOOST_ERROR(fault);
}

BOOST_DATA_TEST_CASE(what_is_acknowledged_while_the_broker_stops_is_there_after_the_next_start,
                     boost::unit_test::data::make({1U, 3U}), count) {
  BrokerOfLoops world(count);
  std::vector<std::future<std::vector<std::string>>> senders;
  for (int i = 0; i < 8; ++i) senders.push_back(world.live(send_until_refused, i));
  std::vector<std::future<int>> others;
  for (int i = 0; i < 2; ++i) others.push_back(world.live(vanish, i, 10));
  for (const int gone : all(others)) BOOST_TEST(gone > 0);  // the load is there
  world.stop();
  const std::vector<std::vector<std::string>> sent = all(senders);
  world.start();
  const Contents contents = world.run(read_topic(world, world.clients.front().executor(), "T"));
  std::map<std::string, int> found;
  for (const auto& [queue, bodies] : contents) {
    for (const std::string& body : bodies) ++found[body];
  }
  for (const std::vector<std::string>& of_sender : sent) {
    for (const std::string& body : of_sender) BOOST_TEST(found[body] == 1, body);
  }
  for (const std::string& fault : world.faults) BOOST_ERROR(fault);
}

// A send looks its topic up, and is stored a moment later, while another loop deletes it.
BOOST_DATA_TEST_CASE(a_topic_that_is_deleted_under_sends_is_empty_when_it_is_made_again,
                     boost::unit_test::data::make({1U, 3U}), count) {
  BrokerOfLoops world(count);
  Peer admin(world, world.clients.front().executor());
  remoting::CreateTopicHeader create;
  create.topic = "G";
  create.read_queue_nums = create.write_queue_nums = 1;
  create.perm = 6;
  remoting::TopicHeader topic;
  topic.topic = "G";
  remoting::QueueHeader queue;
  queue.topic = "G";
  for (int round = 0; round < 10; ++round) {
    const auto create_it = request_of(RequestCode::update_and_create_topic, create);
    BOOST_TEST(world.run(admin.ask(create_it)).code == 0);
    const RemotingCommand max =
        world.run(admin.ask(request_of(RequestCode::get_max_offset, queue)));
    BOOST_TEST(text_of(max, "offset") == "0");
    std::vector<std::future<int>> senders;
    for (int i = 0; i < 8; ++i) senders.push_back(world.live(send_until_gone));
    const RemotingCommand deleted =
        world.run(admin.ask(request_of(RequestCode::delete_topic_in_broker, topic)));
    BOOST_TEST(deleted.code == 0, deleted.remark);
    (void)all(senders);
  }
  world.clients.front().spawn(admin.leave()).get();
  for (const std::string& fault : world.faults) BOOST_ERROR(fault);
}

BOOST_AUTO_TEST_SUITE_END()
