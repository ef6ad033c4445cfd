#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <memory>

#include "access/access_log.hpp"
#include "comet/access/access_control.hpp"
#include "comet/base/async.hpp"
#include "comet/remoting/connection.hpp"
#include "request/helper_thread.hpp"

namespace comet::inline v0_1::broker {

// Access control in the way of every request, before its handler: the one place. Only
// made where access control is on.
class AccessFeature {
 public:
  // Between looks at the files of accounts: what has changed holds after two of them.
  static constexpr Duration kLookEvery = std::chrono::seconds(2);

  AccessFeature(asio::any_io_executor home, TimeSource& time,
                std::shared_ptr<access::AccessControl> accounts);
  ~AccessFeature();

  // Behind all features: takes the place of what they answer to administrators' 50 to 54.
  void install(remoting::Dispatcher& dispatcher);
  // Says what holds, and follows the files.
  void start(TaskGroup& tasks);
  // Reads the files anew, on its own thread.
  void reload();
  [[nodiscard]] asio::awaitable<void> finish();

 private:
  [[nodiscard]] remoting::Reply check(remoting::Request& request);
  [[nodiscard]] asio::awaitable<void> look();
  void read_again();

  TimeSource& time_;
  const std::shared_ptr<access::AccessControl> accounts_;
  AccessLog log_;
  HelperThread reader_;  // a large file takes seconds
};

}  // namespace comet::inline v0_1::broker
