// Apache's HA wire, both directions, in pieces whose size the first byte chooses: reports as a
// master reads them, frames as a replica does. However the bytes are cut, the same is read.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../../libs/replication/src/apache_wire.hpp"

namespace {

using namespace comet::replication;

void must(bool holds) {
  if (!holds) std::abort();
}

class Read {
 public:
  std::optional<std::int64_t> last_report;
  std::vector<std::int64_t> heads;
  std::string log;
  bool bad = false;
  friend bool operator==(const Read&, const Read&) = default;
};

Read read(std::string_view bytes, std::size_t piece) {
  Read result;
  ReportReader reports;
  FrameReader frames;
  std::int64_t next = 0;
  while (!bytes.empty()) {
    std::string_view input = bytes.substr(0, piece);
    bytes.remove_prefix(input.size());
    if (const auto report = reports.take(input)) result.last_report = report;
    while (!result.bad) {
      const FrameReader::Part part = frames.next(input);
      if (part.kind == FrameReader::Kind::more) break;
      if (part.kind == FrameReader::Kind::bad) result.bad = true;
      if (part.kind == FrameReader::Kind::head) {
        must(part.size >= 0 && part.size <= kMaxApacheFrame && part.offset >= 0);
        result.heads.push_back(part.offset);
        next = part.offset;
      }
      if (part.kind == FrameReader::Kind::body) {
        must(!part.bytes.empty() && part.offset == next);
        next += part.size;
        result.log += part.bytes;
      }
    }
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = std::max<std::size_t>(1, data[0]);
  must(read(bytes, piece) == read(bytes, std::max<std::size_t>(1, bytes.size())));
  return 0;
}
