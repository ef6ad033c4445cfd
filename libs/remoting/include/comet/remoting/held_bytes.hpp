#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <utility>

namespace comet::inline v0_1::remoting {

// What the connections of a server hold of one kind of memory, with a limit for all of them. Whom
// to close when it is reached is for those who count with it: FrameMemory, UnsentMemory.
class HeldBytes {
 public:
  explicit HeldBytes(std::size_t most_in) noexcept : most(most_in) {}

  struct Holder {
    std::function<void(std::size_t)> give_up;  // closes the connection; gets what it holds
    std::size_t bytes = 0;
    bool given_up = false;
  };

  // One connection's holder. Belongs to its executor, except for what needs the mutex.
  class Place {
   public:
    // Called once, on any thread. To be set before the first list_in().
    void on_give_up(std::function<void(std::size_t)> give_up) {
      own_.emplace_back().give_up = std::move(give_up);
    }
    [[nodiscard]] bool is_listed() const noexcept { return is_listed_; }
    // Both under the mutex. Behind all that are listed, unless it is listed already; and off the
    // list, with nothing held.
    [[nodiscard]] Holder& list_in(HeldBytes& all);
    Holder& take_off(HeldBytes& all) noexcept;

   private:
    std::list<Holder> own_;  // the holder while it is not listed
    std::list<Holder>::iterator place_;
    bool is_listed_ = false;
  };

  // Under the mutex.
  void give_up(Holder& holder) noexcept {
    holder.given_up = true;
    ++given_up_count;
  }

  const std::size_t most;
  std::mutex mutex;
  std::list<Holder> holders;  // under it, by the time at which they were listed
  std::atomic<std::size_t> bytes{0};
  std::atomic<std::size_t> listed{0};  // the size of holders
  std::atomic<std::uint64_t> given_up_count{0};
};

}  // namespace comet::inline v0_1::remoting
