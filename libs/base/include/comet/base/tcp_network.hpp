#pragma once

#include "comet/base/stream.hpp"

namespace comet::inline v0_1 {

// TCP with TCP_NODELAY; listeners with SO_REUSEADDR and a backlog of 1024. Names are resolved for
// connecting (all addresses are tried in order); listening takes numeric addresses or "localhost".
class TcpNetwork final : public Network {
 public:
  explicit TcpNetwork(TimeSource& time = real_time()) noexcept : time_(time) {}
  asio::awaitable<std::unique_ptr<Stream>> connect(const Address& to, Instant deadline) override;
  std::unique_ptr<Listener> listen(asio::any_io_executor executor, const Address& at) override;

 private:
  TimeSource& time_;
};

}  // namespace comet::inline v0_1
