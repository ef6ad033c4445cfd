#pragma once
// RocketMQ 4.x's files of accounts: <home>/conf/plain_acl.yml and all of <home>/conf/acl (Apache:
// PlainPermissionManager). What is read differently from Apache's: docs/access.md.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "comet/access/account_table.hpp"

namespace comet::inline v0_1::access {

class PlainFiles {
 public:
  PlainFiles() = default;
  // `plain_file`: below home, as the system property rocketmq.acl.plain.file has it.
  explicit PlainFiles(std::string home, std::string_view plain_file = "conf/plain_acl.yml");

  // Those that are there, in the order in which they count: what conf/acl and the folders below it
  // have (*.yml, *.yaml), by name, then plain_acl.yml. Of two accounts with one access key the
  // first one counts. Blocking. Throws Error for a folder that cannot be read.
  [[nodiscard]] std::vector<std::string> list() const;
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
  [[nodiscard]] const std::string& plain_file() const noexcept { return plain_file_; }

 private:
  std::string folder_;
  std::string plain_file_;
};

// Adds what one file says. Throws Error (BaseErrc::bad_value) that names file, line and reason, and
// no secret: for what is no YAML, an unknown name, a permission that Apache would take for DENY, a
// secret that YAML would change, one that is too short, a bad white address, no text at all.
void read_plain_text(std::string_view name, std::string_view text, AccountTable& table);

// All files together. Throws as read_plain_text(), for a file that cannot be read, for no file and
// for no account. Blocking, and long for many accounts.
[[nodiscard]] AccountTable read_plain_files(const PlainFiles& files);

}  // namespace comet::inline v0_1::access
