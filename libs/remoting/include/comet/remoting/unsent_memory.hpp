#pragma once
// What answers that peers have not taken hold together, over all connections of a server.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace comet::inline v0_1::remoting {

// Counts the bytes that are queued for peers which take less than they are sent. Beyond the limit
// the connection whose write in progress began first is closed, and the next ones until the rest
// fits: a peer that takes what it is sent begins a new write all the time, so it is the last to be
// closed, however much it is sent. Thread-safe; shared by all connections and kept alive by them.
class UnsentMemory {
 public:
  explicit UnsentMemory(std::size_t most) noexcept : most_(most) {}

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t most() const noexcept { return most_; }
  // Connections that were closed for the limit, since the start.
  [[nodiscard]] std::uint64_t given_up() const noexcept { return given_up_; }

  // What one connection holds. Belongs to its executor.
  class Part;

 private:
  struct Holder {
    std::function<void(std::size_t)> give_up;
    std::size_t bytes = 0;
    bool given_up = false;
  };

  const std::size_t most_;
  std::mutex mutex_;
  std::list<Holder> holders_;  // by the time at which their writes began
  std::atomic<std::size_t> bytes_{0};
  std::atomic<std::uint64_t> given_up_{0};
};

class UnsentMemory::Part {
 public:
  explicit Part(std::shared_ptr<UnsentMemory> owner) : owner_(std::move(owner)) {}
  ~Part() { release(); }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  // What closes the connection, with the bytes that it holds; called once, on any thread. To be set
  // before the first resize().
  void on_give_up(std::function<void(std::size_t)> give_up);
  // False: nothing is counted.
  [[nodiscard]] bool is_counted() const noexcept { return owner_ != nullptr; }
  // A write is in progress, and so many bytes wait until their peer has taken them. May close any
  // connection, also this one.
  void resize(std::size_t bytes);
  // The write has ended.
  void release() noexcept;

 private:
  std::shared_ptr<UnsentMemory> owner_;
  std::list<Holder> own_;  // the holder while it is not in the owner's list
  std::list<Holder>::iterator place_;
  bool is_listed_ = false;
};

}  // namespace comet::inline v0_1::remoting
