#include <cstddef>
#include <cstdint>

#include "header_check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace comet::remoting;
  fuzz::check_header(SerializeType::json, {reinterpret_cast<const char*>(data), size});
  return 0;
}
