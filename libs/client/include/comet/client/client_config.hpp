#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/base/address.hpp"
#include "comet/message/system_names.hpp"
#include "comet/remoting/address_server.hpp"
#include "comet/remoting/client_config.hpp"

namespace comet::inline v0_1::client {

// What producers and consumers have in common (Apache: ClientConfig).
class ClientConfig {
 public:
  // Empty: the environment variable NAMESRV_ADDR ("host:port;host:port") when the client is made.
  std::vector<Address> name_servers;
  // Where to fetch the list when there is none of the two (Apache: rocketmq.namesrv.domain): at the
  // start, and again at each interval. A list that cannot be fetched leaves the last one in place.
  remoting::AddressServer address_server;
  Duration address_server_interval = std::chrono::seconds(120);
  Duration address_server_retry = std::chrono::seconds(10);  // after a failure

  // The client id is <client_ip>@<instance_name>[@<unit_name>]; it must be unique among the clients
  // of a group. Empty IP: one of this machine. Empty instance name: unique to this instance.
  // Brokers answer the last client of an id, so that a second one of this process with the same
  // name is <instance_name>#2. (Apache's clients of one name share their connections; here those do
  // that are made with one ClientInstance.)
  std::string client_ip;
  std::string instance_name;
  std::string unit_name;
  // Sent with every message (Apache: unitMode).
  bool unit_mode = false;

  // 4.x: put in front of topics and groups on the wire (namespaces.hpp). Empty: the one of an
  // endpoint "http://MQ_INST_x_y.host:port" among the name servers given as text, else none.
  std::string name_space;
  // 5.x: sent beside topics and groups, which stay as they are (Apache: namespaceV2).
  std::string name_space_v2;

  // Sends go to the broker's port - 2, which Apache's brokers listen on, too (vipChannelEnabled).
  bool vip_channel = false;

  Duration route_refresh_interval = std::chrono::seconds(30);  // Apache: pollNameServerInterval
  // Ask name servers to tell of changed routes, so that they are known at once; those that cannot
  // are polled all the same.
  bool watch_routes = true;
  Duration heartbeat_interval = std::chrono::seconds(30);  // Apache: heartbeatBrokerInterval
  Duration first_heartbeat = std::chrono::seconds(1);      // after the start
  // For requests of the client's own: routes, heartbeats, offsets (Apache: mqClientApiTimeout).
  Duration api_timeout = std::chrono::seconds(3);

  // Topics that do not exist yet are sent to the brokers of this one, which create them.
  std::string create_topic_key{kAutoCreateTopic};
  std::int32_t default_topic_queue_nums = 4;  // at most so many queues for them

  // Of the headers of requests. Empty: the environment variable ROCKETMQ_SERIALIZE_TYPE when the
  // client starts, else JSON.
  std::optional<remoting::SerializeType> serialize_type;

  remoting::ClientConfig remoting;

  // Of the choices that are left to chance (which name server first); for reproducible runs.
  std::optional<std::uint64_t> random_seed;
};

}  // namespace comet::inline v0_1::client
