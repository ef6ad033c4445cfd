#pragma once
// Connections to any number of peers, opened on first use and shared by all callers.

#include <memory>
#include <optional>

#include "comet/base/awaitable.hpp"
#include "comet/base/stream.hpp"
#include "comet/remoting/client_config.hpp"
#include "comet/remoting/connection.hpp"

namespace comet::inline v0_1::remoting {

// Belongs to one executor; not thread-safe.
class Client {
 public:
  Client(asio::any_io_executor executor, Network& network, TimeSource& time,
         ClientConfig config = {}, std::shared_ptr<const Dispatcher> handlers = nullptr);
  ~Client();  // stop() must have completed, or the execution context must have ended

  // One connection attempt at a time per address; callers wait for it together. Throws Error that
  // names the address; see Connection::invoke for the codes. A request that the peer answered with
  // an error code is returned, not thrown. When the peer answers that it is going away (GO_AWAY of
  // 5.x), its connection gets no more requests and this one is sent once more on a new connection.
  [[nodiscard]] asio::awaitable<RemotingCommand> invoke(const Address& to, RemotingCommand request,
                                                        Instant deadline);
  // The same for tasks and in place: `command` is the request and becomes the answer; after an
  // error it says whether it was on its way. Both stay where they are until then.
  [[nodiscard]] Task<> exchange(const Address& to, RemotingCommand& command, Instant deadline);
  // Returns when the request is queued on an open connection.
  [[nodiscard]] asio::awaitable<void> invoke_oneway(const Address& to, RemotingCommand request,
                                                    Instant deadline);
  [[nodiscard]] Task<> send_oneway(const Address& to, RemotingCommand& command, Instant deadline);
  // The connection to this address that takes requests, if there is one.
  [[nodiscard]] std::shared_ptr<Connection> find(const Address& to) const;
  // How many addresses it keeps something of: those in use, and up to 1,024 that are not.
  [[nodiscard]] std::size_t known_addresses() const noexcept;
  // Where a connection of this client leads, as it was asked for; nullopt for those of others.
  [[nodiscard]] std::optional<Address> address_of(const Connection& connection) const;
  // Closes the connection to this address, if there is one.
  void close(const Address& to);
  // Closes all; requests in flight fail. Invokes fail from now on.
  [[nodiscard]] asio::awaitable<void> stop();
  // Forgets all connections: their execution context goes away. Nothing else may be called then.
  void drop() noexcept;
  // Closes all, at once and in silence, and opens no more: in the child of a process whose
  // connections they are.
  void close_copies() noexcept;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace comet::inline v0_1::remoting
