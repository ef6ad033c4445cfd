// What the settings beyond the plain send do.

#include <boost/test/unit_test.hpp>
#include <set>

#include "comet/client/client_instance.hpp"
#include "comet/message/compression.hpp"
#include "comet/message/properties.hpp"
#include "comet/producer/send_hook.hpp"
#include "comet/remoting/acl.hpp"
#include "comet/remoting/errors.hpp"
#include "comet/remoting/hook.hpp"
#include "producer_world.hpp"

using namespace std::chrono_literals;

namespace comet::inline v0_1::test {
namespace {

using Act = FakeBroker::Act;

std::string property_of(const FakeBroker::Received& request, std::string_view name) {
  return std::string(find_property(request.field("i"), name));
}

BOOST_FIXTURE_TEST_SUITE(settings, ProducerWorld)

// --- Retries ---

BOOST_AUTO_TEST_CASE(a_weaker_guarantee_may_lead_to_another_broker) {
  start(config().retry_when_not_store_ok(true));
  broker_a.otherwise = Act::code(ResponseCode::slave_not_available);
  for (int i = 0; i < 4; ++i) {
    const SendResult result = send();
    BOOST_TEST(result.status == SendStatus::send_ok);
    BOOST_TEST(result.queue.broker_name == "broker-b");
  }
}

BOOST_AUTO_TEST_CASE(the_weaker_guarantee_is_the_result_when_no_broker_has_a_better_one) {
  start(config().retry_when_not_store_ok(true));
  both(Act::code(ResponseCode::flush_disk_timeout));
  BOOST_TEST(send().status == SendStatus::flush_disk_timeout);
  BOOST_TEST(tries() == 3u);
}

BOOST_AUTO_TEST_CASE(it_stays_the_result_when_a_later_try_fails) {
  start(config().retry_when_not_store_ok(true));
  broker_a.script = {Act::code(ResponseCode::flush_slave_timeout),
                     Act::code(ResponseCode::flush_slave_timeout)};
  broker_b.otherwise = Act::code(ResponseCode::message_illegal);
  SendResult result;
  try {
    result = send();
    BOOST_TEST(result.status == SendStatus::flush_slave_timeout);
  } catch (const Error&) {
    BOOST_TEST(tries() == 1u);  // broker-b was the first
  }
}

BOOST_AUTO_TEST_CASE(the_codes_that_lead_to_a_retry_can_be_chosen) {
  start(config().retry_response_codes({ResponseCode::message_illegal}));
  both(Act::code(ResponseCode::message_illegal));
  BOOST_TEST(failing_send<SendError>().tries().size() == 3u);
  both(Act::code(ResponseCode::system_busy));
  BOOST_TEST(failing_send<SendError>().tries().size() == 1u);
}

BOOST_AUTO_TEST_CASE(the_same_broker_is_given_a_moment_before_it_is_tried_again) {
  name_server.routes["orders"] = make_route({&broker_a});
  start();
  both(Act::code(ResponseCode::system_busy));
  const Instant begin = time.now();
  failing_send();
  BOOST_TEST((time.now() - begin == 100ms + 500ms));
  BOOST_TEST(tries() == 3u);
}

BOOST_AUTO_TEST_CASE(a_broker_that_restarts_within_half_a_second_is_not_noticed) {
  name_server.routes["orders"] = make_route({&broker_a});
  start();
  send();
  network.set_down("host-a", true);
  bool sent = false;
  auto on_end = [&sent](std::exception_ptr problem, SendResult) { sent = problem == nullptr; };
  asio::co_spawn(context, producer->send(Message("orders", "x")), on_end);
  pass(500ms);
  network.set_down("host-a", false);
  pass(3s);
  BOOST_TEST(sent);
}

BOOST_AUTO_TEST_CASE(without_a_pause_retries_are_made_at_once) {
  name_server.routes["orders"] = make_route({&broker_a});
  start(config().retry_pause(0s));
  both(Act::code(ResponseCode::system_busy));
  const Instant begin = time.now();
  failing_send();
  BOOST_TEST((time.now() == begin));
  BOOST_TEST(tries() == 3u);
}

BOOST_AUTO_TEST_CASE(a_retry_follows_a_route_that_has_changed) {
  name_server.routes["orders"] = make_route({&broker_a});
  start();
  send();
  network.set_down("host-a", true);
  name_server.routes["orders"] = make_route({&broker_b});
  SendResult result;
  auto on_end = [&result](std::exception_ptr, SendResult stored) { result = std::move(stored); };
  asio::co_spawn(context, producer->send(Message("orders", "x")), on_end);
  settle();
  run(producer->client()->refresh_route("orders", time.now() + 1s));
  pass(1s);
  BOOST_TEST(result.queue.broker_name == "broker-b");
}

// --- Fault tolerance ---

BOOST_AUTO_TEST_CASE(a_fault_window_opens_and_closes_on_time) {
  start(config().latency_fault_tolerance(true));
  broker_a.otherwise = Act::code(ResponseCode::system_busy);
  for (int i = 0; i < 4; ++i) send();
  broker_a.otherwise = Act();
  const std::size_t before = broker_a.sends.size();
  pass(600s - 1s);
  for (int i = 0; i < 8; ++i) send();
  BOOST_TEST(broker_a.sends.size() == before);
  pass(2s);
  for (int i = 0; i < 8; ++i) send();
  BOOST_TEST(broker_a.sends.size() > before);
}

BOOST_AUTO_TEST_CASE(a_slow_broker_is_left_out_for_as_long_as_its_latency_says) {
  start(config().latency_fault_tolerance(true));
  for (int i = 0; i < 8; ++i) send();
  network.set_latency(300ms);  // 600 ms there and back: 30 s
  const std::string slow = send().queue.broker_name;
  network.set_latency(0ms);
  for (int i = 0; i < 8; ++i) BOOST_TEST(send().queue.broker_name != slow);
  pass(31s);
  std::set<std::string> used;
  for (int i = 0; i < 8; ++i) used.insert(send().queue.broker_name);
  BOOST_TEST(used.size() == 2u);
}

BOOST_AUTO_TEST_CASE(with_every_broker_out_sends_still_go_somewhere) {
  start(config().latency_fault_tolerance(true));
  both(Act::code(ResponseCode::system_busy));
  failing_send();
  both(Act());
  BOOST_TEST(send().status == SendStatus::send_ok);
}

BOOST_AUTO_TEST_CASE(the_detector_finds_a_broker_that_is_back) {
  start(config().reachability_detector(true));
  for (int i = 0; i < 8; ++i) send();
  network.set_down("host-a", true);
  for (int i = 0; i < 4; ++i) BOOST_TEST(send().queue.broker_name == "broker-b");
  pass(9s);
  BOOST_TEST(broker_a.count(RequestCode::get_max_offset) == 0);
  network.set_down("host-a", false);
  pass(10s);
  BOOST_TEST(broker_a.count(RequestCode::get_max_offset) > 0);
  std::set<std::string> used;
  for (int i = 0; i < 8; ++i) used.insert(send().queue.broker_name);
  BOOST_TEST(used.size() == 2u);
}

// --- Names ---

BOOST_AUTO_TEST_CASE(a_namespace_is_on_the_wire_and_nowhere_else) {
  name_server.routes["tenant%orders"] = make_route({&broker_a});
  start(config().name_space("tenant"));
  const SendResult result = send();
  BOOST_TEST(result.queue.topic == "orders");
  const FakeBroker::Received& request = broker_a.sends.at(0);
  BOOST_TEST(request.field("a") == "tenant%order-service");
  BOOST_TEST(request.field("b") == "tenant%orders");
  BOOST_TEST(property_of(request, property::kInstanceId) == "tenant");
  const auto queues = run(producer->publish_queues("orders"));
  BOOST_TEST(queues.at(0).topic == "orders");
  Message message("orders", "x");
  const SendResult placed = run(producer->send(std::move(message), SendOptions(queues.at(2))));
  BOOST_TEST(placed.queue.queue_id == 2);
  std::vector<Message> batch(2, Message("orders", "x"));
  BOOST_TEST(run(producer->send_batch(batch)).queue.topic == "orders");
  const QueueSelector selector = [](const std::vector<MessageQueue>& shown, const Message&) {
    BOOST_TEST(shown.at(0).topic == "orders");
    return std::size_t{1};
  };
  Message selected("orders", "x");
  run(producer->send(std::move(selected), SendOptions(selector)));
}

BOOST_AUTO_TEST_CASE(an_endpoint_names_servers_and_namespace) {
  const ProducerConfig with = config("http://MQ_INST_1_abc.host:80;http://ns1:9876");
  BOOST_TEST(with.client().name_space == "MQ_INST_1_abc");
  BOOST_TEST((with.client().name_servers.at(0) == Address("MQ_INST_1_abc.host", 80)));
  BOOST_TEST((with.client().name_servers.at(1) == Address("ns1", 9876)));
}

BOOST_AUTO_TEST_CASE(a_namespace_of_5x_travels_beside_the_names) {
  ProducerConfig with = config();
  with.client().name_space_v2 = "tenant";
  start(with);
  send();
  const FakeBroker::Received& request = first_choice().sends.at(0);
  BOOST_TEST(request.field("b") == "orders");
  BOOST_TEST(request.field("ns") == "tenant");
  BOOST_TEST(request.field("nsd") == "true");
}

BOOST_AUTO_TEST_CASE(unit_mode_is_said_with_every_message) {
  ProducerConfig with = config();
  with.client().unit_name = "blue";
  with.client().unit_mode = true;
  start(with);
  send();
  BOOST_TEST(first_choice().sends.at(0).field("k") == "true");
  BOOST_TEST(producer->client()->client_id().ends_with("@blue"));
}

BOOST_AUTO_TEST_CASE(the_vip_channel_is_two_ports_below) {
  // A broker whose other port is where the test's brokers listen.
  name_server.routes["orders"] = make_route({&broker_a});
  name_server.routes["orders"].brokers[0].broker_addrs[0] = "host-a:10913";
  start(config().vip_channel(true));
  BOOST_TEST(send().queue.broker_name == "broker-a");
}

BOOST_AUTO_TEST_CASE(two_clusters_in_one_process_know_nothing_of_each_other) {
  FakeNameServer other_names(*this, "ns2");
  FakeBroker other_broker(*this, "broker-a", "host-c");  // the same name in another cluster
  other_names.routes["orders"] = make_route({&other_broker});
  start();
  Producer other(executor(), config("ns2:9876"), network, time);
  run(other.start());
  for (int i = 0; i < 4; ++i) {
    run(other.send(Message("orders", "there")));
    send(Message("orders", "here"));
  }
  BOOST_TEST(other_broker.sends.size() == 4u);
  BOOST_TEST(tries() == 4u);
  for (const auto& sent : other_broker.sends) BOOST_TEST(sent.body == "there");
  run(other.shutdown());
  other_broker.stop();
  other_names.stop();
}

// --- Messages ---

BOOST_AUTO_TEST_CASE(bodies_may_be_compressed_as_5x_does) {
  for (const CompressionType type : {CompressionType::lz4, CompressionType::zstd}) {
    ProducerWorld world;
    world.start(config().compression(type));
    const std::string text(10'000, 'a');
    world.send(Message("orders", text));
    const FakeBroker::Received& request = world.first_choice().sends.at(0);
    const int flags = std::stoi(request.field("f"));
    BOOST_TEST(flags == compression_flags(type));
    BOOST_TEST(decompress_body(request.body, flags, 1 << 20).value() == text);
  }
}

BOOST_AUTO_TEST_CASE(long_names_and_many_properties_arrive_whole) {
  const std::string topic(127, 't');
  name_server.routes[topic] = make_route({&broker_a});
  start();
  Message message(topic, "x");
  for (int i = 0; i < 200; ++i) message.property("name" + std::to_string(i), std::string(50, 'v'));
  BOOST_TEST(send(message).queue.topic == topic);
  const auto read = MessageProperties::decode(broker_a.sends.at(0).field("i"));
  BOOST_TEST(read.size() == 202u);
  BOOST_TEST(read.get("name199") == std::string(50, 'v'));
}

// --- Hooks ---

class Recorder final : public SendHook {
 public:
  void before_send(const SendContext& context) override {
    calls.push_back("before " + context.queue.broker_name);
    BOOST_TEST(context.messages.size() == 1u);
    BOOST_TEST(!context.messages[0].unique_id().empty());
    if (fail) throw std::runtime_error("from a hook");
  }
  void after_send(const SendContext& context) override {
    calls.push_back(context.result != nullptr ? "stored " + context.result->message_id
                                              : "failed " + context.error.message());
    if (fail) throw std::runtime_error("from a hook");
  }
  std::vector<std::string> calls;
  bool fail = false;
};

BOOST_AUTO_TEST_CASE(hooks_see_every_try) {
  auto recorder = std::make_shared<Recorder>();
  start(config().send_hook(recorder));
  const SendResult result = send();
  BOOST_REQUIRE(recorder->calls.size() == 2u);
  BOOST_TEST(recorder->calls[0] == "before " + result.queue.broker_name);
  BOOST_TEST(recorder->calls[1] == "stored " + result.message_id);
  both(Act::code(ResponseCode::system_busy));
  failing_send();
  BOOST_TEST(recorder->calls.size() == 2u + 6u);
  BOOST_TEST(recorder->calls[3].starts_with("failed "));
}

BOOST_AUTO_TEST_CASE(a_hook_that_fails_does_not_harm_the_send) {
  auto recorder = std::make_shared<Recorder>();
  recorder->fail = true;
  start(config().send_hook(recorder));
  BOOST_TEST(send().status == SendStatus::send_ok);
}

BOOST_AUTO_TEST_CASE(a_forbidden_send_ends_with_the_hooks_reason_and_nothing_is_sent) {
  class Never final : public ForbiddenHook {
   public:
    void check(const SendContext& context) override {
      throw Error(ResponseCode::no_permission, "topic " + context.queue.topic + " is closed");
    }
  };
  start(config().forbidden_hook(std::make_shared<Never>()));
  const Error error = failing_send();
  BOOST_TEST(error.code() == make_error_code(ResponseCode::no_permission));
  BOOST_TEST(contains(error.what(), "topic orders is closed"));
  BOOST_TEST(tries() == 0u);
}

BOOST_AUTO_TEST_CASE(rpc_hooks_see_every_request_and_signatures_come_last) {
  class Marker final : public remoting::RpcHook {
   public:
    void before_request(const Address&, RemotingCommand& request) override {
      request.fields.add("mark", "1");
    }
  };
  start(config().rpc_hook(std::make_shared<Marker>()).access_key("AK", "secret"));
  send();
  const FakeBroker::Received& request = first_choice().sends.at(0);
  BOOST_TEST(request.field("mark") == "1");
  BOOST_TEST(request.field("AccessKey") == "AK");
  BOOST_TEST(remoting::has_valid_signature(request.command, "secret"));
}

// --- Message trace ---

class Traced : public ProducerWorld {
 public:
  Traced() {
    name_server.routes["RMQ_SYS_TRACE_TOPIC"] = make_route({&broker_b}, 1);
    name_server.routes["orders"] = make_route({&broker_a}, 1);
  }
  std::vector<std::string> fields(std::size_t index = 0) const {
    std::string text = broker_b.sends.at(index).body;
    std::vector<std::string> parts(1);
    for (const char c : text) {
      if (c == '\x01') {
        parts.emplace_back();
      } else {
        parts.back() += c;
      }
    }
    return parts;
  }
};

BOOST_AUTO_TEST_CASE(a_trace_says_where_each_message_went) {
  Traced world;
  world.start(config().message_trace(true));
  Message message("orders", "the body");
  message.tag("red").key("k1").key("k2");
  const SendResult result = world.send(message);
  BOOST_TEST(world.broker_b.sends.empty());
  world.pass(600ms);
  BOOST_REQUIRE(world.broker_b.sends.size() == 1u);
  const FakeBroker::Received& request = world.broker_b.sends.at(0);
  BOOST_TEST(request.field("b") == "RMQ_SYS_TRACE_TOPIC");
  BOOST_TEST(request.field("a").starts_with("_INNER_TRACE_PRODUCER-order-service-PRODUCE-"));
  const std::vector<std::string> fields = world.fields();
  BOOST_REQUIRE(fields.size() == 14u);
  BOOST_TEST(fields[0] == "Pub");
  BOOST_TEST(fields[2] == "DefaultRegion");
  BOOST_TEST(fields[3] == "order-service");
  BOOST_TEST(fields[4] == "orders");
  BOOST_TEST(fields[5] == result.message_id);
  BOOST_TEST(fields[6] == "red");
  BOOST_TEST(fields[7] == "k1 k2");
  BOOST_TEST(fields[8] == "host-a:10911");
  BOOST_TEST(fields[9] == "8");
  BOOST_TEST(fields[11] == "0");
  BOOST_TEST(fields[12] == result.offset_message_id);
  BOOST_TEST(fields[13] == "true\x02");
  const std::string keys = property_of(request, property::kKeys);
  for (const std::string& key : {std::string("k1"), std::string("k2"), result.message_id}) {
    BOOST_TEST(contains(keys, key));
  }
}

BOOST_AUTO_TEST_CASE(traces_are_gathered_and_sent_before_the_end) {
  Traced world;
  world.start(config().message_trace(true));
  for (int i = 0; i < 250; ++i) world.send();
  world.pass(1ms);
  BOOST_TEST(world.broker_b.sends.size() == 2u);  // of 100 each, at once
  world.run(world.producer->shutdown());
  BOOST_TEST(world.broker_b.sends.size() == 3u);
}

BOOST_AUTO_TEST_CASE(what_is_not_to_be_traced_is_not) {
  Traced world;
  world.start(config().message_trace(true));
  Message silent("orders", "x");
  silent.properties().set(property::kTraceOn, "false");
  world.send(silent);
  world.broker_a.otherwise = Act::code(ResponseCode::message_illegal);
  world.failing_send();
  world.pass(2s);
  BOOST_TEST(world.broker_b.sends.empty());
}

BOOST_AUTO_TEST_CASE(a_trace_topic_that_is_missing_harms_nobody) {
  Traced world;
  world.name_server.routes.erase("RMQ_SYS_TRACE_TOPIC");
  world.start(config().message_trace(true));
  for (int i = 0; i < 10; ++i) BOOST_TEST(world.send().status == SendStatus::send_ok);
  world.pass(10s);
  world.run(world.producer->shutdown());
}

BOOST_AUTO_TEST_CASE(settings_of_a_temporary_move_into_a_variable) {
  auto made = ProducerConfig("g").retries(3).announce_topics({"T"}).send_timeout(1s);
  static_assert(std::is_same_v<decltype(made), ProducerConfig>);
  static_assert(std::is_same_v<decltype(ProducerConfig("g").retries(3)), ProducerConfig>);
  BOOST_TEST(made.group() == "g");
  BOOST_TEST(made.retries() == 3);
  BOOST_TEST(made.announce_topics().size() == 1u);
}

BOOST_AUTO_TEST_CASE(hooks_see_where_a_message_comes_from_and_of_what_type_it_is) {
  class Watcher final : public SendHook {
   public:
    void before_send(const SendContext& context) override {
      types.push_back(context.message_type());
      born_host = context.born_host;
      name_servers = context.name_servers;
      unit_mode = context.unit_mode;
    }
    std::vector<MessageType> types;
    std::string born_host, name_servers;
    bool unit_mode = false;
  };
  auto watcher = std::make_shared<Watcher>();
  ProducerConfig with = config("ns1:9876");
  with.send_hook(watcher).client().client_ip = "10.9.8.7";
  with.client().unit_mode = true;
  start(with);
  send();
  Message timed("orders", "later");
  timed.properties().set(property::kStartDeliverTime, "1900000000000");
  send(timed);
  BOOST_REQUIRE(watcher->types.size() == 2u);
  BOOST_TEST((watcher->types[0] == MessageType::normal));
  BOOST_TEST((watcher->types[1] == MessageType::delayed));
  BOOST_TEST(watcher->born_host == "10.9.8.7");
  BOOST_TEST(watcher->name_servers == "ns1:9876");
  BOOST_TEST(watcher->unit_mode);
}

BOOST_AUTO_TEST_CASE(a_producer_whose_trace_cannot_start_starts_all_the_same) {
  // Too long a name for the group of the trace's own producer.
  ProducerConfig with(std::string(240, 'g'));
  with.name_servers("ns1:9876").message_trace(true);
  start(with);
  BOOST_TEST((send().status == SendStatus::send_ok));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace comet::inline v0_1::test
