#pragma once
// What the frames that have not come whole hold together, over all connections of a server.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "comet/remoting/held_bytes.hpp"

namespace comet::inline v0_1::remoting {

// Memory for the bytes of a frame grows with what arrives of it. When there is no room for more,
// the connection whose unfinished frame has begun first is closed, and whoever needs the room waits
// until that has happened. Somebody who is alone always has room. Thread-safe; shared by all
// connections and kept alive by them.
class FrameMemory {
 public:
  explicit FrameMemory(std::size_t most) noexcept : held_(most) {}

  [[nodiscard]] std::size_t bytes() const noexcept { return held_.bytes; }
  [[nodiscard]] std::size_t most() const noexcept { return held_.most; }
  // Connections that have an unfinished frame.
  [[nodiscard]] std::size_t holders() const noexcept { return held_.listed; }
  // Connections that were closed for the room of others, since the start.
  [[nodiscard]] std::uint64_t given_up() const noexcept { return held_.given_up_count; }

  // What one connection holds. Belongs to its executor.
  class Part;

 private:
  HeldBytes held_;
};

class FrameMemory::Part {
 public:
  explicit Part(std::shared_ptr<FrameMemory> owner) : owner_(std::move(owner)) {}
  // What closes the connection, with the bytes that it holds; called once, on any thread. To be set
  // before the first resize().
  void on_give_up(std::function<void(std::size_t)> give_up) {
    place_.on_give_up(std::move(give_up));
  }
  ~Part() { release(); }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  // False: nothing is counted.
  [[nodiscard]] bool is_counted() const noexcept { return owner_ != nullptr; }
  enum class Outcome { granted, wait, give_up };
  // The connection's unfinished frame is about to hold so many bytes. wait: ask again soon;
  // give_up: the connection has to close.
  [[nodiscard]] Outcome resize(std::size_t bytes);
  // There is no unfinished frame any more.
  void release() noexcept;
  // How much is to be read at a time, of `most`: with many unfinished frames less of each, so that
  // all of them together keep nobody waiting for long.
  [[nodiscard]] std::size_t fair_read(std::size_t most) const noexcept;

 private:
  std::shared_ptr<FrameMemory> owner_;
  HeldBytes::Place place_;
};

}  // namespace comet::inline v0_1::remoting
