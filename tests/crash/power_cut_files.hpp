#pragma once
// A disk in memory that forgets like a real one: what was not synced is lost in parts when the
// power fails. Deterministic; not thread-safe.

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "comet/base/time.hpp"
#include "file.hpp"

namespace comet::inline v0_1::store::test {

// Numbers that depend on the seed only, whatever the standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  // From 0 to limit - 1.
  [[nodiscard]] std::int64_t below(std::int64_t limit) {
    return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(limit));
  }
  [[nodiscard]] bool chance(int percent) { return below(100) < percent; }

 private:
  std::mt19937_64 engine_;
};

// A file or a directory. A file is what the process sees (`memory`), what the disk has (`disk`),
// and the calls that lead from the one to the other (`unsynced`).
class Node {
 public:
  class Change {
   public:
    std::int64_t at = 0;  // of a resize: the new size
    std::string bytes;
    bool is_resize = false;
  };
  bool is_directory = false;
  std::shared_ptr<char> memory;  // of `capacity` bytes; zeros behind `size`
  std::int64_t capacity = 0;
  std::int64_t size = 0;
  std::string disk;
  std::vector<Change> unsynced;
  std::int64_t modified_millis = 0;
  bool is_locked = false;

  [[nodiscard]] std::string_view content() const noexcept {
    return {memory.get(), static_cast<std::size_t>(size)};
  }
  void write(std::string_view bytes, std::int64_t at);
  void resize(std::int64_t new_size);
};
using NodePtr = std::shared_ptr<Node>;

enum class Ending {
  process_killed,  // the system lives on, with all that was written
  power_cut,       // what was not synced is on the disk, or not, or in part
};

class PowerCutFiles final : public FileSystem {
 public:
  PowerCutFiles(Random& random, TimeSource& time) : random_(random), time_(time) {}

  // The machine stops in the middle of the call of this number from now (0: the next) that changes
  // anything; no call does anything after that.
  void stop_at_call(std::int64_t number) { calls_left_ = number; }
  [[nodiscard]] bool is_stopped() const noexcept { return stopped_; }
  // From that call on `times` calls that change anything fail with the system's error `number`.
  void fail_at_call(std::int64_t call, int number, std::int64_t times);
  void fail_no_more() noexcept { failures_left_ = 0; }
  [[nodiscard]] bool has_failed() const noexcept { return has_failed_; }
  [[nodiscard]] std::int64_t calls() const noexcept { return calls_; }
  // Everything that had the files open must be gone.
  void restart(Ending ending);
  // A copy whose disk has all.
  [[nodiscard]] std::unique_ptr<PowerCutFiles> clone() const;

  [[nodiscard]] std::vector<std::string> paths() const;  // of files
  [[nodiscard]] Node& node(const std::string& path) { return *names_.at(path); }
  // Copies all below a real directory.
  void save(const std::string& directory) const;

  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<bool> exists(const std::string& path) override;
  error_code remove(const std::string& path) override;
  error_code remove_directory(const std::string& path) override;
  error_code rename(const std::string& from, const std::string& to) override;
  error_code make_directories(const std::string& path) override;
  error_code sync_directory(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Result<std::int64_t> modified_millis(const std::string& path) override;
  Result<DiskUsage> disk_usage(const std::string& path) override;

 private:
  friend class PowerCutFile;
  // A name that was given to a node, or taken away (`node` is null).
  class Naming {
   public:
    std::string path;
    NodePtr node;
    std::string old_path;  // a rename takes this one away at the same time
  };
  enum class Fate {
    done,
    failed,       // with the error of fail_at_call
    interrupted,  // the machine stops in this call
  };

  [[nodiscard]] Fate next_call();
  [[nodiscard]] error_code injected() const { return {error_, boost::system::system_category()}; }
  [[nodiscard]] error_code finish(Fate fate);
  void apply(const Naming& naming, std::map<std::string, NodePtr>& names) const;
  error_code change_names(Naming naming);
  void lose_namings();
  void sync(Node& node);
  void lose_part_of_sync(Node& node);
  [[nodiscard]] std::string disk_after_cut(const std::string& path, const Node& node);
  void apply_torn(const Node::Change& change, bool whole_sectors, std::string& disk);
  Result<std::size_t> write(Node& node, std::string_view bytes, std::int64_t at);
  error_code resize(Node& node, std::int64_t size);
  error_code sync_file(Node& node);

  Random& random_;
  TimeSource& time_;
  std::map<std::string, NodePtr> names_;       // as the process sees them
  std::map<std::string, NodePtr> disk_names_;  // on the disk
  std::vector<Naming> unsynced_;
  std::int64_t calls_ = 0;
  std::int64_t calls_left_ = -1;  // until the machine stops; -1: it does not
  bool stopped_ = false;
  std::int64_t fail_at_ = -1;
  std::int64_t failures_left_ = 0;
  int error_ = 0;
  bool has_failed_ = false;
};

}  // namespace comet::inline v0_1::store::test
