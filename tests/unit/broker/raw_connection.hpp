#pragma once
// A connection on which a test writes and reads frames as bytes.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/json/parse.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "comet/base/bytes.hpp"
#include "comet/base/stream.hpp"

namespace comet::inline v0_1::test {

inline std::int64_t number_of(const boost::json::object& frame, std::string_view name) {
  const auto* value = frame.if_contains(name);
  return value == nullptr ? 0 : value->to_number<std::int64_t>();
}

// A client's connection as bytes; what comes back is kept as JSON headers and bodies.
class RawConnection {
 public:
  explicit RawConnection(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}

  class Frame {
   public:
    boost::json::object header;
    std::string text;  // of the header
    std::string body;
  };
  std::map<std::int64_t, Frame> answers;  // by opaque
  std::vector<Frame> requests;            // of the broker

  asio::awaitable<bool> send(std::string bytes) {
    const asio::const_buffer piece(bytes.data(), bytes.size());
    const IoResult result = co_await stream_->write(std::span(&piece, 1));
    co_return !result.error;
  }
  asio::awaitable<void> read_all() {
    std::string chunk(65536, '\0');
    for (;;) {
      const IoResult result = co_await stream_->read_some(asio::buffer(chunk));
      if (result.error) co_return;
      unread_.append(chunk, 0, result.size);
      while (take_frame()) {
      }
    }
  }
  void close() { stream_->close(); }

 private:
  bool take_frame() {
    if (unread_.size() < 8) return false;
    const auto length = static_cast<std::size_t>(load_be<std::int32_t>(unread_.data()));
    if (unread_.size() < 4 + length) return false;
    const auto header_size =
        static_cast<std::size_t>(load_be<std::int32_t>(unread_.data() + 4) & 0xFFFFFF);
    Frame frame;
    frame.text = unread_.substr(8, header_size);
    frame.header = boost::json::parse(frame.text).get_object();
    frame.body = unread_.substr(8 + header_size, length - 4 - header_size);
    unread_.erase(0, 4 + length);
    if ((number_of(frame.header, "flag") & 1) != 0) {
      const std::int64_t opaque = number_of(frame.header, "opaque");
      answers.insert_or_assign(opaque, std::move(frame));
    } else {
      requests.push_back(std::move(frame));
    }
    return true;
  }

  std::unique_ptr<Stream> stream_;
  std::string unread_;
};

inline std::string frame_bytes(const std::string& header, const std::string& body) {
  std::string bytes;
  append_be<std::int32_t>(bytes, static_cast<std::int32_t>(4 + header.size() + body.size()));
  append_be<std::int32_t>(bytes, static_cast<std::int32_t>(header.size()));
  return bytes + header + body;
}

}  // namespace comet::inline v0_1::test
