#pragma once

#include <string>

#include "comet/base/async.hpp"
#include "comet/replication/ha_client.hpp"
#include "growth_watch.hpp"
#include "peer_connection.hpp"
#include "rate_meter.hpp"

namespace comet::inline v0_1::replication {

// What a replica's attempts to follow share. Shared itself: coroutines end when they end.
struct Follower {
  Follower(asio::any_io_executor executor_in, Network& network_in, TimeSource& time_in,
           HaClientConfig config_in, HaClientParts parts_in);

  // The master's bytes for the end of the log so far. False: the connection has ended.
  [[nodiscard]] asio::awaitable<bool> append(PeerConnection& connection, std::int64_t offset,
                                             std::string_view bytes);
  // All of the log is durable. False: it has closed, that takes too long, or the connection has
  // ended.
  [[nodiscard]] asio::awaitable<bool> wait_until_durable(const PeerConnection& connection);

  const asio::any_io_executor executor;
  Network& network;
  TimeSource& time;
  const HaClientConfig config;
  HaClientParts parts;
  GrowthWatch durable;  // the log's durable end; notified for metadata, too
  FollowerStatus status;
  ReplicationCounters counters;
  RateMeter rate;
  Instant metadata_known{};  // the master had nothing newer then
};

// Each follows the master over one connection, and returns when it has ended.
// Apache's wire.
[[nodiscard]] asio::awaitable<void> follow_apache(std::shared_ptr<Follower> follower,
                                                  std::shared_ptr<PeerConnection> connection);
// Our own handshake. False: the master said nothing that a CometMQ master says.
[[nodiscard]] asio::awaitable<bool> follow_comet(std::shared_ptr<Follower> follower,
                                                 std::shared_ptr<PeerConnection> connection);

}  // namespace comet::inline v0_1::replication
