#include "power_cut_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace comet::inline v0_1::store::test {

namespace {

constexpr std::int64_t kSector = 512;  // a disk writes these whole or not at all

error_code system_error(int number) { return {number, boost::system::system_category()}; }

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

void put(std::string& disk, std::string_view bytes, std::int64_t at) {
  auto begin = static_cast<std::size_t>(at);
  if (disk.size() < begin + bytes.size()) disk.resize(begin + bytes.size(), '\0');
  std::ranges::copy(bytes, disk.begin() + at);
}

void apply(const Node::Change& change, std::string& disk) {
  if (change.is_resize) {
    disk.resize(static_cast<std::size_t>(change.at), '\0');
  } else {
    put(disk, change.bytes, change.at);
  }
}

}  // namespace

void Node::resize(std::int64_t new_size) {
  if (new_size > capacity) {
    auto bytes = static_cast<std::size_t>(new_size);
    std::shared_ptr<char> larger(static_cast<char*>(std::calloc(bytes, 1)), std::free);
    if (size > 0) std::memcpy(larger.get(), memory.get(), static_cast<std::size_t>(size));
    memory = std::move(larger);
    capacity = new_size;
  }
  if (new_size < size) {
    std::memset(memory.get() + new_size, 0, static_cast<std::size_t>(size - new_size));
  }
  size = new_size;
}

void Node::write(std::string_view bytes, std::int64_t at) {
  if (bytes.empty()) return;
  auto end = at + static_cast<std::int64_t>(bytes.size());
  if (end > size) resize(end);
  std::memcpy(memory.get() + at, bytes.data(), bytes.size());
}

class PowerCutFile final : public File {
 public:
  PowerCutFile(PowerCutFiles& files, NodePtr node) : files_(files), node_(std::move(node)) {}
  ~PowerCutFile() override {
    if (holds_lock_) node_->is_locked = false;
  }
  PowerCutFile(const PowerCutFile&) = delete;
  PowerCutFile& operator=(const PowerCutFile&) = delete;

  Result<std::size_t> write_some(std::span<const iovec> pieces, std::int64_t at) override {
    std::string bytes;
    for (const iovec& piece : pieces) {
      bytes.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    }
    return files_.write(*node_, bytes, at);
  }
  Result<std::size_t> read_some(std::span<char> into, std::int64_t at) override {
    if (files_.stopped_) return system_error(EIO);
    if (at >= node_->size) return std::size_t{0};
    std::string_view part = node_->content().substr(static_cast<std::size_t>(at), into.size());
    std::ranges::copy(part, into.begin());
    return part.size();
  }
  Result<std::int64_t> size() override {
    if (files_.stopped_) return Result<std::int64_t>(system_error(EIO));
    return node_->size;
  }
  error_code resize(std::int64_t size) override { return files_.resize(*node_, size); }
  error_code allocate(std::int64_t) override { return files_.finish(files_.next_call()); }
  error_code sync_data() override { return files_.sync_file(*node_); }
  error_code sync_all() override { return files_.sync_file(*node_); }
  Result<bool> try_lock() override {
    if (node_->is_locked) return false;
    return holds_lock_ = node_->is_locked = true;
  }

 private:
  PowerCutFiles& files_;
  NodePtr node_;
  bool holds_lock_ = false;
};

void PowerCutFiles::fail_at_call(std::int64_t call, int number, std::int64_t times) {
  fail_at_ = calls_ + call;
  error_ = number;
  failures_left_ = times;
  has_failed_ = false;
}

PowerCutFiles::Fate PowerCutFiles::next_call() {
  if (stopped_) return Fate::interrupted;
  if (calls_left_ >= 0 && calls_left_-- == 0) {
    stopped_ = true;
    return Fate::interrupted;
  }
  if (calls_++ >= fail_at_ && failures_left_ > 0) {
    --failures_left_;
    has_failed_ = true;
    return Fate::failed;
  }
  return Fate::done;
}

error_code PowerCutFiles::finish(Fate fate) {
  if (fate == Fate::done) return {};
  return fate == Fate::failed ? injected() : system_error(EIO);
}

Result<std::size_t> PowerCutFiles::write(Node& node, std::string_view bytes, std::int64_t at) {
  bool was_stopped = stopped_;
  Fate fate = next_call();
  if (was_stopped) return system_error(EIO);
  auto size = static_cast<std::int64_t>(bytes.size());
  // What fails has often done a part of its work.
  std::int64_t part = fate == Fate::done ? size : random_.below(size + 1);
  if (fate == Fate::failed && part > 0) ++failures_left_;  // said by the call for the rest
  if (part > 0) {
    bytes = bytes.substr(0, static_cast<std::size_t>(part));
    node.write(bytes, at);
    node.modified_millis = time_.wall_millis();
    node.unsynced.push_back({at, std::string(bytes), false});
  }
  if (fate == Fate::interrupted || part == 0) return finish(fate);
  return static_cast<std::size_t>(part);
}

error_code PowerCutFiles::resize(Node& node, std::int64_t size) {
  bool was_stopped = stopped_;
  Fate fate = next_call();
  bool happens = fate == Fate::done || (fate == Fate::interrupted && random_.chance(50));
  if (!was_stopped && happens) {
    node.resize(size);
    node.modified_millis = time_.wall_millis();
    node.unsynced.push_back({size, {}, true});
  }
  return finish(fate);
}

error_code PowerCutFiles::sync_file(Node& node) {
  bool was_stopped = stopped_;
  Fate fate = next_call();
  if (fate == Fate::done) {
    sync(node);
  } else if (!was_stopped && fate == Fate::failed) {
    lose_part_of_sync(node);
  }
  return finish(fate);
}

void PowerCutFiles::sync(Node& node) {
  for (const Node::Change& change : node.unsynced) test::apply(change, node.disk);
  node.unsynced.clear();
}

// The kernel takes pages for clean whose write failed: the process sees them, the disk never will.
void PowerCutFiles::lose_part_of_sync(Node& node) {
  std::erase_if(node.unsynced, [&](const Node::Change& change) {
    if (change.is_resize) return false;
    if (random_.chance(50)) test::apply(change, node.disk);
    return true;
  });
}

void PowerCutFiles::apply(const Naming& naming, std::map<std::string, NodePtr>& names) const {
  if (!naming.old_path.empty()) names.erase(naming.old_path);
  if (naming.node) {
    names[naming.path] = naming.node;
  } else {
    names.erase(naming.path);
  }
}

error_code PowerCutFiles::change_names(Naming naming) {
  bool was_stopped = stopped_;
  Fate fate = next_call();
  bool happens = fate == Fate::done || (fate == Fate::interrupted && random_.chance(50));
  if (!was_stopped && happens) {
    apply(naming, names_);
    unsynced_.push_back(std::move(naming));
  }
  return finish(fate);
}

Result<std::shared_ptr<File>> PowerCutFiles::open(const std::string& path, OpenMode mode) {
  if (stopped_) return system_error(EIO);
  auto found = names_.find(path);
  if (found == names_.end()) {
    if (mode == OpenMode::existing || !names_.contains(parent_of(path))) {
      return system_error(ENOENT);
    }
    auto node = std::make_shared<Node>();
    node->modified_millis = time_.wall_millis();
    if (error_code error = change_names({path, std::move(node), {}})) return error;
    found = names_.find(path);
  }
  return std::shared_ptr<File>(std::make_shared<PowerCutFile>(*this, found->second));
}

Result<bool> PowerCutFiles::exists(const std::string& path) {
  if (stopped_) return system_error(EIO);
  return path == "/" || names_.contains(path);
}

error_code PowerCutFiles::remove(const std::string& path) {
  if (!names_.contains(path)) return system_error(ENOENT);
  return change_names({path, nullptr, {}});
}

error_code PowerCutFiles::remove_directory(const std::string& path) {
  auto found = names_.find(path);
  if (found == names_.end()) return system_error(ENOENT);
  auto next = std::next(found);
  if (next != names_.end() && next->first.starts_with(path + "/")) return system_error(ENOTEMPTY);
  return change_names({path, nullptr, {}});
}

error_code PowerCutFiles::rename(const std::string& from, const std::string& to) {
  auto found = names_.find(from);
  if (found == names_.end()) return system_error(ENOENT);
  return change_names({to, found->second, from});
}

error_code PowerCutFiles::make_directories(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    std::string part = path.substr(0, slash);
    if (!names_.contains(part)) {
      auto node = std::make_shared<Node>();
      node->is_directory = true;
      if (error_code error = change_names({part, std::move(node), {}})) return error;
    }
    if (slash == std::string::npos) return {};
  }
}

error_code PowerCutFiles::sync_directory(const std::string& path) {
  bool was_stopped = stopped_;
  const std::string directory = path == "/" ? "" : path;
  if (!directory.empty() && !names_.contains(directory)) return system_error(ENOENT);
  Fate fate = next_call();
  if (was_stopped || fate != Fate::done) return finish(fate);
  std::erase_if(unsynced_, [&](const Naming& naming) {
    if (parent_of(naming.path) != directory) return false;
    apply(naming, disk_names_);
    return true;
  });
  return finish(fate);
}

Result<std::vector<DirectoryEntry>> PowerCutFiles::list(const std::string& path) {
  if (stopped_) return system_error(EIO);
  if (!names_.contains(path)) return system_error(ENOENT);
  std::vector<DirectoryEntry> entries;
  const std::string prefix = path + "/";
  for (auto entry = names_.lower_bound(prefix);
       entry != names_.end() && entry->first.starts_with(prefix); ++entry) {
    std::string name = entry->first.substr(prefix.size());
    if (name.find('/') != std::string::npos) continue;
    entries.push_back({std::move(name), entry->second->is_directory, entry->second->size});
  }
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  return entries;
}

Result<std::int64_t> PowerCutFiles::modified_millis(const std::string& path) {
  auto found = names_.find(path);
  if (stopped_ || found == names_.end()) return Result<std::int64_t>(system_error(ENOENT));
  return found->second->modified_millis;
}

Result<DiskUsage> PowerCutFiles::disk_usage(const std::string&) {
  DiskUsage usage;
  usage.used = 10'000;
  usage.available = 90'000;
  return usage;
}

// Each name that was not synced is on the disk or not; what lies in a lost directory is lost.
void PowerCutFiles::lose_namings() {
  const int likely = static_cast<int>(random_.below(3)) * 50;
  for (const Naming& naming : unsynced_) {
    if (random_.chance(likely)) apply(naming, disk_names_);
  }
  unsynced_.clear();
  std::erase_if(disk_names_, [&](const auto& entry) {
    std::string parent = parent_of(entry.first);
    return !parent.empty() && !disk_names_.contains(parent);  // ordered: parents were looked at
  });
}

void PowerCutFiles::apply_torn(const Node::Change& change, bool whole_sectors, std::string& disk) {
  std::string_view bytes = change.bytes;
  const auto size = static_cast<std::int64_t>(bytes.size());
  if (!whole_sectors && random_.chance(50)) {  // a prefix or a suffix
    auto cut = static_cast<std::size_t>(random_.below(size + 1));
    if (random_.chance(70)) return put(disk, bytes.substr(0, cut), change.at);
    return put(disk, bytes.substr(cut), change.at + static_cast<std::int64_t>(cut));
  }
  for (std::int64_t at = 0; at < size;) {
    std::int64_t next = std::min(size, at + kSector - (change.at + at) % kSector);
    auto part = bytes.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(next - at));
    if (random_.chance(50)) put(disk, part, change.at + at);
    at = next;
  }
}

std::string PowerCutFiles::disk_after_cut(const std::string& path, const Node& node) {
  std::string disk = node.disk;
  // Sizes are kept in order by the file system's journal, bytes are not.
  std::int64_t resizes = std::ranges::count_if(node.unsynced, &Node::Change::is_resize);
  std::int64_t kept_resizes = random_.below(resizes + 1);
  const bool whole_sectors = path.ends_with("/checkpoint") || path.ends_with("/synced");
  const int likely = static_cast<int>(random_.below(4)) * 33;
  for (const Node::Change& change : node.unsynced) {
    if (change.is_resize) {
      if (kept_resizes-- > 0) test::apply(change, disk);
    } else if (random_.chance(likely)) {
      test::apply(change, disk);
    } else if (random_.chance(50)) {
      apply_torn(change, whole_sectors, disk);
    }
  }
  return disk;
}

void PowerCutFiles::restart(Ending ending) {
  stopped_ = false;
  calls_left_ = -1;
  failures_left_ = 0;
  has_failed_ = false;
  if (ending == Ending::process_killed) return;
  lose_namings();
  std::map<std::string, NodePtr> after;
  for (const auto& [path, node] : disk_names_) {
    auto fresh = std::make_shared<Node>();
    fresh->is_directory = node->is_directory;
    fresh->modified_millis = node->modified_millis;
    fresh->disk = disk_after_cut(path, *node);
    fresh->write(fresh->disk, 0);
    after.emplace(path, std::move(fresh));
  }
  disk_names_ = names_ = std::move(after);
}

std::unique_ptr<PowerCutFiles> PowerCutFiles::clone() const {
  auto copy = std::make_unique<PowerCutFiles>(random_, time_);
  for (const auto& [path, node] : names_) {
    auto fresh = std::make_shared<Node>();
    fresh->is_directory = node->is_directory;
    fresh->modified_millis = node->modified_millis;
    fresh->disk = node->content();
    fresh->write(fresh->disk, 0);
    copy->names_.emplace(path, std::move(fresh));
  }
  copy->disk_names_ = copy->names_;
  return copy;
}

std::vector<std::string> PowerCutFiles::paths() const {
  std::vector<std::string> result;
  for (const auto& [path, node] : names_) {
    if (!node->is_directory) result.push_back(path);
  }
  return result;
}

void PowerCutFiles::save(const std::string& directory) const {
  for (const auto& [path, node] : names_) {
    std::filesystem::path target = directory + path;
    if (node->is_directory) {
      std::filesystem::create_directories(target);
      continue;
    }
    std::ofstream file(target, std::ios::binary);
    file.write(node->content().data(), node->size);
  }
}

}  // namespace comet::inline v0_1::store::test
