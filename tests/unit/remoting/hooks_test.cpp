// What a client does around a request: hooks, the serialization, GO_AWAY.
#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include "comet/remoting/acl.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/server.hpp"
#include "remoting_world.hpp"

using namespace comet;
using namespace comet::remoting;
using namespace comet::remoting::test;

namespace {

const Address kAddress("broker", 10911);
constexpr std::int32_t kNewVersion = kVersionV5_3_1 + 4;  // V5_3_3

// Notes what it sees in a text that several hooks may share.
class Recorder final : public RpcHook {
 public:
  Recorder(std::string name, std::string& notes) : name_(std::move(name)), notes_(notes) {}
  void before_request(const Address& to, RemotingCommand& request) override {
    notes_ += name_ + " before " + std::string(to_string(request.request_code())) + " to " +
              to.to_string() + "\n";
    request.fields.add("hook-" + name_, "was here");
  }
  void after_response(const Address& from, RequestCode request,
                      const RemotingCommand& answer) override {
    notes_ += name_ + " after " + std::string(to_string(request)) + " from " + from.to_string() +
              ": " + std::string(to_string(answer.response_code())) + "\n";
  }

 private:
  std::string name_;
  std::string& notes_;
};

class Refuser final : public RpcHook {
 public:
  void before_request(const Address&, RemotingCommand&) override {
    throw Error(RemotingErrc::cannot_sign, "sign the request");
  }
};

// A server whose every request goes to `serve`, and a client.
class HookWorld : public RemotingWorld {
 public:
  explicit HookWorld(ClientConfig config = {}) : client(executor(), network, time, config) {}
  ~HookWorld() {
    run(client.stop());
    stop();
  }

  void start(SyncHandler serve, ServerConfig config = {}) {
    config.listen_at = kAddress;
    auto handlers = echo(time);  // PULL_MESSAGE takes a second
    handlers->on(RequestCode::heart_beat, std::move(serve));
    const std::vector<asio::any_io_executor> executors{executor()};
    server = std::make_unique<Server>(executors, network, time, config, handlers);
    server->start();
    settle();
  }
  void stop(Duration timeout = Duration::zero()) {
    if (server) run(server->stop(time.now() + timeout));
    settle();
  }
  asio::awaitable<RemotingCommand> ask(std::string body = "x",
                                       RequestCode code = RequestCode::heart_beat) {
    RemotingCommand request = RemotingCommand::request(code, Body(std::move(body)));
    request.version = version;
    return client.invoke(kAddress, std::move(request), time.now() + 3s);
  }
  // In the background; the answer's code goes to `answers`, -1 for an error.
  asio::awaitable<void> ask_and_note(std::string body, RequestCode code) {
    try {
      RemotingCommand answer = co_await ask(std::move(body), code);
      answers.push_back(answer.code);
    } catch (const Error& problem) {
      answers.push_back(-1);
    }
  }

  Client client;
  std::unique_ptr<Server> server;
  std::int32_t version = kVersion;
  std::vector<std::int32_t> answers;
  TaskGroup tasks{executor(), time};
};

Reply success(const Request& request) {
  RemotingCommand answer = RemotingCommand::response(request.command, ResponseCode::success);
  answer.body = request.command.body;
  return answer;
}

Reply go_away(const Request& request) {
  return RemotingCommand::response(request.command, ResponseCode::go_away, "please go away");
}

}  // namespace

BOOST_AUTO_TEST_CASE(hooks_see_requests_and_answers_in_their_order_and_may_add_fields) {
  std::string notes;
  ClientConfig config;
  config.hooks = {std::make_shared<Recorder>("one", notes),
                  std::make_shared<Recorder>("two", notes)};
  HookWorld world(config);
  world.start([](Request& request) -> Reply {
    BOOST_TEST(request.command.fields.find("hook-one").value_or("") == "was here");
    BOOST_TEST(request.command.fields.find("hook-two").value_or("") == "was here");
    return RemotingCommand::response(request.command, ResponseCode::topic_not_exist);
  });
  world.run(world.ask());
  BOOST_TEST(notes ==
             "one before HEART_BEAT to broker:10911\ntwo before HEART_BEAT to broker:10911\n"
             "one after HEART_BEAT from broker:10911: TOPIC_NOT_EXIST\n"
             "two after HEART_BEAT from broker:10911: TOPIC_NOT_EXIST\n");
}

BOOST_AUTO_TEST_CASE(hooks_see_oneway_requests_and_no_answer_to_them) {
  std::string notes;
  ClientConfig config;
  config.hooks = {std::make_shared<Recorder>("one", notes)};
  HookWorld world(config);
  world.start([](Request& request) { return success(request); });
  world.run(world.client.invoke_oneway(kAddress, RemotingCommand::request(RequestCode::heart_beat),
                                       world.time.now() + 3s));
  BOOST_TEST(notes == "one before HEART_BEAT to broker:10911\n");
}

BOOST_AUTO_TEST_CASE(a_hook_that_throws_fails_the_request_and_nothing_is_sent) {
  ClientConfig config;
  config.hooks = {std::make_shared<Refuser>()};
  HookWorld world(config);
  int served = 0;
  world.start([&served](Request& request) {
    ++served;
    return success(request);
  });
  BOOST_TEST((world.error_of(world.ask()) == RemotingErrc::cannot_sign));
  world.settle();
  BOOST_TEST(served == 0);
}

BOOST_AUTO_TEST_CASE(a_signing_client_is_believed_by_a_server_with_the_same_key_only) {
  ClientConfig config;
  config.hooks = {std::make_shared<AclSigner>(Credentials("rocketmq2", "12345678"))};
  for (SerializeType type : {SerializeType::json, SerializeType::rocketmq}) {
    config.serialize_type = type;
    HookWorld world(config);
    std::string secret = "12345678";
    world.start([&secret](Request& request) -> Reply {
      const bool valid = has_valid_signature(request.command, secret);
      return RemotingCommand::response(request.command,
                                       valid ? ResponseCode::success : ResponseCode::no_permission);
    });
    BOOST_TEST((world.run(world.ask("body")).response_code() == ResponseCode::success));
    secret = "another";
    BOOST_TEST((world.run(world.ask("body")).response_code() == ResponseCode::no_permission));
  }
}

BOOST_AUTO_TEST_CASE(requests_go_in_the_serialization_that_the_client_chooses) {
  for (SerializeType type : {SerializeType::json, SerializeType::rocketmq}) {
    ClientConfig config;
    config.serialize_type = type;
    HookWorld world(config);
    std::vector<SerializeType> seen;
    world.start([&seen](Request& request) {
      seen.push_back(request.command.serialize_type);
      return success(request);
    });
    BOOST_TEST((world.run(world.ask()).serialize_type == type));
    world.run(world.client.invoke_oneway(
        kAddress, RemotingCommand::request(RequestCode::heart_beat), world.time.now() + 3s));
    world.settle();
    BOOST_REQUIRE(seen.size() == 2u);
    BOOST_TEST((seen[0] == type));
    BOOST_TEST((seen[1] == type));
  }
}

BOOST_AUTO_TEST_CASE(names_of_serializations_are_read_in_any_case) {
  BOOST_TEST((parse_serialize_type("json") == SerializeType::json));
  BOOST_TEST((parse_serialize_type("RocketMQ") == SerializeType::rocketmq));
  BOOST_TEST(!parse_serialize_type("").has_value());
  BOOST_TEST(!parse_serialize_type("protobuf").has_value());
  for (SerializeType type : {SerializeType::json, SerializeType::rocketmq}) {
    BOOST_TEST((parse_serialize_type(to_string(type)) == type));
  }
}

BOOST_AUTO_TEST_CASE(a_request_refused_with_go_away_is_sent_once_more_on_a_new_connection) {
  std::string notes;
  ClientConfig config;
  config.hooks = {std::make_shared<Recorder>("one", notes)};
  HookWorld world(config);
  std::vector<std::uint64_t> connections;
  world.start([&connections](Request& request) -> Reply {
    connections.push_back(request.connection->id());
    return connections.size() == 1 ? go_away(request) : success(request);
  });
  const std::string body(10'000, 'b');
  RemotingCommand answer = world.run(world.ask(body));
  BOOST_TEST((answer.response_code() == ResponseCode::success));
  BOOST_TEST(answer.body.view() == body);  // the second try was as whole as the first
  BOOST_REQUIRE(connections.size() == 2u);
  BOOST_TEST(connections[0] != connections[1]);
  world.settle();
  BOOST_TEST(world.server->connections() == 1u);  // the first one is closed
  BOOST_TEST(notes ==
             "one before HEART_BEAT to broker:10911\n"
             "one after HEART_BEAT from broker:10911: SUCCESS\n");
}

BOOST_AUTO_TEST_CASE(a_second_go_away_is_the_answer) {
  HookWorld world;
  int served = 0;
  world.start([&served](Request& request) {
    ++served;
    return go_away(request);
  });
  RemotingCommand answer = world.run(world.ask());
  BOOST_TEST((answer.response_code() == ResponseCode::go_away));
  BOOST_TEST(answer.remark == "please go away");
  BOOST_TEST(served == 2);
}

BOOST_AUTO_TEST_CASE(what_is_in_flight_is_answered_on_the_connection_that_is_being_left) {
  HookWorld world;
  int served = 0;
  world.start(
      [&served](Request& request) { return ++served == 1 ? go_away(request) : success(request); });
  world.tasks.spawn("slow", world.ask_and_note("slow", RequestCode::pull_message));
  world.settle();
  BOOST_TEST((world.run(world.ask()).response_code() == ResponseCode::success));
  BOOST_TEST(world.server->connections() == 2u);  // the old one waits for its last answer
  world.run(world.tasks.join());
  BOOST_REQUIRE(world.answers.size() == 1u);
  BOOST_TEST(world.answers[0] == 0);
  world.settle();
  BOOST_TEST(world.server->connections() == 1u);
  BOOST_TEST((world.run(world.ask()).response_code() == ResponseCode::success));
  BOOST_TEST(world.server->connections() == 1u);
}

BOOST_AUTO_TEST_CASE(stopping_a_client_ends_connections_that_are_being_left_too) {
  HookWorld world;
  int served = 0;
  world.start(
      [&served](Request& request) { return ++served == 1 ? go_away(request) : success(request); });
  world.tasks.spawn("slow", world.ask_and_note("slow", RequestCode::pull_message));
  world.settle();
  world.run(world.ask());
  world.run(world.client.stop());
  world.run(world.tasks.join());
  BOOST_REQUIRE(world.answers.size() == 1u);
  BOOST_TEST(world.answers[0] == -1);
  world.settle();
  BOOST_TEST(world.server->connections() == 0u);
}

BOOST_AUTO_TEST_CASE(a_stopping_server_tells_new_clients_to_go_away_and_serves_old_ones) {
  ServerConfig config;
  config.go_away_time = 500ms;
  HookWorld world;
  world.version = kNewVersion;
  world.start([](Request& request) { return success(request); }, config);
  world.run(world.ask());
  RawPeer old_peer(world.run(world.network.connect(kAddress, world.time.now() + 1s)));
  RawPeer new_peer(world.run(world.network.connect(kAddress, world.time.now() + 1s)));
  RemotingCommand old_request = request_of(RequestCode::heart_beat, 1);
  RemotingCommand new_request = request_of(RequestCode::heart_beat, 2);
  new_request.version = kNewVersion;
  world.run(old_peer.send(frame_of(old_request)));
  BOOST_TEST(world.run(old_peer.receive())->code == 0);
  world.run(new_peer.send(frame_of(new_request)));
  BOOST_TEST(world.run(new_peer.receive())->code == 0);

  const Instant begin = world.time.now();
  world.tasks.spawn("stop", world.server->stop(begin + 10s));
  world.settle();
  world.run(old_peer.send(frame_of(old_request)));
  BOOST_TEST(world.run(old_peer.receive())->code == 0);
  world.run(new_peer.send(frame_of(new_request)));
  Result<RemotingCommand> refused = world.run(new_peer.receive());
  BOOST_TEST((refused->response_code() == ResponseCode::go_away));
  BOOST_TEST(refused->remark == "please go away");
  world.run(world.tasks.join());
  BOOST_TEST(to_millis(world.time.now() - begin) == 500);
  BOOST_TEST((world.run(old_peer.receive()).error() == asio::error::eof));
}

BOOST_AUTO_TEST_CASE(a_server_without_new_clients_stops_at_once) {
  ServerConfig config;
  config.go_away_time = 10s;
  HookWorld world;
  world.start([](Request& request) { return success(request); }, config);
  world.run(world.ask());
  const Instant begin = world.time.now();
  world.stop(20s);
  BOOST_TEST(to_millis(world.time.now() - begin) == 0);
}

BOOST_AUTO_TEST_CASE(while_a_stopping_server_works_it_refuses_new_clients_requests) {
  HookWorld world;
  world.version = kNewVersion;
  world.start([](Request& request) { return success(request); });
  RawPeer peer(world.run(world.network.connect(kAddress, world.time.now() + 1s)));
  RemotingCommand slow = request_of(RequestCode::pull_message, 1);
  RemotingCommand late = request_of(RequestCode::heart_beat, 2);
  late.version = kNewVersion;
  world.run(peer.send(frame_of(slow)));
  world.settle();
  world.tasks.spawn("stop", world.server->stop(world.time.now() + 10s));
  world.settle();
  world.run(peer.send(frame_of(late)));
  Result<RemotingCommand> answer = world.run(peer.receive());
  BOOST_TEST(answer->opaque == 2);
  BOOST_TEST((answer->response_code() == ResponseCode::go_away));
  BOOST_TEST(world.run(peer.receive())->opaque == 1);
  world.run(world.tasks.join());
}
