#include "comet/remoting/errors.hpp"

#include <string>

namespace comet::inline v0_1::remoting {
namespace {

class RemotingCategory final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "comet.remoting"; }
  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<RemotingErrc>(code)) {
      case RemotingErrc::frame_too_large:
        return "frame length is negative or beyond the limit";
      case RemotingErrc::bad_frame:
        return "malformed frame";
      case RemotingErrc::bad_header:
        return "malformed command header";
      case RemotingErrc::missing_field:
        return "a required header field is absent or malformed";
      case RemotingErrc::closed:
        return "connection closed before the answer; the request may have been done";
      case RemotingErrc::not_sent:
        return "connection closed before the request was sent";
      case RemotingErrc::too_many_requests:
        return "too many requests in flight until the deadline; not sent";
      case RemotingErrc::timed_out:
        return "no answer before the deadline; the request may have been done";
      case RemotingErrc::going_away:
        return "the peer is going away; it has not done the request";
      case RemotingErrc::idle:
        return "connection idle for too long";
      case RemotingErrc::write_stalled:
        return "the peer does not take what it is sent";
      case RemotingErrc::frame_stalled:
        return "the peer does not finish the frame that it has begun";
      case RemotingErrc::frame_given_up:
        return "unfinished frames of all connections need more than maxUnfinishedFrameBytes, and "
               "its own began first";
      case RemotingErrc::answers_given_up:
        return "answers that peers have not taken need more than maxUnsentBytes, and its own have "
               "waited for longest";
      case RemotingErrc::header_too_large:
        return "command header beyond the limit";
      case RemotingErrc::cannot_sign:
        return "the cryptography library refuses to compute a signature";
      case RemotingErrc::no_name_server:
        return "no name server answered";
    }
    return "remoting error " + std::to_string(code);
  }
};

class ResponseCategory final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "comet.response"; }
  [[nodiscard]] std::string message(int code) const override {
    return std::string(to_string(static_cast<ResponseCode>(code))) + " (response code " +
           std::to_string(code) + ")";
  }
};

}  // namespace

const boost::system::error_category& remoting_category() noexcept {
  static const RemotingCategory category;
  return category;
}

const boost::system::error_category& response_category() noexcept {
  static const ResponseCategory category;
  return category;
}

}  // namespace comet::inline v0_1::remoting
