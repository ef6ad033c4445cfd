#include "comet/remoting/frame_memory.hpp"

#include <algorithm>
#include <utility>

namespace comet::inline v0_1::remoting {

void FrameMemory::Part::on_give_up(std::function<void()> give_up) {
  own_.emplace_back().give_up = std::move(give_up);
}

FrameMemory::Part::Outcome FrameMemory::Part::resize(std::size_t bytes) {
  std::function<void()> give_up;
  {
    const std::scoped_lock lock(owner_->mutex_);
    auto& holders = owner_->holders_;
    if (!is_listed_) {
      place_ = own_.begin();
      holders.splice(holders.end(), own_);
      is_listed_ = true;
      ++owner_->listed_;
    }
    if (place_->given_up) return Outcome::give_up;
    const std::size_t others = owner_->bytes_ - place_->bytes;
    if (others == 0 || others + bytes <= owner_->most_ || bytes <= place_->bytes) {
      owner_->bytes_ = others + bytes;
      place_->bytes = bytes;
      return Outcome::granted;
    }
    const bool room_is_coming = std::ranges::any_of(holders, &Holder::given_up);
    if (room_is_coming) return Outcome::wait;
    const auto oldest =
        std::ranges::find_if(holders, [](const Holder& one) { return one.bytes > 0; });
    oldest->given_up = true;
    ++owner_->given_up_;
    if (oldest == place_) return Outcome::give_up;
    give_up = oldest->give_up;
  }
  give_up();
  return Outcome::wait;
}

void FrameMemory::Part::release() noexcept {
  if (!is_listed_) return;
  const std::scoped_lock lock(owner_->mutex_);
  owner_->bytes_ -= place_->bytes;
  place_->bytes = 0;
  place_->given_up = false;
  own_.splice(own_.begin(), owner_->holders_, place_);
  is_listed_ = false;
  --owner_->listed_;
}

std::size_t FrameMemory::Part::fair_read(std::size_t most) const noexcept {
  constexpr std::size_t kTogether = 2u << 20;  // some 2 ms
  constexpr std::size_t kLeast = 16u << 10;
  if (owner_ == nullptr) return most;
  const std::size_t holders = std::max<std::size_t>(owner_->holders(), 1);
  return std::clamp(kTogether / holders, std::min(kLeast, most), most);
}

}  // namespace comet::inline v0_1::remoting
