#include "comet/base/body.hpp"

namespace comet::inline v0_1 {

std::string Body::to_string() const {
  std::string bytes;
  bytes.reserve(size_);
  for (std::size_t i = 0; i < pieces(); ++i) bytes += piece(i).view();
  if (!pages_) return bytes;
  for (const std::span<const char> part : pages_->parts()) {
    const Result<SharedBytes> copy = pages_->file().copy(part);
    if (!copy) throw Error(copy.error(), "read a file's bytes");
    bytes += copy->view();
  }
  return bytes;
}

}  // namespace comet::inline v0_1
