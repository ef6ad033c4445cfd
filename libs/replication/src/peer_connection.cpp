#include "peer_connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <cstring>
#include <utility>
#include <vector>

namespace comet::inline v0_1::replication {

PeerConnection::PeerConnection(std::unique_ptr<Stream> stream, TimeSource& time, std::size_t chunk)
    : stream_(std::move(stream)),
      time_(time),
      chunk_(chunk),
      last_read_(time.now()),
      patience_changed_(stream_->executor(), time) {}

std::string_view PeerConnection::received() const noexcept {
  return std::string_view(buffer_).substr(begin_, end_ - begin_);
}

asio::awaitable<bool> PeerConnection::fill() {
  if (has_ended_) co_return false;
  if (begin_ == end_) begin_ = end_ = 0;
  if (buffer_.size() - end_ < chunk_) {
    if (begin_ > 0) std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    // A large message in parts: room grows with what has arrived, not with what is announced.
    if (buffer_.size() - end_ < chunk_) buffer_.resize(end_ + std::max(chunk_, end_));
  }
  const asio::mutable_buffer room(buffer_.data() + end_, buffer_.size() - end_);
  const IoResult result = co_await stream_->read_some(room);
  if (result.error) {
    take_error(result.error);
    co_return false;
  }
  end_ += result.size;
  last_read_ = time_.now();
  last_read_ms_ = time_.wall_millis();
  has_received_ = true;
  co_return !has_ended_;
}

asio::awaitable<bool> PeerConnection::send(std::span<const asio::const_buffer> buffers) {
  if (has_ended_) co_return false;
  const IoResult result = co_await stream_->write(buffers);
  if (result.error) {
    take_error(result.error);
    co_return false;
  }
  last_write_ms_ = time_.wall_millis();
  co_return !has_ended_;
}

asio::awaitable<bool> PeerConnection::send(std::string bytes) {
  const asio::const_buffer buffer(bytes.data(), bytes.size());
  co_return co_await send(std::span<const asio::const_buffer>(&buffer, 1));
}

asio::awaitable<bool> PeerConnection::send(std::string_view head, const Body& body) {
  std::vector<asio::const_buffer> buffers;
  std::string copy;
  buffers.emplace_back(head.data(), head.size());
  if (body.pages() != nullptr && !stream_->sends_pages()) {
    copy = body.to_string();
    buffers.emplace_back(copy.data(), copy.size());
  } else if (body.pages() != nullptr) {
    for (const std::span<const char> part : body.pages()->parts()) {
      buffers.emplace_back(part.data(), part.size());
    }
  }
  for (std::size_t i = 0; i < body.pieces(); ++i) {
    buffers.emplace_back(body.piece(i).view().data(), body.piece(i).size());
  }
  co_return co_await send(std::span<const asio::const_buffer>(buffers));
}

void PeerConnection::take_error(const error_code& error) {
  if (error == asio::error::eof) {
    end(PeerState::connecting, "the peer has closed the connection");
  } else {
    end(PeerState::connecting, "the connection is lost: " + error.message());
  }
}

void PeerConnection::end(PeerState state, std::string text) {
  if (has_ended_) return;
  has_ended_ = true;
  ending_ = Ending(state, std::move(text));
  stream_->close();
}

void PeerConnection::set_patience(Duration patience) {
  patience_ = patience;
  last_read_ = time_.now();
  patience_changed_.notify_all();
}

asio::awaitable<void> PeerConnection::run_clock(std::shared_ptr<PeerConnection> self) {
  for (;;) {
    Instant due = Instant::max();
    if (self->patience_ != Duration::max()) due = self->last_read_ + self->patience_;
    if (due <= self->time_.now()) {
      self->was_silent_ = !self->has_ended_;
      self->end(PeerState::connecting,
                fmt::format("the peer has said nothing for {} ms", to_millis(self->patience_)));
      co_return;
    }
    (void)co_await self->patience_changed_.wait(due);
  }
}

}  // namespace comet::inline v0_1::replication
