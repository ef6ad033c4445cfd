#include "follower.hpp"

#include <fmt/format.h>

namespace comet::inline v0_1::replication {
namespace {

constexpr Duration kDurablePatience = std::chrono::seconds(10);

}  // namespace

Follower::Follower(asio::any_io_executor executor_in, Network& network_in, TimeSource& time_in,
                   HaClientConfig config_in, HaClientParts parts_in)
    : executor(std::move(executor_in)),
      network(network_in),
      time(time_in),
      config(std::move(config_in)),
      parts(std::move(parts_in)),
      durable(
          executor, time, [&log = parts.log] { return log.durable_end(); },
          [&log = parts.log](std::int64_t seen) { return log.wait_for_durable_beyond(seen); }) {}

asio::awaitable<bool> Follower::append(PeerConnection& connection, std::int64_t offset,
                                       std::string_view bytes) {
  counters.bytes_received += bytes.size();
  rate.add(static_cast<std::int64_t>(bytes.size()), time.now());
  const error_code error = co_await parts.log.append(offset, bytes);
  if (error) {
    connection.end(
        PeerState::failed,
        fmt::format("the log, which ends at {}, does not take what the master has at {}: {}",
                    parts.log.end(), offset, error.message()));
  }
  co_return !connection.ended();
}

asio::awaitable<bool> Follower::wait_until_durable(const PeerConnection& connection) {
  const Instant deadline = time.now() + kDurablePatience;
  while (parts.log.durable_end() < parts.log.end()) {
    if (durable.is_over() || connection.ended() || time.now() >= deadline) co_return false;
    (void)co_await durable.wait(deadline);
  }
  co_return true;
}

}  // namespace comet::inline v0_1::replication
