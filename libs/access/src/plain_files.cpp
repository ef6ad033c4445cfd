#include "comet/access/plain_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "comet/base/files.hpp"
#include "plain_reader.hpp"

namespace comet::inline v0_1::access {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestFile = 256u << 20;

bool is_yaml(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yml" || extension == ".yaml";
}

[[noreturn]] void fail(const std::string& path, std::string_view reason) {
  throw Error(BaseErrc::bad_value, fmt::format("{}: {}", path, reason));
}

// Of files that editors and mounts leave beside the real ones: those have other endings.
void add_folder(const std::string& folder, std::vector<std::string>& files) {
  std::error_code error;
  if (!fs::exists(folder, error)) {
    if (error) fail(folder, error.message());
    return;
  }
  fs::recursive_directory_iterator all(folder, fs::directory_options::follow_directory_symlink,
                                       error);
  if (error) fail(folder, error.message());
  for (const fs::recursive_directory_iterator end; all != end;) {
    if (is_yaml(all->path()) && all->is_regular_file(error)) files.push_back(all->path().string());
    if (all.depth() > 16) fail(folder, "has folders in folders without end");
    all.increment(error);
    if (error) fail(folder, error.message());
  }
}

}  // namespace

PlainFiles::PlainFiles(std::string home, std::string_view plain_file)
    : folder_(home + "/conf/acl"),
      plain_file_(home + (plain_file.starts_with('/') ? "" : "/") + std::string(plain_file)) {}

std::vector<std::string> PlainFiles::list() const {
  std::vector<std::string> files;
  add_folder(folder_, files);
  std::ranges::sort(files);
  std::erase(files, plain_file_);
  std::error_code error;
  if (fs::exists(plain_file_, error)) files.push_back(plain_file_);
  if (error) fail(plain_file_, error.message());
  return files;
}

void read_plain_text(std::string_view name, std::string_view text, AccountTable& table) {
  PlainReader(name, text, table).read();
}

AccountTable read_plain_files(const PlainFiles& files) {
  AccountTable table;
  for (const std::string& path : files.list()) {
    std::error_code error;
    if (fs::file_size(path, error) > kLargestFile && !error) fail(path, "is larger than 256 MB");
    const Result<std::string> text = read_file(path);
    if (!text) fail(path, text.error().message());
    table.add_file(path);
    read_plain_text(path, *text, table);
  }
  if (table.files().empty()) {
    fail(files.plain_file(), fmt::format("there is no such file, and none in {}", files.folder()));
  }
  if (table.accounts().empty()) fail(table.files().back(), "there is no account in it");
  if (table.white_addresses().let_all_in()) {
    table.add_remark("globalWhiteRemoteAddresses has every address: every client is let in");
  }
  return table;
}

}  // namespace comet::inline v0_1::access
