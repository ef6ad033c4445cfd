// A file of a consume queue is made of the input. The first byte says how the store had ended, and
// whether the file has its full size.
#include "damaged_store.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace comet::store::test;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool crashed = (data[0] & 1U) != 0;
  const std::int64_t full = damaged_store().world().config.consume_queue_file_size;
  const bool is_whole = (data[0] & 2U) == 0 || bytes.size() > static_cast<std::size_t>(full);
  static const std::string path = damaged_store().first_file("consumequeue/T/");
  damaged_store().start_with(path, bytes, is_whole ? full : -1, crashed, true);
  return 0;
}
