#pragma once

#include "clients/lock_table.hpp"
#include "comet/remoting/connection.hpp"
#include "request/helper_thread.hpp"

namespace comet::inline v0_1::broker {

// LOCK_BATCH_MQ and UNLOCK_BATCH_MQ of consumers that consume in order (Apache:
// AdminBrokerProcessor).
class QueueLockFeature {
 public:
  QueueLockFeature(LockTable& locks, HelperThread& helper) : locks_(locks), helper_(helper) {}

  void install(remoting::Dispatcher& dispatcher);

 private:
  LockTable& locks_;
  HelperThread& helper_;
};

}  // namespace comet::inline v0_1::broker
