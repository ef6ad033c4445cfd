#include "spare_fields.hpp"

#include <utility>
#include <vector>

namespace comet::inline v0_1::remoting {
namespace {

// Of each thread. More wait only where many requests of one burst wait at a time.
constexpr std::size_t kMostSpares = 256;
constexpr std::size_t kMostBytes = 8u << 10;  // greater ones are not kept

// Requests may end after the spares of their thread.
thread_local bool is_over = false;

class Spares {
 public:
  Spares() { list.reserve(kMostSpares); }
  ~Spares() { is_over = true; }
  Spares(const Spares&) = delete;
  Spares& operator=(const Spares&) = delete;

  std::vector<Fields> list;
};

std::vector<Fields>& spares() {
  thread_local Spares spares;
  return spares.list;
}

}  // namespace

Fields take_spare_fields() noexcept {
  if (is_over) return {};
  std::vector<Fields>& list = spares();
  if (list.empty()) return {};
  Fields fields = std::move(list.back());
  list.pop_back();
  return fields;
}

void give_spare_fields(Fields fields) noexcept {
  if (is_over) return;
  std::vector<Fields>& list = spares();
  const std::size_t size = fields.capacity();
  if (list.size() == kMostSpares || size == 0 || size > kMostBytes) return;
  fields.clear();
  list.push_back(std::move(fields));
}

}  // namespace comet::inline v0_1::remoting
