#pragma once
// Keeps this broker registered with its name servers (Apache: BrokerOuterAPI.registerBrokerAll).

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <vector>

#include "comet/base/async.hpp"
#include "comet/broker/broker.hpp"
#include "comet/remoting/client.hpp"
#include "topic_table.hpp"

namespace comet::broker {

// Each name server has a loop of its own: registers at once, every register_period, at topic
// changes, and when the connection was lost, since a name server forgets a broker whose connection
// closes. Belongs to one executor.
class Registration {
 public:
  Registration(asio::any_io_executor executor, Network& network, TimeSource& time,
               const BrokerConfig& config, const TopicTable& topics, std::string broker_address,
               std::string ha_address);

  void start();
  void topics_changed();
  // Tells every name server that this broker is going; waits at most until the deadline.
  [[nodiscard]] asio::awaitable<void> stop(Instant deadline);

 private:
  [[nodiscard]] asio::awaitable<void> keep_registered(Address name_server);
  [[nodiscard]] asio::awaitable<void> register_once(Address name_server);
  [[nodiscard]] asio::awaitable<void> wait_for_reason(Address name_server, Instant until,
                                                      std::uint64_t seen_change);
  [[nodiscard]] asio::awaitable<void> unregister_from(Address name_server, Instant deadline);
  [[nodiscard]] remoting::RemotingCommand make_request() const;

  TimeSource& time_;
  const BrokerConfig& config_;
  const TopicTable& topics_;
  const std::string broker_address_, ha_address_;
  asio::any_io_executor executor_;
  remoting::Client client_;
  TaskGroup tasks_;
  Event changed_;
  std::uint64_t change_count_ = 0;
};

}  // namespace comet::broker
