#pragma once

#include <iterator>
#include <list>
#include <map>
#include <string>

#include "comet/base/async.hpp"
#include "comet/replication/ha_service.hpp"
#include "growth_watch.hpp"
#include "peer_connection.hpp"

namespace comet::inline v0_1::replication {

// A replica's session at its master, as the service sees it.
class ReplicaSession {
 public:
  virtual ~ReplicaSession() = default;
  [[nodiscard]] virtual std::int64_t member() const = 0;     // 0 on Apache's wire
  [[nodiscard]] virtual std::int64_t next_byte() const = 0;  // -1: needs nothing
  [[nodiscard]] virtual PeerConnection& connection() = 0;
};

// What a service's sessions share. Shared itself: sessions end when they end.
struct ServiceCore {
  ServiceCore(asio::any_io_executor executor_in, Network& network_in, TimeSource& time_in,
              HaServiceConfig config_in, HaServiceParts parts_in);

  // A peer in a higher epoch: this master is deposed.
  void heard_epoch(std::int64_t epoch, const std::string& from);
  void count_refusal(PeerState state);
  // Ends another session of this member.
  void replace(std::int64_t member, const ReplicaSession* by);
  // The oldest byte that a session still needs; kNoLimit: none does.
  [[nodiscard]] std::int64_t oldest_needed() const;

  const asio::any_io_executor executor;
  Network& network;
  TimeSource& time;
  const HaServiceConfig config;
  HaServiceParts parts;
  GrowthWatch growth;  // the log's end; notified for metadata, too
  std::list<ReplicaSession*> sessions;
  // Hosts whose logs went beyond ours on Apache's wire, with our end at that time: what they have
  // from there on is not ours, even when our log has grown past it.
  std::map<std::string, std::int64_t> strangers;
};

// Puts a session into the core's list for as long as it lives.
class SessionEntry {
 public:
  SessionEntry(ServiceCore& core, ReplicaSession* session) : core_(core) {
    core_.sessions.push_back(session);
    position_ = std::prev(core_.sessions.end());
  }
  ~SessionEntry() { core_.sessions.erase(position_); }
  SessionEntry(const SessionEntry&) = delete;
  SessionEntry& operator=(const SessionEntry&) = delete;

 private:
  ServiceCore& core_;
  std::list<ReplicaSession*>::iterator position_;
};

// Each serves one connection whose first eight bytes have been read, and returns when it has ended.
// Apache's wire; `first_report` is what those bytes say.
[[nodiscard]] asio::awaitable<void> serve_apache(std::shared_ptr<ServiceCore> core,
                                                 std::shared_ptr<PeerConnection> connection,
                                                 std::int64_t first_report);
// Our own handshake.
[[nodiscard]] asio::awaitable<void> serve_comet(std::shared_ptr<ServiceCore> core,
                                                std::shared_ptr<PeerConnection> connection);

}  // namespace comet::inline v0_1::replication
