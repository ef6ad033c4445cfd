#include "comet/client/queue_reader.hpp"

#include <boost/test/unit_test.hpp>

#include "comet/message/compression.hpp"
#include "comet/message/record.hpp"
#include "comet/message/sys_flag.hpp"
#include "comet/remoting/errors.hpp"
#include "fake_cluster.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

// A broker with one queue in memory that answers pulls as RocketMQ does.
class FakeQueueBroker : public FakeServer {
 public:
  explicit FakeQueueBroker(VirtualWorld& world) : FakeServer(world, Address("host-q", 10911)) {
    auto pull = [this](Request& request) { return on_pull(request); };
    handlers_->on(RequestCode::pull_message, pull);
    auto bounds = [this](Request& request) -> Reply {
      RemotingCommand answer = RemotingCommand::response(request.command, ResponseCode::success);
      const bool wants_max = request.command.request_code() == RequestCode::get_max_offset;
      answer.fields.add("offset", wants_max ? max() : min);
      return answer;
    };
    handlers_->on(RequestCode::get_max_offset, bounds);
    handlers_->on(RequestCode::get_min_offset, bounds);
    start();
  }

  void store(std::string_view body, std::int32_t sys_flag = 0) {
    RecordView record;
    record.queue_offset = max();
    record.body = body;
    record.topic = "lines";
    record.sys_flag = sys_flag;
    records.emplace_back();
    encode_record(record, records.back());
  }
  [[nodiscard]] std::int64_t max() const { return min + static_cast<std::int64_t>(records.size()); }

  std::int64_t min = 0;
  std::vector<std::string> records;
  std::vector<RemotingCommand> pulls;
  std::optional<ResponseCode> refuse;

 private:
  Reply on_pull(Request& request) {
    pulls.push_back(request.command);
    if (refuse) return RemotingCommand::response(request.command, *refuse, "refused by the test");
    auto header = remoting::read_header<remoting::PullMessageHeader>(request.command.fields);
    std::int64_t next = header->queue_offset;
    ResponseCode code = ResponseCode::success;
    std::string body;
    if (next < min || next > max()) {
      code = ResponseCode::pull_offset_moved;
      next = next < min ? min : max();
    } else if (next == max()) {
      code = ResponseCode::pull_not_found;
    } else {
      for (int i = 0; i < header->max_msg_nums && next < max(); ++i, ++next) {
        body += records[static_cast<std::size_t>(next - min)];
      }
    }
    RemotingCommand answer = RemotingCommand::response(request.command, code);
    remoting::PullMessageResponseHeader position;
    position.next_begin_offset = next;
    position.min_offset = min;
    position.max_offset = max();
    remoting::write_header(position, answer.fields);
    answer.body = std::move(body);
    return answer;
  }
};

class ReaderWorld : public VirtualWorld {
 public:
  FakeNameServer name_server{*this};
  FakeQueueBroker broker{*this};
  std::shared_ptr<client::ClientInstance> client;
  MessageQueue queue{"lines", "broker-q", 0};

  ReaderWorld() {
    routing::TopicRouteData& route = name_server.routes["lines"];
    route.queues.resize(1);
    route.queues[0].broker_name = "broker-q";
    route.queues[0].read_queue_nums = 2;
    route.queues[0].perm = 6;
    route.brokers.resize(1);
    route.brokers[0].broker_name = "broker-q";
    route.brokers[0].broker_addrs[0] = broker.address().to_string();
    client::ClientConfig config;
    config.name_servers = Address::parse_list("ns1:9876");
    client = std::make_shared<client::ClientInstance>(executor(), network, time, config);
    run(client->start());
  }
  ~ReaderWorld() {
    run(client->stop());
    broker.stop();
    name_server.stop();
  }
  error_code failure(client::QueueReader& reader) {
    try {
      run(reader.read());
      return {};
    } catch (const Error& error) {
      return error.code();
    }
  }
};

BOOST_FIXTURE_TEST_SUITE(queue_reader, ReaderWorld)

BOOST_AUTO_TEST_CASE(the_readable_queues_of_a_topic_are_found) {
  std::vector<MessageQueue> queues = run(client::readable_queues(client, "lines"));
  BOOST_TEST(queues.size() == 2u);
  BOOST_TEST((queues.at(1) == MessageQueue("lines", "broker-q", 1)));
}

BOOST_AUTO_TEST_CASE(messages_come_in_order_and_end_with_an_empty_read) {
  for (int i = 0; i < 10; ++i) broker.store("line " + std::to_string(i));
  client::QueueReader reader(client, queue);
  std::vector<std::string> bodies;
  for (;;) {
    std::vector<MessageExt> messages = run(reader.read(4));
    if (messages.empty()) break;
    for (const MessageExt& message : messages) bodies.push_back(message.body());
  }
  BOOST_TEST(bodies.size() == 10u);
  BOOST_TEST(bodies.front() == "line 0");
  BOOST_TEST(bodies.back() == "line 9");
  BOOST_TEST(reader.offset() == 10);
  broker.store("one more");
  BOOST_TEST(run(reader.read()).at(0).body() == "one more");
}

BOOST_AUTO_TEST_CASE(a_pull_carries_its_own_subscription) {
  broker.store("x");
  client::QueueReader reader(client, queue, "my-group");
  run(reader.read());
  const RemotingCommand& pull = broker.pulls.at(0);
  BOOST_TEST(pull.code == 11);
  BOOST_TEST(pull.fields.find("sysFlag").value() == "4");
  BOOST_TEST(pull.fields.find("subscription").value() == "*");
  BOOST_TEST(pull.fields.find("consumerGroup").value() == "my-group");
}

BOOST_AUTO_TEST_CASE(a_read_that_may_wait_asks_the_broker_to_wait) {
  client::QueueReader reader(client, queue);
  run(reader.read(32, 5s));
  BOOST_TEST(broker.pulls.at(0).fields.find("sysFlag").value() == "6");
  BOOST_TEST(broker.pulls.at(0).fields.find("suspendTimeoutMillis").value() == "5000");
}

BOOST_AUTO_TEST_CASE(reading_begins_where_it_is_told) {
  for (int i = 0; i < 10; ++i) broker.store(std::to_string(i));
  client::QueueReader reader(client, queue);
  reader.seek(7);
  BOOST_TEST(run(reader.read()).at(0).body() == "7");
}

BOOST_AUTO_TEST_CASE(offsets_that_are_gone_are_skipped) {
  broker.min = 100;
  broker.store("first left");
  client::QueueReader reader(client, queue);
  std::vector<MessageExt> messages = run(reader.read());
  BOOST_TEST(messages.at(0).body() == "first left");
  BOOST_TEST(messages.at(0).queue_offset == 100);
}

BOOST_AUTO_TEST_CASE(the_bounds_of_the_queue_can_be_asked_for) {
  broker.min = 5;
  broker.store("x");
  client::QueueReader reader(client, queue);
  BOOST_TEST(run(reader.min_offset()) == 5);
  BOOST_TEST(run(reader.max_offset()) == 6);
}

BOOST_AUTO_TEST_CASE(compressed_bodies_are_decompressed) {
  const std::string text(10'000, 'z');
  broker.store(zlib_compress(text, 5), sys_flag::kCompressed | sys_flag::kCompressionZlib);
  client::QueueReader reader(client, queue);
  BOOST_TEST(run(reader.read()).at(0).body() == text);
}

BOOST_AUTO_TEST_CASE(a_damaged_record_is_never_delivered) {
  broker.store("good");
  broker.store("precious");
  std::string& record = broker.records[1];
  record[record.find("precious")] = 'X';
  client::QueueReader reader(client, queue);
  BOOST_TEST(failure(reader) == make_error_code(ClientErrc::bad_answer));
  BOOST_TEST(reader.offset() == 0);
}

BOOST_AUTO_TEST_CASE(a_refusal_of_the_broker_is_the_error) {
  broker.refuse = ResponseCode::no_permission;
  client::QueueReader reader(client, queue);
  BOOST_TEST(failure(reader) == make_error_code(ResponseCode::no_permission));
}

BOOST_AUTO_TEST_CASE(a_queue_of_an_unknown_broker_is_an_error) {
  client::QueueReader reader(client, MessageQueue("lines", "broker-x", 0));
  BOOST_TEST(failure(reader) == make_error_code(ClientErrc::broker_not_exist));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
