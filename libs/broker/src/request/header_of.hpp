#pragma once

#include <string_view>

#include "comet/remoting/handling.hpp"
#include "comet/remoting/header.hpp"

namespace comet::inline v0_1::broker {

[[noreturn]] void refuse_header(const remoting::RemotingCommand& request, std::string_view field);

// The request's header; its texts may be views into the request. Throws the Refusal of one that
// lacks a required field or has a malformed one.
template <class Header>
[[nodiscard]] Header header_of(const remoting::RemotingCommand& request,
                               remoting::FieldNames names = remoting::FieldNames::full) {
  Header header{};
  const std::string_view missing = remoting::fill_header(header, request.fields, names);
  if (!missing.empty()) refuse_header(request, missing);
  return header;
}

}  // namespace comet::inline v0_1::broker
