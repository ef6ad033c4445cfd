#include "comet/access/access_control.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "comet/base/error.hpp"

namespace comet::inline v0_1::access {
namespace {

// Unlike addresses, never used twice.
std::uint64_t next_id() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

// A file as stat() sees it, in one text: another one stands for another state.
std::string stamp_of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return path + " is not there";
  return fmt::format("{} {} {} {} {}.{} {}.{}", path, status.st_dev, status.st_ino, status.st_size,
                     status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
                     status.st_ctim.tv_nsec);
}

// A file that is gone would take its accounts along, without anybody having said so.
void require_all(const AccountTable& before, const AccountTable& now) {
  for (const std::string& path : before.files()) {
    if (std::ranges::find(now.files(), path) != now.files().end()) continue;
    throw Error(BaseErrc::bad_value,
                fmt::format("{}: was read before and is gone; put it back with \"accounts: []\" in "
                            "it, or start the broker again",
                            path));
  }
}

}  // namespace

AccessControl::AccessControl(PlainFiles files, AccessOptions options)
    : files_(std::move(files)), options_(options), id_(next_id()) {
  taken_ = seen_ = stamps();
  stats_.is_observing = options_.observe;
  hold(std::make_shared<const AccountTable>(read_plain_files(files_)));
}

void AccessControl::hold(Table table) {
  const std::lock_guard lock(mutex_);
  stats_.accounts = table->accounts().size();
  table_.swap(table);
  generation_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const AccountTable> AccessControl::accounts() const {
  const std::lock_guard lock(mutex_);
  return table_;
}

// Each thread keeps the table that it has found last: event loops share a counter that they read.
const AccountTable& AccessControl::threads_table() const {
  struct Known {
    std::uint64_t id = 0;
    std::uint64_t generation = 0;
    Table table;
  };
  thread_local Known known;
  const std::uint64_t generation = generation_.load(std::memory_order_acquire);
  if (known.id != id_ || known.generation != generation) {
    known.table = accounts();
    known.id = id_;
    known.generation = generation;
  }
  return *known.table;
}

Verdict AccessControl::check(const remoting::RemotingCommand& request, const IpEndpoint& peer) {
  Verdict verdict = access::check(threads_table(), request, peer, options_.check);
  requests_[static_cast<std::size_t>(verdict.reason)].fetch_add(1, std::memory_order_relaxed);
  return verdict;
}

AccessStats AccessControl::stats() const {
  AccessStats stats;
  {
    const std::lock_guard lock(mutex_);
    stats = stats_;
  }
  for (std::size_t i = 0; i < kReasons; ++i) {
    stats.requests[i] = requests_[i].load(std::memory_order_relaxed);
  }
  return stats;
}

std::string AccessControl::reload() {
  std::string problem;
  try {
    taken_ = seen_ = stamps();
    auto table = std::make_shared<const AccountTable>(read_plain_files(files_));
    require_all(*accounts(), *table);
    hold(std::move(table));
  } catch (const Error& error) {
    problem = error.context();
  } catch (const std::exception& error) {
    problem = error.what();
  }
  const std::lock_guard lock(mutex_);
  ++(problem.empty() ? stats_.reloads : stats_.failed_reloads);
  stats_.problem = problem;
  return problem;
}

std::vector<std::string> AccessControl::stamps() const {
  std::vector<std::string> stamps;
  try {
    for (const std::string& path : files_.list()) stamps.push_back(stamp_of(path));
  } catch (const Error& error) {  // a folder that cannot be read: the next reload says so
    stamps.push_back(error.context());
  }
  return stamps;
}

bool AccessControl::look() {
  std::vector<std::string> now = stamps();
  const bool has_settled = now == seen_;
  seen_ = std::move(now);
  return has_settled && seen_ != taken_;
}

}  // namespace comet::inline v0_1::access
