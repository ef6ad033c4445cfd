#pragma once

#include "comet/base/error.hpp"
#include "comet/remoting/codes.hpp"

namespace comet::inline v0_1::remoting {

// What can go wrong between two peers, below the meaning of any command.
enum class RemotingErrc {
  frame_too_large = 1,  // a length beyond the limit, or negative
  bad_frame,            // header longer than the frame, unknown serialization
  bad_header,           // header bytes do not parse
  missing_field,        // a required field is absent or malformed
  closed,             // the connection went away before the answer; the request may have been done
  not_sent,           // the connection went away before the request was written
  too_many_requests,  // the limit of requests or bytes in flight held until the deadline
  timed_out,          // no answer before the deadline; the request may have been done
  going_away,         // the peer takes no more requests (GO_AWAY); the request has not been done
  // Why a connection has been closed by this side.
  idle,              // neither read nor written for the idle limit
  write_stalled,     // the peer does not take what it is sent
  frame_stalled,     // the peer does not finish a frame that it has begun
  frame_given_up,    // others needed the memory of its unfinished frame
  answers_given_up,  // others needed the memory of what it does not take
  header_too_large,  // of a request
  cannot_sign,       // the system's cryptography library refuses to compute a signature
  // Of a channel over several name servers.
  no_name_server,  // none of them gave an answer
};
const boost::system::error_category& remoting_category() noexcept;
inline error_code make_error_code(RemotingErrc code) noexcept {
  return {static_cast<int>(code), remoting_category()};
}

// A peer's answer codes as an error category (ResponseCode::success is no error).
const boost::system::error_category& response_category() noexcept;

}  // namespace comet::inline v0_1::remoting

namespace comet::inline v0_1 {
// make_error_code for ResponseCode lives with the enum's namespace.
namespace remoting {
inline error_code make_error_code(ResponseCode code) noexcept {
  return {static_cast<int>(code), response_category()};
}
}  // namespace remoting
}  // namespace comet::inline v0_1

template <>
struct boost::system::is_error_code_enum<comet::remoting::RemotingErrc> : std::true_type {};
template <>
struct boost::system::is_error_code_enum<comet::remoting::ResponseCode> : std::true_type {};
