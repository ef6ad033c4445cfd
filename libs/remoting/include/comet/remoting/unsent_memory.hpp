#pragma once
// What answers that peers have not taken hold together, over all connections of a server.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "comet/remoting/held_bytes.hpp"

namespace comet::inline v0_1::remoting {

// Counts the bytes that are queued for peers which take less than they are sent. Beyond the limit
// the connection whose write in progress began first is closed, and the next ones until the rest
// fits: a peer that takes what it is sent begins a new write all the time, so it is the last to be
// closed, however much it is sent. Thread-safe; shared by all connections and kept alive by them.
class UnsentMemory {
 public:
  explicit UnsentMemory(std::size_t most) noexcept : held_(most) {}

  [[nodiscard]] std::size_t bytes() const noexcept { return held_.bytes; }
  [[nodiscard]] std::size_t most() const noexcept { return held_.most; }
  // Connections that were closed for the limit, since the start.
  [[nodiscard]] std::uint64_t given_up() const noexcept { return held_.given_up_count; }

  // What one connection holds. Belongs to its executor.
  class Part;

 private:
  HeldBytes held_;
};

class UnsentMemory::Part {
 public:
  explicit Part(std::shared_ptr<UnsentMemory> owner) : owner_(std::move(owner)) {}
  ~Part() { release(); }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  // What closes the connection, with the bytes that it holds; called once, on any thread. To be set
  // before the first resize().
  void on_give_up(std::function<void(std::size_t)> give_up) {
    place_.on_give_up(std::move(give_up));
  }
  // False: nothing is counted.
  [[nodiscard]] bool is_counted() const noexcept { return owner_ != nullptr; }
  // A write is in progress, and so many bytes wait until their peer has taken them. May close any
  // connection, also this one.
  void resize(std::size_t bytes);
  // The write has ended.
  void release() noexcept;

 private:
  std::shared_ptr<UnsentMemory> owner_;
  HeldBytes::Place place_;
};

}  // namespace comet::inline v0_1::remoting
