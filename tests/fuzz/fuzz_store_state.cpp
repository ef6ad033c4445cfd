// The checkpoint, the abort file or the list of removed queues is made of the input; its first byte
// says which.
#include "damaged_store.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace comet::store::test;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  static constexpr const char* kNames[] = {"/checkpoint", "/removedQueues.json", "/abort"};
  const std::string path = std::string(World::kRoot) + kNames[data[0] / 2 % 3];
  const std::int64_t length = path.ends_with("checkpoint") ? 4096 : -1;
  damaged_store().start_with(path, bytes, length, (data[0] & 1U) != 0, true);
  return 0;
}
