#include "comet/remoting/unsent_memory.hpp"

#include <utility>
#include <vector>

namespace comet::inline v0_1::remoting {

void UnsentMemory::Part::resize(std::size_t bytes) {
  HeldBytes& held = owner_->held_;
  std::vector<std::pair<std::function<void(std::size_t)>, std::size_t>> closing;
  {
    const std::scoped_lock lock(held.mutex);
    HeldBytes::Holder& own = place_.list_in(held);
    if (own.given_up) return;  // it is being closed
    held.bytes += bytes - own.bytes;
    own.bytes = bytes;
    for (auto oldest = held.holders.begin(); held.bytes > held.most; ++oldest) {
      if (oldest->given_up) continue;
      held.give_up(*oldest);
      closing.emplace_back(oldest->give_up, oldest->bytes);
      held.bytes -= std::exchange(oldest->bytes, 0);
    }
  }
  for (const auto& [give_up, given_up_bytes] : closing) give_up(given_up_bytes);
}

void UnsentMemory::Part::release() noexcept {
  if (!place_.is_listed()) return;
  const std::scoped_lock lock(owner_->held_.mutex);
  place_.take_off(owner_->held_);
}

}  // namespace comet::inline v0_1::remoting
