// Heartbeats, one after the other, on two connections of a registry with small limits. The first
// byte of a line says over which connection it comes, and whether that closes before. Whatever
// comes, the registry stays within its limits, and nothing of a connection outlives it.

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "../../libs/broker/src/clients/client_registry.hpp"
#include "comet/base/log.hpp"
#include "comet/base/timer.hpp"
#include "comet/message/validate.hpp"

namespace {

using namespace comet;

void must(bool holds) {
  if (!holds) std::abort();
}

class NoStream final : public Stream {
 public:
  explicit NoStream(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  asio::awaitable<IoResult> read_some(asio::mutable_buffer) override { co_return IoResult(); }
  asio::awaitable<IoResult> write(std::span<const asio::const_buffer>) override {
    co_return IoResult();
  }
  void close() noexcept override {}
  IpEndpoint local() const noexcept override { return {}; }
  IpEndpoint remote() const noexcept override { return {}; }
  asio::any_io_executor executor() override { return executor_; }

 private:
  asio::any_io_executor executor_;
};

class World {
 public:
  World() {
    limits.max_groups_per_connection = 6;
    limits.max_subscriptions_per_group = 4;
    limits.max_subscription_bytes_per_group = 200;
    limits.max_bytes = 20'000;
    for (auto& connection : connections) {
      auto stream = std::make_unique<NoStream>(context.get_executor());
      connection = std::make_shared<remoting::Connection>(std::move(stream), nullptr, time,
                                                          remoting::ConnectionLimits());
    }
  }

  void beat(std::size_t which, std::string_view json) {
    const auto& connection = connections[which];
    const auto heartbeat = broker::parse_heartbeat(json, limits);
    if (!heartbeat || heartbeat->client_id.empty() || heartbeat->client_id.size() > 1024) return;
    if (!registry.find_fault(connection->id(), *heartbeat).empty()) return;
    broker::ClientInfo client;
    client.id = heartbeat->client_id;
    client.fingerprint = heartbeat->fingerprint;
    for (const broker::ConsumerData& consumer : heartbeat->consumers) {
      if (heartbeat->without_subscriptions) {
        (void)registry.refresh_consumer(connection, client, consumer.group);
        continue;
      }
      (void)registry.register_consumer(connection, client, consumer);
      const auto group = registry.consumer_group(consumer.group);
      must(group.has_value());
      must(group->subscriptions.size() <= limits.max_subscriptions_per_group);
    }
    for (const std::string& group : heartbeat->producer_groups) {
      if (!check_group(group).empty()) continue;
      registry.register_producer(connection, client, group);
      must(registry.find_producer(client.id) == connection);
      must(registry.next_producer(group) != nullptr);
    }
    must(registry.size().memberships <= 2 * limits.max_groups_per_connection);
    if (!heartbeat->producer_groups.empty() && heartbeat->client_id.size() % 3 == 0) {
      registry.unregister_producer(connection->id(), heartbeat->producer_groups.front());
    }
    if (!heartbeat->consumers.empty() && heartbeat->client_id.size() % 5 == 0) {
      (void)registry.unregister_consumer(connection->id(), heartbeat->consumers.front().group);
    }
  }

  void close(std::size_t which) {
    for (const auto& left : registry.connection_closed(connections[which]->id())) {
      must(left.is_empty == registry.consumer_ids(left.name).empty());
    }
  }

  asio::io_context context;
  VirtualTime time;
  broker::ClientLimits limits;
  std::shared_ptr<remoting::Connection> connections[2];
  broker::ClientRegistry registry{time, limits};
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  log::set_level(log::Level::error);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  World world;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty()) continue;
    const auto first = static_cast<unsigned char>(line.front());
    if ((first & 2) != 0) world.close(first & 1);
    world.beat(first & 1, line.substr(1));
  }
  world.close(0);
  world.close(1);
  const broker::ClientRegistry::Size left = world.registry.size();
  must(left.connections == 0 && left.memberships == 0 && left.bytes == 0);
  must(world.registry.counts().empty());
  return 0;
}
