#pragma once

#include "comet/base/error.hpp"

namespace comet::inline v0_1 {

// What a client itself has to complain about. A broker's complaint has its response code instead
// (comet::remoting::ResponseCode).
enum class ClientErrc {
  // With Apache's numbers (ClientErrorCode).
  connect_broker = 10001,    // a broker could not be reached, or the connection broke
  broker_timeout = 10002,    // no answer of a broker within the time budget
  broker_not_exist = 10003,  // no address is known for a broker's name
  no_name_server = 10004,    // no name server is configured, or none answered
  topic_not_found = 10005,   // no route: the topic does not exist or cannot be written
  request_timeout = 10006,   // request-reply: no reply in time
  // Ours.
  illegal_message = 10101,  // refused before anything was sent
  illegal_config = 10102,   // a group name or another setting that cannot work
  not_running = 10103,      // not started yet, or shut down
  bad_answer = 10104,       // a peer's answer lacks what the protocol promises
  callback_failed = 10105,  // a function of the application (selector, hook) has thrown
  illegal_call = 10106,     // would wait for the thread that it is called in
};
const boost::system::error_category& client_category() noexcept;
inline error_code make_error_code(ClientErrc code) noexcept {
  return {static_cast<int>(code), client_category()};
}

}  // namespace comet::inline v0_1

template <>
struct boost::system::is_error_code_enum<comet::ClientErrc> : std::true_type {};
