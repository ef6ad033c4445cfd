#include "comet/remoting/frame_memory.hpp"

#include <algorithm>
#include <utility>

namespace comet::inline v0_1::remoting {

FrameMemory::Part::Outcome FrameMemory::Part::resize(std::size_t bytes) {
  HeldBytes& held = owner_->held_;
  std::function<void(std::size_t)> give_up;
  std::size_t given_up_bytes = 0;
  {
    const std::scoped_lock lock(held.mutex);
    HeldBytes::Holder& own = place_.list_in(held);
    if (own.given_up) return Outcome::give_up;
    const std::size_t others = held.bytes - own.bytes;
    if (others == 0 || others + bytes <= held.most || bytes <= own.bytes) {
      held.bytes = others + bytes;
      own.bytes = bytes;
      return Outcome::granted;
    }
    const bool room_is_coming = std::ranges::any_of(held.holders, &HeldBytes::Holder::given_up);
    if (room_is_coming) return Outcome::wait;
    HeldBytes::Holder& oldest = *std::ranges::find_if(
        held.holders, [](const HeldBytes::Holder& one) { return one.bytes > 0; });
    held.give_up(oldest);
    if (&oldest == &own) return Outcome::give_up;
    give_up = oldest.give_up;
    given_up_bytes = oldest.bytes;
  }
  give_up(given_up_bytes);
  return Outcome::wait;
}

void FrameMemory::Part::release() noexcept {
  if (!place_.is_listed()) return;
  const std::scoped_lock lock(owner_->held_.mutex);
  place_.take_off(owner_->held_).given_up = false;
}

std::size_t FrameMemory::Part::fair_read(std::size_t most) const noexcept {
  constexpr std::size_t kTogether = 2u << 20;  // some 2 ms
  constexpr std::size_t kLeast = 16u << 10;
  if (owner_ == nullptr) return most;
  const std::size_t holders = std::max<std::size_t>(owner_->holders(), 1);
  return std::clamp(kTogether / holders, std::min(kLeast, most), most);
}

}  // namespace comet::inline v0_1::remoting
