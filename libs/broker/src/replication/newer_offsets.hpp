#pragma once

#include <vector>

#include "comet/base/address.hpp"
#include "comet/base/async.hpp"
#include "comet/base/stream.hpp"
#include "comet/base/time.hpp"
#include "comet/broker/replication_config.hpp"
#include "comet/remoting/client.hpp"
#include "comet/replication/history.hpp"
#include "request/helper_thread.hpp"
#include "tables/offset_table.hpp"

namespace comet::inline v0_1::broker {

// A master comes back: while it was away its consumers have committed at its slaves, and what it
// has in its file may be older than what it had told them. So it asks all slaves that it has had
// for their offsets (GET_ALL_CONSUMER_OFFSET), takes those that are higher, and answers no query of
// an offset before; for three seconds at most. Belongs to its executor.
class NewerOffsets {
 public:
  NewerOffsets(asio::any_io_executor executor, Network& network, TimeSource& time,
               const ReplicationConfig& config, OffsetTable& offsets, HelperThread& files,
               const replication::History::Replicas& slaves);

  // False: there is nobody to ask, or it is done.
  [[nodiscard]] bool is_pending() const noexcept { return !is_done_; }
  // Until it is done: true.
  [[nodiscard]] asio::awaitable<bool> wait();
  [[nodiscard]] asio::awaitable<void> run();
  [[nodiscard]] asio::awaitable<void> stop();

 private:
  [[nodiscard]] asio::awaitable<void> ask(Address slave, Instant deadline);

  asio::any_io_executor executor_;
  TimeSource& time_;
  OffsetTable& offsets_;
  HelperThread& files_;
  remoting::Client client_;
  std::vector<Address> slaves_;
  TaskGroup asking_;
  bool is_done_;
  Event done_;
};

}  // namespace comet::inline v0_1::broker
