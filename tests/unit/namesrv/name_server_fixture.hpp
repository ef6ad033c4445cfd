#pragma once
// A name server on virtual time, and peers that talk to it over a network in memory.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "comet/base/async.hpp"
#include "comet/message/record.hpp"
#include "comet/namesrv/name_server.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "comet/routing/topic_config.hpp"
#include "virtual_world.hpp"

namespace comet::inline v0_1::test {

using namespace std::chrono_literals;
using remoting::RemotingCommand;
using remoting::RequestCode;
using remoting::ResponseCode;

inline const Address kNameServer("ns", 9876);

// A client of its own, with connections of its own.
class Peer {
 public:
  explicit Peer(VirtualWorld& world)
      : world_(world), client_(world.executor(), world.network, world.time, patient_config()) {}

  RemotingCommand ask(RemotingCommand request) {
    return world_.run(client_.invoke(kNameServer, std::move(request), world_.time.now() + 3s));
  }
  template <class Header>
  RemotingCommand ask(RequestCode code, const Header& header, std::string body = {}) {
    return ask(RemotingCommand::request(code, header, Body(std::move(body))));
  }
  RemotingCommand ask_with_body(RequestCode code, std::string body) {
    return ask(RemotingCommand::request(code, Body(std::move(body))));
  }
  RemotingCommand ask(RequestCode code) { return ask(RemotingCommand::request(code)); }
  void tell(RemotingCommand request) {
    request.mark_oneway();
    world_.run(client_.invoke_oneway(kNameServer, std::move(request), world_.time.now() + 3s));
    world_.settle();
  }
  // One behind the other, without a look at the answers.
  void tell_together(std::vector<RemotingCommand> requests) {
    TaskGroup tasks(world_.executor(), world_.time);
    for (RemotingCommand& request : requests) {
      request.mark_oneway();
      tasks.spawn("request",
                  client_.invoke_oneway(kNameServer, std::move(request), world_.time.now() + 3s));
    }
    world_.run(tasks.join());
    world_.settle();
  }
  // As seen by the other side: its connection closes.
  void hang_up() {
    client_.close(kNameServer);
    world_.settle();
  }
  void stop() { world_.run(client_.stop()); }
  [[nodiscard]] bool connected() const { return client_.find(kNameServer) != nullptr; }

  RemotingCommand ask_route(const std::string& topic, std::int32_t version = remoting::kVersion) {
    remoting::GetRouteInfoHeader header;
    header.topic = topic;
    RemotingCommand request = RemotingCommand::request(RequestCode::get_routeinfo_by_topic, header);
    request.version = version;
    return ask(std::move(request));
  }
  bool has_route(const std::string& topic) {
    return ask_route(topic).response_code() == ResponseCode::success;
  }

 private:
  // Idle connections stay open on this side, so that what closes them is the name server.
  static remoting::ClientConfig patient_config() {
    remoting::ClientConfig config;
    config.connection.idle = 1000h;
    return config;
  }

  VirtualWorld& world_;
  remoting::Client client_;
};

inline remoting::RegisterBrokerHeader broker_header(std::string name = "broker-a",
                                                    std::string address = "127.0.0.1:20911") {
  remoting::RegisterBrokerHeader header;
  header.broker_name = std::move(name);
  header.broker_addr = std::move(address);
  header.cluster_name = "DefaultCluster";
  header.ha_server_addr = "127.0.0.1:20912";
  return header;
}

// Topics of 4 queues, as the reference's recorded broker has them.
inline routing::RegisterBrokerBody broker_body(std::initializer_list<std::string> topics = {"T1"}) {
  routing::RegisterBrokerBody body;
  body.topic_config.data_version.counter = 2;
  body.topic_config.data_version.timestamp = 1;
  for (const std::string& name : topics) {
    routing::TopicConfig& topic = body.topic_config.topics[name];
    topic.topic_name = name;
    topic.read_queue_nums = topic.write_queue_nums = 4;
  }
  return body;
}

struct NameServerFixture {
  NameServerFixture() { start({}); }
  ~NameServerFixture() {
    for (Peer& peer : peers) peer.stop();
    stop();
  }

  // Connections do not close for idleness: what ends a broker is its expiry.
  static namesrv::NameServerConfig patient_config() {
    namesrv::NameServerConfig config;
    config.connection.idle = 1000h;
    return config;
  }
  // With a worker: an executor of its own in the daemon, here the only one there is.
  void start(namesrv::NameServerConfig config, bool with_worker = false) {
    stop();
    asio::any_io_executor worker;
    if (with_worker) worker = world.executor();
    config.listen_at = kNameServer;
    std::vector<asio::any_io_executor> executors(1, world.executor());
    server = std::make_unique<namesrv::NameServer>(std::move(executors), world.network, world.time,
                                                   std::move(config), std::move(worker));
    server->start();
  }
  void stop() {
    if (!server) return;
    world.run(server->stop(world.time.now() + 1s));
    server.reset();
  }
  Peer& peer() { return peers.emplace_back(world); }

  RemotingCommand register_broker(Peer& broker,
                                  const routing::RegisterBrokerBody& body = broker_body(),
                                  const remoting::RegisterBrokerHeader& header = broker_header()) {
    return broker.ask(RequestCode::register_broker, header, to_json(body));
  }

  VirtualWorld world;
  std::unique_ptr<namesrv::NameServer> server;
  std::list<Peer> peers;
};

}  // namespace comet::inline v0_1::test
