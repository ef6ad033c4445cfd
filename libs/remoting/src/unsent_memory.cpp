#include "comet/remoting/unsent_memory.hpp"

#include <utility>
#include <vector>

namespace comet::inline v0_1::remoting {

void UnsentMemory::Part::on_give_up(std::function<void(std::size_t)> give_up) {
  own_.emplace_back().give_up = std::move(give_up);
}

void UnsentMemory::Part::resize(std::size_t bytes) {
  std::vector<std::pair<std::function<void(std::size_t)>, std::size_t>> closing;
  {
    const std::scoped_lock lock(owner_->mutex_);
    auto& holders = owner_->holders_;
    if (!is_listed_) {
      place_ = own_.begin();
      holders.splice(holders.end(), own_);
      is_listed_ = true;
    }
    if (place_->given_up) return;  // it is being closed
    owner_->bytes_ += bytes - place_->bytes;
    place_->bytes = bytes;
    for (auto oldest = holders.begin(); owner_->bytes_ > owner_->most_; ++oldest) {
      if (oldest->given_up) continue;
      oldest->given_up = true;
      ++owner_->given_up_;
      closing.emplace_back(oldest->give_up, oldest->bytes);
      owner_->bytes_ -= std::exchange(oldest->bytes, 0);
    }
  }
  for (const auto& [give_up, held] : closing) give_up(held);
}

void UnsentMemory::Part::release() noexcept {
  if (!is_listed_) return;
  const std::scoped_lock lock(owner_->mutex_);
  owner_->bytes_ -= std::exchange(place_->bytes, 0);
  own_.splice(own_.begin(), owner_->holders_, place_);
  is_listed_ = false;
}

}  // namespace comet::inline v0_1::remoting
