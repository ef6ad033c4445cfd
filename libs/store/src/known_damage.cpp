#include "known_damage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace comet::inline v0_1::store {

namespace {

// What a line says of a stretch.
constexpr int kUnknown = 0;
constexpr int kKnown = 1;
constexpr int kMisnamed = 2;

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
  int kind = kUnknown;
  while (lines >> one.begin >> one.end >> kind) {
    one.is_known = kind == kKnown;
    one.is_misnamed = kind == kMisnamed;
    if (kind < kUnknown || kind > kMisnamed) return {};
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
    text += fmt::format("{} {} {}\n", one.begin, one.end,
                        one.is_misnamed ? kMisnamed : (one.is_known ? kKnown : kUnknown));
  }
  return replace_file(files, path, text);
}

}  // namespace comet::inline v0_1::store
