#include "append.hpp"

#include <utility>
#include <vector>

namespace comet::inline v0_1::store {

namespace {

// At most 1 MiB for each thread.
constexpr std::size_t kMaxSpares = 128;
constexpr std::size_t kMinSpareSize = 512;  // smaller pieces are cheap to get
constexpr std::size_t kMaxSpareSize = 8u << 10;

std::vector<std::string>& spares() {
  thread_local std::vector<std::string> list = [] {
    std::vector<std::string> empty;
    empty.reserve(kMaxSpares);
    return empty;
  }();
  return list;
}

}  // namespace

std::string take_record_memory() {
  std::vector<std::string>& list = spares();
  if (list.empty()) return {};
  std::string memory = std::move(list.back());
  list.pop_back();
  return memory;
}

void give_record_memory(std::string memory) noexcept {
  std::vector<std::string>& list = spares();
  const std::size_t size = memory.capacity();
  if (list.size() == kMaxSpares || size < kMinSpareSize || size > kMaxSpareSize) return;
  memory.clear();
  list.push_back(std::move(memory));
}

}  // namespace comet::inline v0_1::store
