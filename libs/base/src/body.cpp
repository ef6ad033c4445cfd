#include "comet/base/body.hpp"

namespace comet {

std::string Body::to_string() const {
  std::string bytes;
  bytes.reserve(size_);
  for (std::size_t i = 0; i < pieces(); ++i) bytes += piece(i).view();
  return bytes;
}

}  // namespace comet
