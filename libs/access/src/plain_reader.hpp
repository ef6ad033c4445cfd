#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "comet/access/account_table.hpp"
#include "yaml_events.hpp"

namespace comet::inline v0_1::access {

// Reads one file of accounts into a table. One use.
class PlainReader {
 public:
  PlainReader(std::string_view name, std::string_view text, AccountTable& table)
      : name_(name), yaml_(name, text), table_(table) {}

  void read();

 private:
  void read_root(std::vector<std::string>& seen);
  void read_accounts();
  void read_account(std::size_t line);
  void read_member(const YamlEvent& name, Account& account);
  void check(const Account& account, std::size_t line) const;
  // The value behind a name. A text; nothing (~, null) is an empty one.
  [[nodiscard]] YamlEvent scalar(std::string_view name);
  // The same, for what YAML must not change.
  [[nodiscard]] std::string exact_text(std::string_view name);
  [[nodiscard]] bool truth(std::string_view name);
  [[nodiscard]] Permission permission(std::string_view name);
  void read_permissions(std::string_view name, PermissionTable& of_that, Account& account);
  void add_permission(const YamlEvent& item, std::string_view name, PermissionTable& of_that,
                      Account& account);
  template <class F>
  void read_list(std::string_view name, F on_item);
  void read_white_addresses(AddressRules& rules, const YamlEvent& text, std::string_view name);
  void see(std::vector<std::string>& seen, const YamlEvent& name) const;

  std::string_view name_;
  YamlReader yaml_;
  AccountTable& table_;
};

}  // namespace comet::inline v0_1::access
