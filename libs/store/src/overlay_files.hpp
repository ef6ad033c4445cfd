#pragma once
// The files of another FileSystem, changed in memory only: what recovery would do to a directory
// can be seen without anything being done to it.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "file.hpp"

namespace comet::inline v0_1::store {

class OverlayFile;

// Files below are opened for reading only. Not thread-safe. What was changed takes memory.
class OverlayFiles final : public FileSystem {
 public:
  explicit OverlayFiles(FileSystem& below) noexcept : below_(below) {}
  ~OverlayFiles() override;

  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<bool> exists(const std::string& path) override;
  error_code remove(const std::string& path) override;
  error_code remove_directory(const std::string& path) override;
  error_code rename(const std::string& from, const std::string& to) override;
  error_code make_directories(const std::string& path) override;
  error_code sync_directory(const std::string&) override { return {}; }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Result<std::int64_t> modified_millis(const std::string& path) override;
  Result<DiskUsage> disk_usage(const std::string& path) override;

  class Change {
   public:
    enum class Kind { made, removed, changed };
    std::string path;
    Kind kind = Kind::changed;
    std::int64_t size = 0;   // of the new file
    std::int64_t begin = 0;  // the bytes that are others now
    std::int64_t end = 0;
    std::int64_t old_size = 0;
  };
  // What is different from the files below, by path.
  [[nodiscard]] Result<std::vector<Change>> changes();

 private:
  friend class OverlayFile;
  // What is known of a file here.
  class Node {
   public:
    static constexpr std::int64_t kPage = 4096;

    std::string below;            // where the rest lies; empty: there is none
    std::int64_t size = 0;        // now
    std::int64_t below_size = 0;  // what of the file below can still be seen
    std::int64_t original_size = 0;
    std::map<std::int64_t, std::string> pages;  // changed ones, by their offset
  };
  [[nodiscard]] Result<std::shared_ptr<Node>> find(const std::string& path);
  [[nodiscard]] Result<Change> compare(const std::string& path, const Node& node);

  FileSystem& below_;
  std::map<std::string, std::shared_ptr<Node>> nodes_;
  std::set<std::string> removed_;      // files that are there below
  std::set<std::string> directories_;  // that are not there below
};

}  // namespace comet::inline v0_1::store
