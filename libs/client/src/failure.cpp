#include "comet/client/failure.hpp"

#include <fmt/format.h>

#include <boost/asio/error.hpp>

#include "comet/remoting/errors.hpp"

namespace comet::client {

bool is_timeout(const error_code& code) noexcept {
  return code == asio::error::timed_out || code == remoting::RemotingErrc::timed_out;
}

std::string describe_failure(const error_code& code, Duration elapsed) {
  if (code == remoting::RemotingErrc::timed_out) {
    return fmt::format("no answer within {} ms", to_millis(elapsed));
  }
  if (code == asio::error::timed_out) {
    return fmt::format("no connection within {} ms", to_millis(elapsed));
  }
  return code.message();
}

}  // namespace comet::client
