#pragma once
// What must hold for every header that decodes: written and read again it says the same.

#include <cstdlib>
#include <string>

#include "comet/remoting/codec.hpp"

namespace comet::inline v0_1::remoting::fuzz {

inline void require(bool holds) {
  if (!holds) std::abort();
}

// `with_empty`: whether fields without name or value survive (they do not in a ROCKETMQ header).
inline void require_same(const RemotingCommand& before, const RemotingCommand& after,
                         bool with_empty) {
  require(before.code == after.code && before.version == after.version &&
          before.opaque == after.opaque && before.flag == after.flag &&
          before.language == after.language && before.remark == after.remark);
  std::size_t next = 0;
  for (std::size_t i = 0; i < before.fields.size(); ++i) {
    auto [key, value] = before.fields[i];
    if (!with_empty && (key.empty() || value.empty())) continue;
    require(next < after.fields.size() && after.fields[next] == before.fields[i]);
    ++next;
  }
  require(next == after.fields.size());
}

inline void check_round_trips(RemotingCommand& command) {
  std::string bytes;
  RemotingCommand again;
  for (SerializeType type : {SerializeType::json, SerializeType::rocketmq}) {
    bytes.clear();
    command.serialize_type = type;
    const std::size_t size = encode_frame_head(command, bytes);
    require(size == bytes.size() + command.body.size());
    Result<FrameInfo> frame = inspect_frame(bytes, size);
    require(frame.has_value() && frame->size == size);
    // Without a body the frame is complete; with one, its header is.
    std::string_view header = std::string_view(bytes).substr(8);
    require(!decode_header(frame->type, header, again));
    require_same(command, again, frame->type == SerializeType::json);
  }
}

inline void check_header(SerializeType type, std::string_view header) {
  static RemotingCommand command;  // reused, as connections do
  if (!decode_header(type, header, command)) check_round_trips(command);
}

}  // namespace comet::inline v0_1::remoting::fuzz
