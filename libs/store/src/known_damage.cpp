#include "known_damage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>

namespace comet::inline v0_1::store {

namespace {

// What a line says of a stretch: DamageKind's order.
constexpr std::array kKinds{DamageKind::unknown, DamageKind::known, DamageKind::misnamed,
                            DamageKind::misplaced};

}  // namespace

std::vector<Damage> read_known_damage(FileSystem& files, const std::string& path) {
  std::vector<Damage> all;
  Result<std::shared_ptr<File>> file = files.open(path, OpenMode::existing);
  Result<std::int64_t> size = file ? (*file)->size() : Result<std::int64_t>(file.error());
  if (!size) return all;
  std::string text(static_cast<std::size_t>(*size), '\0');
  if (read_whole(**file, text, 0)) return all;
  std::istringstream lines(text);
  Damage one;
  std::size_t kind = 0;
  while (lines >> one.begin >> one.end >> kind) {
    if (kind >= kKinds.size()) return {};
    one.kind = kKinds.at(kind);
    one.queue_offset = -1;
    if (one.kind == DamageKind::misplaced && !(lines >> one.queue_offset)) return {};
    if (one.begin < 0 || one.end <= one.begin) return {};
    if (!all.empty() && one.begin < all.back().end) return {};
    all.push_back(one);
  }
  return lines.eof() ? all : std::vector<Damage>();
}

error_code write_known_damage(FileSystem& files, const std::string& path,
                              const std::vector<Damage>& damage) {
  std::string text;
  for (const Damage& one : damage) {
    text += fmt::format("{} {} {}", one.begin, one.end, static_cast<int>(one.kind));
    if (one.kind == DamageKind::misplaced) text += fmt::format(" {}", one.queue_offset);
    text += '\n';
  }
  return replace_file(files, path, text);
}

}  // namespace comet::inline v0_1::store
