#pragma once

#include <boost/asio/buffer.hpp>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "comet/base/stream.hpp"
#include "comet/remoting/codec.hpp"
#include "comet/remoting/command.hpp"

namespace comet::inline v0_1::remoting::test {

// A peer that speaks bytes.
class RawPeer {
 public:
  explicit RawPeer(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}

  asio::awaitable<error_code> send(std::string bytes) {
    asio::const_buffer buffer(bytes.data(), bytes.size());
    IoResult result = co_await stream_->write(std::span(&buffer, 1));
    co_return result.error;
  }

  // The next frame's command, or the error that came instead.
  asio::awaitable<Result<RemotingCommand>> receive() {
    for (;;) {
      Result<FrameInfo> frame = inspect_frame(received_, 16u << 20);
      if (!frame) co_return frame.error();
      if (frame->complete) {
        RemotingCommand command;
        error_code problem = decode_header(frame->type, frame->header, command);
        if (problem) co_return problem;
        command.body = Body(std::string(frame->body));
        received_.erase(0, frame->size);
        co_return command;
      }
      char chunk[4096];
      IoResult result = co_await stream_->read_some(asio::buffer(chunk));
      if (result.error) co_return result.error;
      received_.append(chunk, result.size);
    }
  }

  void close() { stream_->close(); }

 private:
  std::unique_ptr<Stream> stream_;
  std::string received_;
};

inline std::string frame_of(const RemotingCommand& command) {
  std::string bytes;
  encode_frame_head(command, bytes);
  return bytes + command.body.to_string();
}

}  // namespace comet::inline v0_1::remoting::test
