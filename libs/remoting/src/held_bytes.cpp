#include "comet/remoting/held_bytes.hpp"

#include <utility>

namespace comet::inline v0_1::remoting {

HeldBytes::Holder& HeldBytes::Place::list_in(HeldBytes& all) {
  if (!is_listed_) {
    place_ = own_.begin();
    all.holders.splice(all.holders.end(), own_);
    is_listed_ = true;
    ++all.listed;
  }
  return *place_;
}

HeldBytes::Holder& HeldBytes::Place::take_off(HeldBytes& all) noexcept {
  all.bytes -= std::exchange(place_->bytes, 0);
  own_.splice(own_.begin(), all.holders, place_);
  is_listed_ = false;
  --all.listed;
  return *place_;
}

}  // namespace comet::inline v0_1::remoting
