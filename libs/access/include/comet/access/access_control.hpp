#pragma once
// The accounts that hold now, how requests fare with them, and how others take their place.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "comet/access/account_table.hpp"
#include "comet/access/check.hpp"
#include "comet/access/plain_files.hpp"

namespace comet::inline v0_1::access {

class AccessStats {
 public:
  std::array<std::uint64_t, kReasons>
      requests{};  // by Reason; under observation those that would be
  bool is_observing = false;
  std::size_t accounts = 0;
  std::uint64_t reloads = 0;         // that took hold
  std::uint64_t failed_reloads = 0;  // the accounts stayed as they were
  std::string problem;               // of the last one; empty: it took hold
};

class AccessOptions {
 public:
  CheckOptions check;
  bool observe = false;  // aclMode=observe: nothing is refused; what would be is only told
};

// Thread-safe; reload() and look() by one thread at a time.
class AccessControl {
 public:
  // Reads the files. Blocking. Throws Error (BaseErrc::bad_value): file, line and reason.
  AccessControl(PlainFiles files, AccessOptions options);

  // Every request is judged by one table from beginning to end.
  [[nodiscard]] Verdict check(const remoting::RemotingCommand& request, const IpEndpoint& peer);
  [[nodiscard]] bool is_observing() const noexcept { return options_.observe; }
  [[nodiscard]] std::shared_ptr<const AccountTable> accounts() const;
  [[nodiscard]] AccessStats stats() const;

  // Reads all files anew, and lets them hold if nothing is wrong with any: also none of those that
  // held may be gone or empty. Returns what is wrong, for the log and without secrets; empty: they
  // hold. Blocking.
  std::string reload();
  // Some stat() calls: whether there is another state of the files than that of the last reload(),
  // and has been since the last look, so that no file is met half written.
  [[nodiscard]] bool look();

 private:
  using Table = std::shared_ptr<const AccountTable>;
  [[nodiscard]] const AccountTable& threads_table() const;
  void hold(Table table);
  [[nodiscard]] std::vector<std::string> stamps() const;

  const PlainFiles files_;
  const AccessOptions options_;
  const std::uint64_t id_;
  mutable std::mutex mutex_;  // table_, and of stats_ what is no counter
  Table table_;
  std::atomic<std::uint64_t> generation_{0};
  std::array<std::atomic<std::uint64_t>, kReasons> requests_{};
  AccessStats stats_;
  std::vector<std::string> taken_;  // stamps of the last reload
  std::vector<std::string> seen_;   // of the last look
};

}  // namespace comet::inline v0_1::access
