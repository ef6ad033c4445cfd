#pragma once
// Accounts and white addresses as all files together say: made once, never changed.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "comet/access/address_rules.hpp"
#include "comet/access/permission.hpp"

namespace comet::inline v0_1::access {

// Permissions by name, in little memory: an account may have very many.
class PermissionTable {
 public:
  // Of names that are added twice the last one counts, as with Apache's.
  void add(std::string_view name, Permission permission);
  // After the last add(), before the first find().
  void seal();
  // Null: the name is not there.
  [[nodiscard]] const Permission* find(std::string_view name) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return text_.capacity() + entries_.capacity() * sizeof(Entry);
  }
  // In the order of the names.
  template <class F>
  void for_each(F f) const {
    for (const Entry& entry : entries_) f(name_of(entry), entry.permission);
  }

 private:
  struct Entry {
    std::uint32_t at;
    std::uint16_t size;
    Permission permission;
  };
  [[nodiscard]] std::string_view name_of(const Entry& entry) const noexcept {
    return std::string_view(text_).substr(entry.at, entry.size);
  }
  std::string text_;
  std::vector<Entry> entries_;
};

class Account {
 public:
  std::string access_key;
  std::string secret_key;
  std::string second_secret_key;  // empty: none; both are good, so that they can be exchanged
  AddressRules white_addresses;
  bool is_admin = false;
  Permission default_topic = Permission::deny;
  Permission default_group = Permission::deny;
  PermissionTable topics;
  PermissionTable groups;  // by the group's name, without %RETRY%
  std::string file;        // where it stands
  std::size_t line = 0;

  // An administrator without permissions of his own may do everything; with some he is bound by
  // them and by the defaults, and still may do what is for administrators.
  [[nodiscard]] bool may_do_all() const noexcept {
    return is_admin && topics.empty() && groups.empty();
  }
};

class AccountTable {
 public:
  // Null: there is none with that key.
  [[nodiscard]] const Account* find(std::string_view access_key) const noexcept;
  [[nodiscard]] const AddressRules& white_addresses() const noexcept { return white_; }
  // In the order in which they were read.
  [[nodiscard]] const std::deque<Account>& accounts() const noexcept { return accounts_; }
  // The files of which this was made, in their order.
  [[nodiscard]] const std::vector<std::string>& files() const noexcept { return files_; }
  // What is odd and no fault, ready for the log: names no secret.
  [[nodiscard]] const std::vector<std::string>& remarks() const noexcept { return remarks_; }

  // While it is being made. False: there is one with that access key already, which stays.
  bool add(Account account);
  void add_white(const AddressRules& rules) { white_.append(rules); }
  void add_file(std::string path) { files_.push_back(std::move(path)); }
  void add_remark(std::string remark) { remarks_.push_back(std::move(remark)); }

 private:
  std::deque<Account> accounts_;  // stay where they are
  std::unordered_map<std::string_view, const Account*> by_key_;
  AddressRules white_;
  std::vector<std::string> files_;
  std::vector<std::string> remarks_;
};

}  // namespace comet::inline v0_1::access
