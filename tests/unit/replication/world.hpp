#pragma once
// Masters and replicas on one thread, on virtual time and a network in memory.

#include <map>
#include <memory>
#include <string>

#include "comet/replication/ha_client.hpp"
#include "comet/replication/ha_service.hpp"
#include "memory_log.hpp"
#include "virtual_world.hpp"

namespace comet::inline v0_1::replication::test {

using namespace std::chrono_literals;

inline constexpr std::int64_t kFile = 4096;
inline const Address kHaAddress("10.0.0.1", 10912);

inline PeerName peer_name(std::int64_t id) {
  PeerName name;
  name.broker_name = "broker-a";
  name.id = id;
  name.address = "10.0.0." + std::to_string(id + 1) + ":10911";
  return name;
}

class World : public comet::test::VirtualWorld {
 public:
  World() { network.set_latency(500us); }
};

// A table that grows by an item a call.
class Tables final : public MetadataSource {
 public:
  explicit Tables(World& world) : changed_(world.executor(), world.time) {}
  void add(std::string bytes, std::int64_t log_end) {
    items_.emplace_back(1, version() + 1, log_end, std::move(bytes));
    changed_.notify_all();
  }
  std::int64_t version() const override { return static_cast<std::int64_t>(items_.size()); }
  asio::awaitable<std::vector<MetadataItem>> since(std::int64_t version) override {
    std::vector<MetadataItem> found;
    for (const MetadataItem& item : items_) {
      if (item.version > version) found.push_back(item);
    }
    co_return std::move(found);
  }
  asio::awaitable<bool> wait_for_version_beyond(std::int64_t version) override {
    while (this->version() <= version) (void)co_await changed_.wait();
    co_return true;
  }

 private:
  std::vector<MetadataItem> items_;
  Event changed_;
};

class TablesCopy final : public MetadataSink {
 public:
  explicit TablesCopy(const ReplicaLog*& log) : log_(log) {}
  std::int64_t version() const override { return items.empty() ? 0 : items.back().version; }
  asio::awaitable<error_code> apply(MetadataItem item) override {
    if (refusal) co_return refusal;
    ends.push_back(log_->end());
    items.push_back(std::move(item));
    co_return error_code();
  }
  std::vector<MetadataItem> items;
  std::vector<std::int64_t> ends;  // the log's, when each came
  error_code refusal;

 private:
  const ReplicaLog*& log_;
};

class Master {
 public:
  explicit Master(World& world, std::shared_ptr<Disk> disk_in = std::make_shared<Disk>(),
                  MemoryLog::Flush flush = MemoryLog::Flush::async)
      : world_(world),
        disk(std::move(disk_in)),
        log(world.executor(), world.time, disk, kFile, flush),
        history(std::make_unique<MemoryStateFile>(disk)),
        tables(world),
        network_(world.network.as_host("10.0.0.1")) {
    config.self = peer_name(0);
    config.listen_at = kHaAddress;
  }
  ~Master() {
    if (is_running_) stop();
  }
  void start() {
    coordinator = std::make_unique<LocalCoordinator>(history, log);
    set = std::make_unique<InSyncSet>(world_.executor(), world_.time, rule, log, *coordinator,
                                      history);
    service =
        std::make_unique<HaService>(world_.executor(), *network_, world_.time, config,
                                    HaServiceParts(log, history, *coordinator, *set, &tables));
    set->start();
    service->start();
    is_running_ = true;
  }
  void stop() {
    is_running_ = false;
    world_.run(service->stop());
    world_.run(set->stop());
  }
  // Stores a message and waits for its copies.
  Confirmation send(std::string_view body, Duration patience = 3s) {
    const std::int64_t end = log.store(body);
    return world_.run(set->wait_confirmed(end, world_.time.now() + patience));
  }

 private:
  World& world_;

 public:
  std::shared_ptr<Disk> disk;
  HaServiceConfig config;
  InSyncConfig rule;
  MemoryLog log;
  History history;
  Tables tables;
  std::unique_ptr<LocalCoordinator> coordinator;
  std::unique_ptr<InSyncSet> set;
  std::unique_ptr<HaService> service;

 private:
  std::unique_ptr<Network> network_;
  bool is_running_ = false;
};

class Slave {
 public:
  explicit Slave(World& world, std::int64_t id = 1,
                 std::shared_ptr<Disk> disk_in = std::make_shared<Disk>(),
                 MemoryLog::Flush flush = MemoryLog::Flush::async, std::int64_t file_size = kFile)
      : world_(world),
        disk(std::move(disk_in)),
        log(world.executor(), world.time, disk, file_size, flush),
        history(std::make_unique<MemoryStateFile>(disk)),
        tables(log_pointer_),
        network_(world.network.as_host("10.0.0." + std::to_string(id + 1))) {
    config.self = peer_name(id);
    config.random_seed = 7;
  }
  ~Slave() {
    if (is_running_) stop();
  }
  void start(Address master = kHaAddress) {
    client = std::make_unique<HaClient>(world_.executor(), *network_, world_.time, config,
                                        HaClientParts(log, history, &tables, master_end));
    client->set_master(std::move(master));
    client->start();
    is_running_ = true;
  }
  void stop() {
    is_running_ = false;
    world_.run(client->stop());
  }
  [[nodiscard]] PeerState state() const { return client->status().state; }

 private:
  World& world_;
  const ReplicaLog* log_pointer_ = &log;

 public:
  std::shared_ptr<Disk> disk;
  HaClientConfig config;
  MasterEndQuery master_end;
  MemoryLog log;
  History history;
  TablesCopy tables;
  std::unique_ptr<HaClient> client;

 private:
  std::unique_ptr<Network> network_;
  bool is_running_ = false;
};

// A peer that speaks bytes.
class Bytes {
 public:
  Bytes(World& world, std::unique_ptr<Stream> stream) : world_(world), stream_(std::move(stream)) {}
  static Bytes connect(World& world, const Address& to = kHaAddress) {
    return {world, world.run(world.network.connect(to, world.time.now() + 1s))};
  }
  void send(std::string bytes) { world_.run(write(std::move(bytes))); }
  // What comes within the time, at most `size` bytes.
  std::string receive(std::size_t size, Duration within = 10s) {
    const Instant deadline = world_.time.now() + within;
    while (received_.size() < size && !ended_ && world_.time.now() < deadline) {
      try {
        world_.run(with_deadline(read(), deadline, world_.time, "read"));
      } catch (const Error&) {
        break;
      }
    }
    const std::string taken = received_.substr(0, size);
    received_.erase(0, taken.size());
    return taken;
  }
  // The peer closes within the time; says after how long.
  std::optional<Duration> closes(Duration within) {
    const Instant begin = world_.time.now();
    while (!ended_ && world_.time.now() < begin + within) {
      (void)receive(1 << 20, begin + within - world_.time.now());
    }
    if (!ended_) return std::nullopt;
    return world_.time.now() - begin;
  }
  void close() { stream_->close(); }

 private:
  asio::awaitable<void> write(std::string bytes) {
    const asio::const_buffer buffer(bytes.data(), bytes.size());
    (void)co_await stream_->write(std::span<const asio::const_buffer>(&buffer, 1));
  }
  asio::awaitable<void> read() {
    char chunk[65536];
    const IoResult result = co_await stream_->read_some(asio::buffer(chunk));
    if (result.error) {
      ended_ = result.error != asio::error::operation_aborted;
      co_return;
    }
    received_.append(chunk, result.size);
  }

  World& world_;
  std::unique_ptr<Stream> stream_;
  std::string received_;
  bool ended_ = false;
};

inline std::string report_of(std::int64_t end) {
  std::string bytes;
  append_be<std::int64_t>(bytes, end);
  return bytes;
}
inline std::string frame_of(std::int64_t offset, std::string_view body) {
  std::string bytes;
  append_be<std::int64_t>(bytes, offset);
  append_be<std::int32_t>(bytes, static_cast<std::int32_t>(body.size()));
  return bytes.append(body);
}

}  // namespace comet::inline v0_1::replication::test
