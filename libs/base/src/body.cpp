#include "comet/base/body.hpp"

namespace comet::inline v0_1 {

std::string Body::to_string() const {
  std::string bytes;
  bytes.reserve(size_);
  for (std::size_t i = 0; i < pieces(); ++i) bytes += piece(i).view();
  return bytes;
}

}  // namespace comet::inline v0_1
