#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "comet/base/async.hpp"
#include "comet/base/stream.hpp"
#include "comet/broker/broker_stats.hpp"
#include "comet/broker/config.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/remoting/handling.hpp"
#include "replication/replicated_tables.hpp"
#include "request/copy_waits.hpp"

namespace comet::inline v0_1::broker {

class OrderOutcome;
class ReplicationSide;

// This broker's part in replication: a master serves its HA port, a slave follows its master. What
// is said of it: GET_BROKER_HA_STATUS; what an operator orders a slave: PROMOTE_BROKER,
// RESYNC_BROKER. Belongs to the home executor, but for what is said to be
// thread-safe.
class ReplicationFeature {
 public:
  ReplicationFeature(asio::any_io_executor home, Network& network, TimeSource& time,
                     const BrokerConfig& config, ReplicatedTables tables, CopyWaits& copies);
  ~ReplicationFeature();

  void install(remoting::Dispatcher& dispatcher);
  // In front of the first request. A master's mastership begins: its epoch is on disk then, if the
  // log has ever been shared. Throws Error.
  void begin();
  // `broker_address`: as clients know this broker; `port` is the one that it listens on. Throws
  // Error that names haListenPort.
  void start(const std::string& broker_address, std::uint16_t port);
  // As it is registered with the name servers; after start().
  [[nodiscard]] std::string ha_address() const { return ha_address_; }
  // What a name server has said of the master; nullopt: nothing.
  void master_is(const std::optional<Address>& address, const std::optional<Address>& ha_address);
  // A slave that has nobody to follow: name servers are to be asked more often.
  [[nodiscard]] bool looks_for_master() const;
  // Thread-safe, these: what is in the table's file has changed.
  void topics_changed();
  void groups_changed();
  void modes_changed();
  // A master that has returned, since begin(): what it has of consumers' offsets may be old until
  // offsets_are_new() completes, which is to be awaited on the home executor.
  [[nodiscard]] bool has_old_offsets() const;
  [[nodiscard]] asio::awaitable<bool> offsets_are_new() const;
  // Nothing is copied any more, and nobody waits for a copy.
  [[nodiscard]] asio::awaitable<void> stop();

  [[nodiscard]] ReplicationStats stats() const;  // thread-safe

 private:
  [[nodiscard]] remoting::Handling ha_status(remoting::Request request);
  [[nodiscard]] remoting::Handling promote(remoting::Request request);
  [[nodiscard]] remoting::Handling resync(remoting::Request request);
  [[nodiscard]] remoting::RemotingCommand answer_order(const remoting::Request& request,
                                                       OrderOutcome outcome);
  [[nodiscard]] asio::awaitable<void> start_anew();
  [[nodiscard]] asio::awaitable<ReplicationStats> present_stats();
  [[nodiscard]] asio::awaitable<void> note_stats();
  void look();

  asio::any_io_executor home_;
  TimeSource& time_;
  const BrokerConfig& config_;
  CopyWaits& copies_;
  std::unique_ptr<ReplicationSide> side_;
  TaskGroup tasks_;
  std::string ha_address_;
  mutable std::mutex mutex_;
  ReplicationStats stats_;
};

}  // namespace comet::inline v0_1::broker
