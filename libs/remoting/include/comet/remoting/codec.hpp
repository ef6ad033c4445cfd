#pragma once
// Frames and header bytes of the remoting protocol. Pure functions; no I/O.

#include <cstddef>
#include <string>
#include <string_view>

#include "comet/base/body.hpp"
#include "comet/base/error.hpp"
#include "comet/remoting/command.hpp"

namespace comet::inline v0_1::remoting {

// What stands at the front of received bytes.
class FrameInfo {
 public:
  bool complete = false;  // false: `size` is 0 (length word incomplete) or the bytes needed
  std::size_t size = 0;   // of the whole frame with its length word
  SerializeType type = SerializeType::json;
  std::string_view header;  // when complete
  std::string_view body;    // when complete
};

// Errors: RemotingErrc::frame_too_large, bad_frame. Lengths are judged as soon as they are there,
// so that nobody waits (or allocates) for a frame that cannot be valid.
[[nodiscard]] Result<FrameInfo> inspect_frame(std::string_view bytes, std::size_t max_frame);

// Decodes header bytes into `command` (all but its body; earlier contents are overwritten, memory
// is reused). Errors: RemotingErrc::bad_header.
[[nodiscard]] error_code decode_header(SerializeType type, std::string_view header,
                                       RemotingCommand& command);

// Appends length word, header mark and header of the command as a frame with a body of
// command.body.size() bytes; the body itself is the caller's to append. Returns the size of the
// whole frame, or 0 with nothing appended when the format cannot express it (a header of 16 MiB or
// more, a length beyond 31 bits).
// A command whose numbers or names do not fit the ROCKETMQ header goes as JSON.
std::size_t encode_frame_head(const RemotingCommand& command, std::string& out);

}  // namespace comet::inline v0_1::remoting
