#include "comet/remoting/codec.hpp"

#include <limits>

#include "comet/base/bytes.hpp"
#include "comet/remoting/errors.hpp"
#include "header_codec.hpp"

namespace comet::inline v0_1::remoting {
namespace {

constexpr std::size_t kLengthSize = 4;
constexpr std::size_t kMarkSize = 4;                // serialization (1 byte), header size (3 bytes)
constexpr std::size_t kMaxHeader = (1u << 24) - 1;  // what 3 bytes hold

}  // namespace

Result<FrameInfo> inspect_frame(std::string_view bytes, std::size_t max_frame) {
  FrameInfo frame;
  if (bytes.size() < kLengthSize) return frame;
  auto length = load_be<std::int32_t>(bytes.data());  // of all that follows
  if (length < 0 || static_cast<std::size_t>(length) + kLengthSize > max_frame) {
    return RemotingErrc::frame_too_large;
  }
  auto after_length = static_cast<std::size_t>(length);
  if (after_length < kMarkSize) return RemotingErrc::bad_frame;
  frame.size = kLengthSize + after_length;
  if (bytes.size() < kLengthSize + kMarkSize) return frame;

  auto mark = load_be<std::uint32_t>(bytes.data() + kLengthSize);
  std::size_t header_size = mark & kMaxHeader;
  std::uint32_t type = mark >> 24;
  if (type > static_cast<std::uint32_t>(SerializeType::rocketmq) ||
      header_size > after_length - kMarkSize) {
    return RemotingErrc::bad_frame;
  }
  frame.type = static_cast<SerializeType>(type);
  if (bytes.size() < frame.size) return frame;

  frame.complete = true;
  frame.header = bytes.substr(kLengthSize + kMarkSize, header_size);
  frame.body =
      bytes.substr(kLengthSize + kMarkSize + header_size, after_length - kMarkSize - header_size);
  return frame;
}

error_code decode_header(SerializeType type, std::string_view header, RemotingCommand& command) {
  command.serialize_type = type;
  return type == SerializeType::json ? decode_json_header(header, command)
                                     : decode_binary_header(header, command);
}

std::size_t encode_frame_head(const RemotingCommand& command, std::string& out) {
  const std::size_t begin = out.size();
  out.append(kLengthSize + kMarkSize, '\0');
  SerializeType type = command.serialize_type;
  if (type == SerializeType::rocketmq && !encode_binary_header(command, out)) {
    type = SerializeType::json;
  }
  if (type == SerializeType::json) encode_json_header(command, out);

  const std::size_t header_size = out.size() - begin - kLengthSize - kMarkSize;
  const std::size_t length = kMarkSize + header_size + command.body.size();
  if (header_size > kMaxHeader || length > std::numeric_limits<std::int32_t>::max()) {
    out.resize(begin);
    return 0;
  }
  store_be<std::uint32_t>(out.data() + begin, static_cast<std::uint32_t>(length));
  store_be<std::uint32_t>(
      out.data() + begin + kLengthSize,
      static_cast<std::uint32_t>(type) << 24 | static_cast<std::uint32_t>(header_size));
  return kLengthSize + length;
}

}  // namespace comet::inline v0_1::remoting
