#pragma once
// What a name server tells brokers unasked.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <string>

#include "comet/base/async.hpp"
#include "comet/base/stream.hpp"
#include "comet/remoting/client.hpp"
#include "tables/route_table.hpp"

namespace comet::inline v0_1::namesrv {

// NOTIFY_MIN_BROKER_ID_CHANGE (5.x), over connections of its own: brokers take it where they
// listen, not on the connection over which they register. Belongs to one executor.
class BrokerNotices {
 public:
  BrokerNotices(asio::any_io_executor executor, Network& network, TimeSource& time);

  // Tries once, for 300 ms (as Apache does), and forgets about failures: the brokers ask for their
  // members themselves from time to time.
  void send(const MinBrokerIdChange& change);
  [[nodiscard]] asio::awaitable<void> stop();

 private:
  [[nodiscard]] asio::awaitable<void> tell(std::string address, remoting::RemotingCommand notice);

  // More are not begun: a storm of changes must not pile up connection attempts.
  static constexpr std::size_t kMaxUnderWay = 1000;

  TimeSource& time_;
  remoting::Client client_;
  TaskGroup tasks_;
};

}  // namespace comet::inline v0_1::namesrv
