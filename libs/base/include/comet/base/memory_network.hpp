#pragma once
// A network in memory for tests and simulation: one thread, virtual or real time, faults on demand.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "comet/base/stream.hpp"

namespace comet::inline v0_1 {

// Hosts are names that a test chooses; addresses are numbers given in order of first use
// (10.0.0.1, 10.0.0.2, ...), numeric host names keep their own. Bytes arrive in order after the
// link's latency, in pieces of at most `max_read` bytes. Not thread-safe.
class MemoryNetwork final : public Network {
 public:
  explicit MemoryNetwork(TimeSource& time);
  ~MemoryNetwork() override;

  asio::awaitable<std::unique_ptr<Stream>> connect(const Address& to, Instant deadline) override;
  std::unique_ptr<Listener> listen(asio::any_io_executor executor, const Address& at) override;

  // The same network as the program on host `name` sees it: connections that it opens belong to
  // that host. Connections opened on the network itself belong to the host "client".
  [[nodiscard]] std::unique_ptr<Network> as_host(std::string name);

  // One-way delay of every byte and of connection set-up. Applies from now on.
  void set_latency(Duration latency) noexcept;
  // At most this many bytes per read_some (exercises frame reassembly). Default: no limit.
  void set_max_read(std::size_t bytes) noexcept;
  // A host that is down refuses connections and opens none, and its existing ones are reset.
  void set_down(const std::string& host, bool down);
  // A frozen host accepts nothing and answers nothing: bytes to and from it are held back until it
  // thaws. Existing connections stay open.
  void set_frozen(const std::string& host, bool frozen);
  // Resets every connection from and to this host now; later connects succeed.
  void cut_connections(const std::string& host);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace comet::inline v0_1
