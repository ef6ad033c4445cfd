#include "comet/store/set_aside.hpp"

#include "store_directory.hpp"

namespace comet::inline v0_1::store {
namespace {

class Mover {
 public:
  Mover(FileSystem& files, const StorePaths& paths, const std::string& name)
      : files_(files), paths_(paths), name_(name), into_(paths.root() + "/" + name) {}

  void prepare() { must(files_.make_directories(into_), "create " + into_); }

  void move(const std::string& from) {
    const std::size_t slash = from.rfind('/');
    const bool is_inside = from.substr(0, slash) == paths_.root();
    const std::string to = is_inside ? into_ + from.substr(slash) : from + "." + name_;
    if (!exists(from) || exists(to)) {
      if (exists(to)) moved_.push_back(to);
      return;
    }
    must(files_.rename(from, to), "move " + from + " to " + to);
    if (!is_inside)
      must(files_.sync_directory(from.substr(0, slash)), "sync the directory of " + to);
    moved_.push_back(to);
  }

  std::vector<std::string> finish() {
    must(files_.make_directories(paths_.commit_log()), "create " + paths_.commit_log());
    must(files_.sync_directory(into_), "sync " + into_);
    must(files_.sync_directory(paths_.root()), "sync " + paths_.root());
    return std::move(moved_);
  }

 private:
  static void must(const error_code& error, const std::string& what) {
    if (error) throw Error(error, what);
  }
  bool exists(const std::string& path) {
    const Result<bool> there = files_.exists(path);
    must(there.error(), "look for " + path);
    return *there;
  }

  FileSystem& files_;
  const StorePaths& paths_;
  const std::string& name_;
  const std::string into_;
  std::vector<std::string> moved_;
};

std::shared_ptr<File> lock(FileSystem& files, const StorePaths& paths) {
  const Result<std::shared_ptr<File>> file = files.open(paths.lock_file(), OpenMode::create);
  if (!file) throw Error(file.error(), "open " + paths.lock_file());
  const Result<bool> is_mine = (*file)->try_lock();
  if (!is_mine) throw Error(is_mine.error(), "lock " + paths.lock_file());
  if (!*is_mine)
    throw Error(make_error_code(StoreErrc::locked), "move the store in " + paths.root());
  return *file;
}

}  // namespace

std::vector<std::string> set_aside(const StoreConfig& config, const std::string& name) {
  FileSystem& files = posix_files();
  const StorePaths paths(config);
  Mover mover(files, paths, name);
  mover.prepare();
  const std::shared_ptr<File> held = lock(files, paths);
  for (const std::string& path :
       {paths.commit_log(), paths.consume_queues(), paths.index(), paths.checkpoint(),
        paths.removed_queues(), paths.synced_note(), paths.known_damage(), paths.cut_note(),
        paths.damaged_copies(), paths.abort_file()}) {
    mover.move(path);
  }
  return mover.finish();
}

}  // namespace comet::inline v0_1::store
