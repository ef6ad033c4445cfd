#include "request/header_of.hpp"

#include <fmt/format.h>

namespace comet::inline v0_1::broker {

void refuse_header(const remoting::RemotingCommand& request, std::string_view field) {
  throw remoting::Refusal(remoting::ResponseCode::system_error,
                          fmt::format("{}: header field {} is missing or malformed",
                                      to_string(request.request_code()), field));
}

}  // namespace comet::inline v0_1::broker
