#include "cut_note.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <sstream>

#include "comet/base/log.hpp"

namespace comet::inline v0_1::store {

namespace {

constexpr std::string_view kCutWord = "cut";
constexpr std::string_view kBeginWord = "begin";

std::uint32_t checksum_of_text(std::string_view text) noexcept {
  return static_cast<std::uint32_t>(
      ::crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
}

}  // namespace

std::optional<CutNote> read_cut_note(FileSystem& files, const std::string& path) {
  Result<bool> exists = files.exists(path);
  if (!exists) throw Error(exists.error(), "look for " + path);
  if (!*exists) return std::nullopt;
  Result<std::shared_ptr<File>> file = files.open(path, OpenMode::existing);
  if (!file) throw Error(file.error(), "open " + path);
  std::string text(128, '\0');
  if (error_code error = read_fully(**file, text, 0)) throw Error(error, "read " + path);
  std::istringstream words(text.substr(0, text.find('\n')));
  std::string word;
  CutNote note;
  std::uint32_t sum = 0;
  words >> word >> note.offset >> note.timestamp >> sum;
  note.kind = word == kBeginWord ? CutNote::Kind::begin : CutNote::Kind::cut;
  const std::string said = fmt::format("{} {} {}", word, note.offset, note.timestamp);
  const bool is_whole = words && (word == kCutWord || word == kBeginWord) && note.offset >= 0 &&
                        sum == checksum_of_text(said);
  if (is_whole) return note;
  log::error("{} is damaged: where the log was to be cut is not known any more", path);
  return std::nullopt;
}

error_code write_cut_note(FileSystem& files, const std::string& path, const CutNote& note) {
  const std::string_view word = note.kind == CutNote::Kind::cut ? kCutWord : kBeginWord;
  std::string text = fmt::format("{} {} {}", word, note.offset, note.timestamp);
  text += fmt::format(" {}\n", checksum_of_text(text));
  return replace_file(files, path, text);
}

error_code remove_cut_note(FileSystem& files, const std::string& path) {
  if (error_code error = files.remove(path)) return error;
  return files.sync_directory(path.substr(0, path.rfind('/')));
}

}  // namespace comet::inline v0_1::store
