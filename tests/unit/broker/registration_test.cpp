#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "broker_fixture.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "comet/remoting/server.hpp"
#include "comet/routing/topic_config.hpp"
#include "log_lines.hpp"
#include "registration/registration_bodies.hpp"

using namespace comet;
using namespace comet::test;
using namespace std::chrono_literals;

namespace {

// A name server that writes down what it is told.
class FakeNameServer {
 public:
  struct Seen {
    Instant at;
    RequestCode code;
    bool compressed = false;
    routing::RegisterBrokerBody body;  // of registrations
    std::string text;                  // of others
  };

  FakeNameServer(VirtualWorld& world, const Address& at) : world_(world), address(at) {
    auto handlers = std::make_shared<remoting::Dispatcher>();
    handlers->otherwise([this](remoting::Request& request) { return answer(request); });
    remoting::ServerConfig config;
    config.listen_at = at;
    server_ = std::make_unique<remoting::Server>(std::vector{world.executor()}, world.network,
                                                 world.time, config, handlers);
    server_->start();
  }
  ~FakeNameServer() { stop(); }
  void stop() {
    if (server_) world_.run(server_->stop(world_.time.now() + 1s));
    server_.reset();
  }
  std::vector<Seen> take() { return std::exchange(seen, {}); }

  std::vector<Seen> seen;
  bool says_changed = false;
  bool is_silent = false;
  std::string route;  // asked for before each periodic registration; not among what was seen
  ResponseCode code = ResponseCode::success;

 private:
  remoting::Reply answer(remoting::Request& request) {
    Seen one;
    one.at = world_.time.now();
    one.code = request.command.request_code();
    if (is_silent) return std::nullopt;
    if (one.code == RequestCode::get_routeinfo_by_topic) {
      BOOST_TEST((request.command.fields.find("topic") == "broker-a"));
      RemotingCommand told = RemotingCommand::response(
          request.command, route.empty() ? ResponseCode::topic_not_exist : ResponseCode::success,
          {});
      told.body = Body(route);
      return told;
    }
    RemotingCommand response = RemotingCommand::response(request.command, code, "as told");
    if (one.code == RequestCode::register_broker) {
      auto header = remoting::read_header<remoting::RegisterBrokerHeader>(request.command.fields);
      BOOST_REQUIRE(header);
      const std::string bytes = request.command.body.to_string();
      BOOST_TEST(header->body_crc32.value_or(0) == body_crc(bytes));
      BOOST_TEST(header->broker_addr == "10.9.9.9:10911");
      BOOST_TEST(header->ha_server_addr.value_or("") == "10.9.9.9:10912");
      one.compressed = header->compressed.value_or(false);
      auto body = one.compressed ? routing::decode_compressed(bytes, false, 1 << 20)
                                 : routing::parse_register_broker_body(bytes);
      BOOST_REQUIRE(body.has_value());
      one.body = std::move(*body);
    } else {
      one.text = request.command.body.to_string();
      if (one.code == RequestCode::query_data_version) response.fields.add("changed", says_changed);
    }
    seen.push_back(std::move(one));
    return response;
  }

  VirtualWorld& world_;
  Address address;
  std::unique_ptr<remoting::Server> server_;
};

// An address server's HTTP side: the same answer to everybody.
class FakeAddressServer {
 public:
  FakeAddressServer(VirtualWorld& world, const Address& at)
      : world_(world), listener_(world.network.listen(world.executor(), at)) {
    auto ignore = [](std::exception_ptr) {};
    asio::co_spawn(world.context, serve(), ignore);
  }
  ~FakeAddressServer() {
    listener_->close();
    world_.settle();
  }
  std::string list;
  int requests = 0;
  std::string last_request;

 private:
  asio::awaitable<void> serve() {
    for (;;) {
      std::unique_ptr<Stream> stream = co_await listener_->accept(world_.executor());
      std::string chunk(4096, '\0');
      IoResult got = co_await stream->read_some(asio::buffer(chunk));
      ++requests;
      last_request = chunk.substr(0, got.size);
      const std::string answer =
          "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(list.size()) + "\r\n\r\n" + list;
      const asio::const_buffer piece(answer.data(), answer.size());
      got = co_await stream->write(std::span(&piece, 1));
      stream->close();
    }
  }

  VirtualWorld& world_;
  std::unique_ptr<Listener> listener_;
};

constexpr Duration kWhile = 100ms;  // for a message over the network
const Address kFirst("10.0.0.1", 9876);
const Address kSecond("10.0.0.2", 9876);

class RegistrationFixture : public BrokerFixture {
 public:
  RegistrationFixture() { config.name_servers = {kFirst}; }
  ~RegistrationFixture() { stop(); }  // before the name servers go

  void begin() {
    start();
    world.pass(kWhile);
  }
  static RemotingCommand create_request(const std::string& topic, const std::string& perm = "6") {
    RemotingCommand request = RemotingCommand::request(RequestCode::update_and_create_topic);
    for (const auto& [name, value] :
         {std::pair("topic", topic), std::pair("defaultTopic", std::string("TBW102")),
          std::pair("readQueueNums", std::string("4")),
          std::pair("writeQueueNums", std::string("4")), std::pair("perm", perm),
          std::pair("topicFilterType", std::string("SINGLE_TAG"))}) {
      request.fields.add(name, value);
    }
    return request;
  }
  void create(const std::string& topic, const std::string& perm = "6") {
    BOOST_TEST((ask(create_request(topic, perm)).response_code() == ResponseCode::success));
    world.pass(kWhile);
  }
  static std::size_t topics(const FakeNameServer::Seen& one) {
    return one.body.topic_config.topics.size();
  }
  static std::int64_t version(const FakeNameServer::Seen& one) {
    return one.body.topic_config.data_version.counter;
  }
  FakeNameServer first{world, kFirst};
  FakeNameServer second{world, kSecond};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(registration, RegistrationFixture)

BOOST_AUTO_TEST_CASE(a_silent_name_server_does_not_delay_the_others) {
  config.name_servers = {Address("10.0.0.77", 9876), kFirst, kSecond};
  begin();
  for (FakeNameServer* server : {&first, &second}) {
    BOOST_REQUIRE(server->seen.size() == 1u);
    BOOST_TEST((server->seen[0].code == RequestCode::register_broker));
    const auto& topics = server->seen[0].body.topic_config.topics;
    for (const char* topic :
         {"TBW102", "SELF_TEST_TOPIC", "BenchmarkTest", "DefaultCluster", "broker-a",
          "OFFSET_MOVED_EVENT", "SCHEDULE_TOPIC_XXXX", "DefaultCluster_REPLY_TOPIC"}) {
      BOOST_TEST(topics.contains(topic), topic);
    }
    BOOST_TEST(topics.at("BenchmarkTest").write_queue_nums == 1024);
    BOOST_TEST(topics.at("TBW102").perm == 7);
  }
}

BOOST_AUTO_TEST_CASE(every_thirty_seconds_all_topics_are_said_again) {
  begin();
  first.take();
  world.pass(91s);
  const auto seen = first.take();
  BOOST_REQUIRE(seen.size() == 3u);
  for (const auto& one : seen) {
    BOOST_TEST((one.code == RequestCode::register_broker));
    BOOST_TEST(topics(one) == 8u);
  }
  BOOST_TEST(to_millis(seen[1].at - seen[0].at) == 30'000);
}

// W9
BOOST_AUTO_TEST_CASE(another_broker_of_the_same_name_and_id_is_an_error_once) {
  const auto route = [](const std::string& address) {
    return R"({"brokerDatas":[{"brokerAddrs":{"0":")" + address +
           R"("},"brokerName":"broker-a","cluster":"DefaultCluster"}],"queueDatas":[]})";
  };
  const LogLines log;
  begin();
  first.route = route("10.9.9.9:10911");
  world.pass(61s);
  BOOST_TEST(log.count("two brokers have one name and id") == 0);
  first.route = route("10.9.9.8:10911");
  world.pass(61s);
  BOOST_TEST(log.count("two brokers have one name and id") == 1);
  BOOST_TEST(log.count("name server 10.0.0.1:9876 has broker broker-a id 0 at 10.9.9.8:10911") ==
             1);
  first.route = "nonsense";
  world.pass(61s);
  first.route.clear();
  world.pass(61s);
  BOOST_TEST(log.count("two brokers have one name and id") == 1);
  BOOST_TEST(first.take().size() > 8u);  // it has gone on registering
}

BOOST_AUTO_TEST_CASE(a_new_topic_is_registered_at_once_and_alone) {
  begin();
  const std::int64_t before = version(first.take().at(0));
  create("T");
  auto seen = first.take();
  BOOST_REQUIRE(seen.size() == 1u);
  BOOST_TEST(topics(seen[0]) == 1u);
  BOOST_TEST(seen[0].body.topic_config.topics.at("T").read_queue_nums == 4);
  BOOST_TEST(version(seen[0]) == before + 1);
  ask(send_request("on-first-send", "x"));
  world.pass(kWhile);
  seen = first.take();
  BOOST_REQUIRE(seen.size() == 1u);
  BOOST_TEST(topics(seen[0]) == 1u);
  BOOST_TEST(seen[0].body.topic_config.topics.contains("on-first-send"));
  world.pass(31s);
  seen = first.take();
  BOOST_REQUIRE(seen.size() == 1u);
  BOOST_TEST(topics(seen[0]) == 10u);
}

// Whoever made it asks for its route at once.
BOOST_AUTO_TEST_CASE(a_new_topic_is_acknowledged_when_the_name_servers_know_it) {
  config.name_servers = {kFirst, kSecond};
  begin();
  first.take();
  second.take();
  BOOST_TEST((ask(create_request("T")).response_code() == ResponseCode::success));
  for (FakeNameServer* server : {&first, &second}) {
    BOOST_REQUIRE(server->seen.size() == 1u);
    BOOST_TEST(server->seen[0].body.topic_config.topics.contains("T"));
  }
}

BOOST_AUTO_TEST_CASE(a_name_server_that_is_away_does_not_hold_up_the_acknowledgement) {
  config.name_servers = {kFirst, Address("10.0.0.77", 9876)};
  begin();
  const Instant asked = world.time.now();
  BOOST_TEST((ask(create_request("T")).response_code() == ResponseCode::success));
  BOOST_TEST(to_millis(world.time.now() - asked) < 100);
}

BOOST_AUTO_TEST_CASE(a_name_server_that_falls_silent_holds_it_up_for_two_seconds_at_most) {
  begin();
  first.is_silent = true;
  const Instant asked = world.time.now();
  BOOST_TEST((ask(create_request("T")).response_code() == ResponseCode::success));
  BOOST_TEST(to_millis(world.time.now() - asked) >= 1'900);  // it has waited
  BOOST_TEST(to_millis(world.time.now() - asked) <= 2'100);
  first.is_silent = false;
}

BOOST_AUTO_TEST_CASE(a_topic_that_waits_for_a_silent_name_server_is_acknowledged_at_a_stop) {
  begin();
  first.is_silent = true;
  std::optional<ResponseCode> code;
  const auto ask_for_topic = [&]() -> asio::awaitable<void> {
    const RemotingCommand answer =
        co_await client->invoke(config.listen_at, create_request("T"), world.time.now() + 30s);
    code = answer.response_code();
  };
  const auto ignore = [](std::exception_ptr) {};
  asio::co_spawn(world.context, ask_for_topic(), ignore);
  world.pass(kWhile);
  BOOST_TEST(!code.has_value());  // it waits
  world.run(broker->stop(world.time.now() + 5s));
  world.settle();
  BOOST_REQUIRE(code.has_value());
  BOOST_TEST((*code == ResponseCode::success));
}

BOOST_AUTO_TEST_CASE(a_topic_that_is_not_on_the_disk_is_in_no_route) {
  begin();
  create("T");
  first.take();
  // A directory in the place of the temporary file keeps topics.json from being written.
  const std::string obstacle = config.store.root + "/config/topics.json.tmp";
  std::filesystem::create_directories(obstacle);
  BOOST_TEST(
      (ask(send_request("new", "x")).response_code() == ResponseCode::service_not_available));
  RemotingCommand change = RemotingCommand::request(RequestCode::update_and_create_topic);
  for (const auto& [name, value] :
       {std::pair("topic", "T"), std::pair("defaultTopic", "TBW102"),
        std::pair("readQueueNums", "8"), std::pair("writeQueueNums", "8"), std::pair("perm", "6"),
        std::pair("topicFilterType", "SINGLE_TAG")}) {
    change.fields.add(name, value);
  }
  BOOST_TEST((ask(std::move(change)).response_code() == ResponseCode::system_error));
  world.pass(31s);
  for (const auto& one : first.take()) {
    BOOST_TEST(!one.body.topic_config.topics.contains("new"));
    const auto& topics = one.body.topic_config.topics;
    if (topics.contains("T")) BOOST_TEST(topics.at("T").read_queue_nums == 4);
  }
  std::filesystem::remove_all(obstacle);
  world.pass(1s + kWhile);
  const auto seen = first.take();
  BOOST_REQUIRE(seen.size() == 1u);
  BOOST_TEST(topics(seen[0]) == 2u);
  BOOST_TEST(seen[0].body.topic_config.topics.contains("new"));
  BOOST_TEST(seen[0].body.topic_config.topics.at("T").read_queue_nums == 8);
}

BOOST_AUTO_TEST_CASE(after_a_failed_registration_all_topics_are_said) {
  begin();
  first.take();
  first.code = ResponseCode::system_error;
  create("T");
  BOOST_TEST(topics(first.take().at(0)) == 1u);
  first.code = ResponseCode::success;
  world.pass(1s);
  BOOST_TEST(topics(first.take().at(0)) == 9u);
}

BOOST_AUTO_TEST_CASE(a_removed_topic_makes_the_registration_complete_again) {
  begin();
  create("T");
  first.take();
  RemotingCommand removal = RemotingCommand::request(RequestCode::delete_topic_in_broker);
  removal.fields.add("topic", "T");
  BOOST_TEST((ask_helper(std::move(removal)).response_code() == ResponseCode::success));
  world.pass(kWhile);
  const auto seen = first.take();
  BOOST_REQUIRE(seen.size() == 1u);
  BOOST_TEST(topics(seen[0]) == 8u);
  BOOST_TEST(!seen[0].body.topic_config.topics.contains("T"));
}

BOOST_AUTO_TEST_CASE(the_compressed_form_says_the_same) {
  config.compressed_register = true;
  begin();
  const auto seen = first.take();
  BOOST_REQUIRE(seen.size() == 1u);
  BOOST_TEST(seen[0].compressed);
  BOOST_TEST(topics(seen[0]) == 8u);
  BOOST_TEST(seen[0].body.topic_config.topics.at("BenchmarkTest").write_queue_nums == 1024);
}

BOOST_AUTO_TEST_CASE(unforced_the_name_server_is_asked_first_and_told_only_if_it_knows_less) {
  config.force_register = false;
  begin();
  BOOST_TEST((first.take().at(0).code == RequestCode::register_broker));
  create("T");
  const std::int64_t current = version(first.take().at(0));
  world.pass(31s);
  auto seen = first.take();
  BOOST_REQUIRE(seen.size() == 1u);
  BOOST_TEST((seen[0].code == RequestCode::query_data_version));
  const auto said = routing::parse_data_version(seen[0].text);
  BOOST_REQUIRE(said.has_value());
  BOOST_TEST(said->counter == current);
  first.says_changed = true;
  world.pass(30s);
  seen = first.take();
  BOOST_REQUIRE(seen.size() == 2u);
  BOOST_TEST((seen[1].code == RequestCode::register_broker));
  BOOST_TEST(topics(seen[1]) == 9u);
}

BOOST_AUTO_TEST_CASE(a_broker_of_limited_permission_says_so_through_its_topics) {
  config.broker_permission = 4;
  begin();
  const auto seen = first.take();
  for (const auto& [name, topic] : seen.at(0).body.topic_config.topics) {
    BOOST_TEST(topic.perm == 4, name);
  }
}

BOOST_AUTO_TEST_CASE(a_brokers_permission_narrows_a_topics_and_gives_it_none_that_it_has_not) {
  config.broker_permission = 4;
  begin();
  first.take();
  create("write-only", "2");
  create("both", "6");
  const auto seen = first.take();
  BOOST_TEST_REQUIRE(seen.size() == 2u);
  BOOST_TEST(seen[0].body.topic_config.topics.at("write-only").perm == 0);
  BOOST_TEST(seen[1].body.topic_config.topics.at("both").perm == 4);
}

BOOST_AUTO_TEST_CASE(at_its_stop_the_broker_takes_its_leave_of_all) {
  config.name_servers = {kFirst, kSecond};
  begin();
  first.take();
  second.take();
  stop();
  for (FakeNameServer* server : {&first, &second}) {
    BOOST_REQUIRE(server->seen.size() == 1u);
    BOOST_TEST((server->seen[0].code == RequestCode::unregister_broker));
  }
}

BOOST_AUTO_TEST_CASE(a_name_server_that_was_restarted_is_told_within_two_seconds) {
  begin();
  first.take();
  first.stop();
  FakeNameServer again(world, kFirst);
  world.pass(2s);
  BOOST_TEST(topics(again.take().at(0)) == 8u);
  stop();
}

BOOST_AUTO_TEST_CASE(the_list_of_an_address_server_is_followed) {
  FakeAddressServer lists(world, Address("lists", 8080));
  lists.list = "10.0.0.1:9876\n";
  config.name_servers.clear();
  config.address_server = remoting::AddressServer("lists", "nsaddr-test");
  begin();
  BOOST_TEST(lists.last_request.starts_with("GET /rocketmq/nsaddr-test HTTP/1.1\r\n"));
  BOOST_TEST(first.take().size() == 1u);
  BOOST_TEST(second.take().empty());
  // Two minutes later the list is another one.
  lists.list = "10.0.0.2:9876\n";
  world.pass(121s);
  BOOST_TEST(lists.requests == 2);
  BOOST_REQUIRE(!second.seen.empty());
  BOOST_TEST(topics(second.take()[0]) == 8u);
  auto seen = first.take();
  BOOST_REQUIRE(!seen.empty());
  BOOST_TEST((seen.back().code == RequestCode::unregister_broker));
  world.pass(60s);
  BOOST_TEST(first.take().empty());
  BOOST_TEST(second.take().size() == 2u);
  stop();
}

BOOST_AUTO_TEST_CASE(an_address_server_that_fails_is_asked_again_and_the_list_kept) {
  auto lists = std::make_unique<FakeAddressServer>(world, Address("lists", 8080));
  lists->list = "no list of addresses";
  config.name_servers.clear();
  config.address_server = remoting::AddressServer("lists");
  begin();
  BOOST_TEST(lists->requests == 1);
  lists->list = "10.0.0.1:9876;10.0.0.2:9876";
  world.pass(1s);
  BOOST_TEST(first.take().size() == 1u);
  BOOST_TEST(second.take().size() == 1u);
  lists.reset();
  world.pass(200s);
  BOOST_TEST(first.take().size() == 6u);
  stop();
}

BOOST_AUTO_TEST_CASE(topics_that_do_not_fit_into_one_frame_are_registered_in_parts) {
  constexpr int kTopics = 72'000;
  routing::TopicConfigTable table;
  for (int i = 0; i < kTopics; ++i) {
    std::string name = fmt::format("{:0>127}", i);
    table.topics[name].topic_name = name;
  }
  std::filesystem::create_directories(directory.path() + "/commitlog");
  std::filesystem::create_directories(directory.path() + "/config");
  std::ofstream(directory.path() + "/config/topics.json") << routing::to_json(table);
  begin();
  world.pass(1s);
  const auto seen = first.take();
  BOOST_REQUIRE(seen.size() >= 2u);
  std::set<std::string> registered;
  std::set<std::int64_t> versions;
  for (const auto& one : seen) {
    BOOST_TEST((one.code == RequestCode::register_broker));
    versions.insert(one.body.topic_config.data_version.timestamp);
    for (const auto& [name, topic] : one.body.topic_config.topics) registered.insert(name);
  }
  BOOST_TEST(registered.size() > std::size_t{kTopics});
  BOOST_TEST(versions.size() == seen.size());  // 4.9 passes over a version that it knows
  const broker::RegistrationStats stats = broker->stats().registration;
  BOOST_TEST(stats.registered == 1u);
  BOOST_TEST(stats.problem == "");
  // A new topic is one small registration.
  create("new");
  world.pass(kWhile);
  const auto more = first.take();
  BOOST_REQUIRE(more.size() == 1u);
  BOOST_TEST(more[0].body.topic_config.topics.size() == 1u);
  // Tools that take the table as a whole are told what to do, others get pages.
  const RemotingCommand all = ask(RemotingCommand::request(RequestCode::get_all_topic_config));
  BOOST_TEST((all.response_code() == ResponseCode::system_error));
  BOOST_TEST(all.remark.find("ask for pages (topicSeq, maxTopicNum)") != std::string::npos);
  RemotingCommand page = RemotingCommand::request(RequestCode::get_all_topic_config);
  page.fields.add("topicSeq", 0);
  page.fields.add("maxTopicNum", 2000);
  page.fields.add("dataVersion", "");
  const RemotingCommand some = ask(std::move(page));
  BOOST_TEST((some.response_code() == ResponseCode::success));
  BOOST_TEST(text(some, "totalTopicNum") == std::to_string(registered.size() + 1));
}

BOOST_AUTO_TEST_CASE(parts_of_a_registration_fit_and_together_are_the_table) {
  for (const bool compressed : {false, true}) {
    config.compressed_register = compressed;
    routing::TopicConfigTable table;
    table.data_version.counter = 7;
    table.data_version.timestamp = 1'000;
    for (int i = 0; i < 500; ++i) {
      std::string name = fmt::format("topic-{}-{}", i, (i * 7919) % 1'000'003);
      table.topics[name].topic_name = name;
    }
    const std::size_t most = compressed ? 1'000 : 4'000;
    const auto bodies = broker::registration_bodies(config, table, most);
    BOOST_TEST(bodies.size() > 1u);
    std::size_t topics = 0;
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      BOOST_TEST(bodies[i].size() <= most);
      const auto body = compressed ? routing::decode_compressed(bodies[i], false, 1 << 20)
                                   : routing::parse_register_broker_body(bodies[i]);
      BOOST_REQUIRE(body.has_value());
      topics += body->topic_config.topics.size();
      BOOST_TEST(body->topic_config.data_version.counter == 7);
      BOOST_TEST(body->topic_config.data_version.timestamp ==
                 1'000 - static_cast<std::int64_t>(bodies.size() - 1 - i));
    }
    BOOST_TEST(topics == 500u);
    BOOST_TEST(broker::registration_bodies(config, table, 1 << 20).size() == 1u);
  }
}

BOOST_AUTO_TEST_CASE(a_broker_that_is_not_registered_says_so_and_why) {
  first.code = ResponseCode::system_error;
  begin();
  world.pass(2min);
  broker::RegistrationStats stats = broker->stats().registration;
  BOOST_TEST(stats.name_servers == 1u);
  BOOST_TEST(stats.registered == 0u);
  BOOST_TEST(stats.problem.find("name server 10.0.0.1:9876 refused: as told") != std::string::npos);
  first.code = ResponseCode::success;
  world.pass(1min);
  stats = broker->stats().registration;
  BOOST_TEST(stats.registered == 1u);
  BOOST_TEST(stats.problem == "");
}

BOOST_AUTO_TEST_SUITE_END()
