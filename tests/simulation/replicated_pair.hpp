#pragma once
// A master, its slave and a name server on virtual time.

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comet/base/async.hpp"
#include "comet/broker/broker.hpp"
#include "comet/message/record.hpp"
#include "comet/namesrv/name_server.hpp"
#include "comet/remoting/client.hpp"
#include "comet/remoting/message_headers.hpp"
#include "temp_directory.hpp"
#include "virtual_world.hpp"

namespace comet::inline v0_1::test {

using namespace std::chrono_literals;

class ReplicatedPair {
 public:
  using RemotingCommand = remoting::RemotingCommand;
  using RequestCode = remoting::RequestCode;
  using ResponseCode = remoting::ResponseCode;

  static inline const Address kNameServer{"10.0.0.100", 9876};
  static inline const Address kMaster{"10.0.0.1", 10911};
  static inline const Address kSlave{"10.0.0.2", 10911};

  ReplicatedPair() {
    namesrv::NameServerConfig config;
    config.listen_at = kNameServer;
    name_server_network = world.network.as_host(kNameServer.host());
    name_server = std::make_unique<namesrv::NameServer>(std::vector{world.executor()},
                                                        *name_server_network, world.time, config);
    name_server->start();
    configs[0] = config_of(kMaster, 0);
    configs[1] = config_of(kSlave, 1);
    configs[0].replication.role = broker::BrokerRole::sync_master;
    configs[1].replication.role = broker::BrokerRole::slave;
    configs[1].broker_id = 1;
    client = std::make_unique<remoting::Client>(world.executor(), world.network, world.time);
  }
  ~ReplicatedPair() {
    world.run(client->stop());
    stop(1);
    stop(0);
    world.run(name_server->stop(world.time.now() + 1s));
  }

  broker::BrokerConfig config_of(const Address& at, int index) {
    broker::BrokerConfig config;
    config.broker_name = "broker-a";
    config.listen_at = at;
    config.broker_ip = at.host();
    config.name_servers = {kNameServer};
    config.store.root = directories[index].path();
    config.store.commit_log_file_size = 1 << 20;
    config.replication.listen_at = Address(at.host(), 0);
    return config;
  }
  void start(int index) {
    networks[index] = world.network.as_host(configs[index].listen_at.host());
    brokers[index] = std::make_unique<broker::Broker>(std::vector{world.executor()},
                                                      *networks[index], world.time, configs[index]);
    brokers[index]->start();
    world.pass(100ms);
  }
  void stop(int index) {
    if (!brokers[index]) return;
    world.run(brokers[index]->stop(world.time.now() + 1s));
    brokers[index].reset();
  }
  // Both run, and the slave is in sync.
  void start_both() {
    start(0);
    start(1);
    world.pass(8s);
  }

  RemotingCommand ask(const Address& to, RemotingCommand request, Duration patience = 30s) {
    return world.run(client->invoke(to, std::move(request), world.time.now() + patience));
  }
  // For what the stores' own threads work on: virtual time goes on slowly meanwhile.
  RemotingCommand ask_slowly(const Address& to, RemotingCommand request) {
    std::optional<RemotingCommand> answer;
    auto asking = [&]() -> asio::awaitable<void> {
      answer = co_await client->invoke(to, std::move(request), world.time.now() + 30s);
    };
    bool ended = false;
    asio::co_spawn(world.context, asking(), [&ended](std::exception_ptr) { ended = true; });
    while (!ended) {
      world.context.restart();
      world.context.run_one_for(5ms);
      world.pass(1ms);
    }
    return answer.value();
  }
  static RemotingCommand fields(RequestCode code, const std::map<std::string, std::string>& ext,
                                std::string body = {}) {
    RemotingCommand request = RemotingCommand::request(code, Body(std::move(body)));
    for (const auto& [name, value] : ext) request.fields.add(name, value);
    return request;
  }
  // Virtual time goes on slowly, so that the stores' own threads come along, until that is so.
  bool becomes(const std::function<bool()>& is_so) {
    for (int i = 0; i < 2000 && !is_so(); ++i) {
      world.context.restart();
      world.context.run_one_for(1ms);
      world.pass(5ms);
    }
    return is_so();
  }
  RemotingCommand send(const Address& to, const std::string& body,
                       const std::string& properties = {}, const std::string& topic = "orders") {
    remoting::SendMessageHeader header;
    header.producer_group = "PG";
    header.topic = topic;
    header.default_topic = "TBW102";
    header.default_topic_queue_nums = 1;
    header.queue_id = 0;
    header.born_timestamp = world.time.wall_millis();
    header.properties = properties;
    RemotingCommand request = RemotingCommand::request(RequestCode::send_message_v2, Body(body));
    remoting::write_header(header, request.fields, remoting::FieldNames::short_form);
    return ask(to, std::move(request));
  }
  RemotingCommand pull_request(std::int64_t offset, std::int64_t suspend_millis = 0) const {
    remoting::PullMessageHeader header;
    header.consumer_group = "CG";
    header.topic = "orders";
    header.queue_id = 0;
    header.queue_offset = offset;
    header.max_msg_nums = 32;
    header.sys_flag = remoting::pull_sys_flag::kSubscription |
                      (suspend_millis > 0 ? remoting::pull_sys_flag::kSuspend : 0);
    header.suspend_timeout_millis = suspend_millis;
    header.subscription = "*";
    return RemotingCommand::request(RequestCode::pull_message, header);
  }
  static std::vector<std::string> bodies(const RemotingCommand& answer) {
    std::vector<std::string> result;
    for (const MessageExt& message : decode_records(answer.body.to_string()))
      result.push_back(message.body());
    return result;
  }
  RemotingCommand commit(const Address& to, std::int64_t offset) {
    return ask(to, fields(RequestCode::update_consumer_offset,
                          {{"consumerGroup", "CG"},
                           {"topic", "orders"},
                           {"queueId", "0"},
                           {"commitOffset", std::to_string(offset)}}));
  }
  std::string committed(const Address& at) {
    const RemotingCommand answer =
        ask(at, fields(RequestCode::query_consumer_offset,
                       {{"consumerGroup", "CG"}, {"topic", "orders"}, {"queueId", "0"}}));
    return std::string(answer.fields.find("offset").value_or("none"));
  }

  VirtualWorld world;
  TempDirectory directories[2];
  std::unique_ptr<Network> name_server_network;
  std::unique_ptr<Network> networks[2];
  std::unique_ptr<namesrv::NameServer> name_server;
  broker::BrokerConfig configs[2];
  std::unique_ptr<broker::Broker> brokers[2];
  std::unique_ptr<remoting::Client> client;
};

}  // namespace comet::inline v0_1::test
