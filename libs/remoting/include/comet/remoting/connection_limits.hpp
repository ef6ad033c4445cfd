#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>

#include "comet/base/address.hpp"
#include "comet/base/time.hpp"

namespace comet::inline v0_1::remoting {

class FrameMemory;
class UnsentMemory;

// What one connection may take, in bytes, requests and time.
class ConnectionLimits {
 public:
  // Of a server: bytes of a request's header; a larger one closes the connection.
  std::size_t max_header = std::numeric_limits<std::size_t>::max();
  std::size_t max_frame = 16u << 20;  // bytes with the length word (Apache: frameMaxLength)
  // Bytes waiting to be written before reading pauses. Answers to requests that had been taken by
  // then may exceed it, at four times as much the connection is closed.
  std::size_t max_unsent = 64u << 20;
  std::size_t max_in_flight = 65535;          // own requests awaiting an answer (Apache: semaphore)
  std::size_t max_handlers = 10'000;          // peer's requests in handlers before reading pauses
  std::size_t max_handler_bytes = 64u << 20;  // bodies of those, likewise
  Duration idle = std::chrono::seconds(120);  // neither read nor written: closed
  // Asked then, on the connection's executor: true leaves it open for as long again. Empty: closed.
  std::function<bool(const IpEndpoint& remote)> stays_though_idle;
  Duration write_stall = std::chrono::seconds(30);   // a write makes no progress: closed
  Duration frame_stall = std::chrono::seconds(120);  // a frame begun and not finished: closed
  // A request times out after at least so long, and nothing at all has come from the peer since it
  // was sent: the peer may be gone without a trace, which only a new connection can tell. This one
  // takes no more requests, and closes when those on their way have ended. Default: never.
  Duration silence = Duration::max();
  // Of a server: what all its connections hold for unfinished frames; null: not limited.
  std::shared_ptr<FrameMemory> frames;
  // Likewise for what their peers have not taken; null: not limited.
  std::shared_ptr<UnsentMemory> unsent;
};

}  // namespace comet::inline v0_1::remoting
