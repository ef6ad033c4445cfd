#pragma once
// The common forms of answers.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "comet/base/json_writer.hpp"
#include "comet/remoting/connection.hpp"
#include "comet/remoting/header.hpp"

namespace comet::inline v0_1::namesrv {

using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::RequestCode;
using remoting::ResponseCode;

[[nodiscard]] inline RemotingCommand success(const Request& request, Body body = {}) {
  RemotingCommand answer = RemotingCommand::response(request.command, ResponseCode::success);
  answer.body = std::move(body);
  return answer;
}

[[nodiscard]] inline RemotingCommand failure(const Request& request, ResponseCode code,
                                             std::string remark) {
  return RemotingCommand::response(request.command, code, std::move(remark));
}

// For a request whose header cannot be read.
[[nodiscard]] inline RemotingCommand lacks(const Request& request, std::string_view field) {
  return failure(request, ResponseCode::system_error,
                 "the request has no usable field " + std::string(field));
}

inline void write_names(JsonWriter& json, std::string_view key,
                        const std::vector<std::string>& names) {
  json.key(key);
  json.begin_array();
  for (const std::string& name : names) json.value(name);
  json.end_array();
}

}  // namespace comet::inline v0_1::namesrv
