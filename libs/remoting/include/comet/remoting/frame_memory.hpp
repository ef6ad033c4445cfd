#pragma once
// What the frames that have not come whole hold together, over all connections of a server.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace comet::inline v0_1::remoting {

// Memory for the bytes of a frame grows with what arrives of it. When there is no room for more,
// the connection whose unfinished frame has begun first is closed, and whoever needs the room waits
// until that has happened. Somebody who is alone always has room. Thread-safe; shared by all
// connections and kept alive by them.
class FrameMemory {
 public:
  explicit FrameMemory(std::size_t most) noexcept : most_(most) {}

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t most() const noexcept { return most_; }
  // Connections that have an unfinished frame.
  [[nodiscard]] std::size_t holders() const noexcept { return listed_; }
  // Connections that were closed for the room of others, since the start.
  [[nodiscard]] std::uint64_t given_up() const noexcept { return given_up_; }

  // What one connection holds. Belongs to its executor.
  class Part;

 private:
  struct Holder {
    std::function<void()> give_up;
    std::size_t bytes = 0;
    bool given_up = false;
  };

  const std::size_t most_;
  std::mutex mutex_;
  std::list<Holder> holders_;  // by the time at which their frames began
  std::atomic<std::size_t> bytes_{0};
  std::atomic<std::size_t> listed_{0};  // the size of holders_
  std::atomic<std::uint64_t> given_up_{0};
};

class FrameMemory::Part {
 public:
  explicit Part(std::shared_ptr<FrameMemory> owner) : owner_(std::move(owner)) {}
  // What closes the connection, once; called on any thread. To be set before the first resize().
  void on_give_up(std::function<void()> give_up);
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
  std::list<Holder> own_;  // the holder while it is not in the owner's list
  std::list<Holder>::iterator place_;
  bool is_listed_ = false;
};

}  // namespace comet::inline v0_1::remoting
