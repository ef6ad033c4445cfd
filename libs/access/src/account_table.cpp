#include "comet/access/account_table.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "comet/base/error.hpp"

namespace comet::inline v0_1::access {

void PermissionTable::add(std::string_view name, Permission permission) {
  if (name.size() > std::numeric_limits<std::uint16_t>::max() ||
      text_.size() > std::numeric_limits<std::uint32_t>::max() - name.size()) {
    throw Error(BaseErrc::bad_value, "names of topics or groups are too long");
  }
  Entry entry{};
  entry.at = static_cast<std::uint32_t>(text_.size());
  entry.size = static_cast<std::uint16_t>(name.size());
  entry.permission = permission;
  text_.append(name);
  entries_.push_back(entry);
}

void PermissionTable::seal() {
  const auto by_name = [this](const Entry& a, const Entry& b) { return name_of(a) < name_of(b); };
  std::ranges::stable_sort(entries_, by_name);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const bool is_last =
        i + 1 == entries_.size() || name_of(entries_[i]) != name_of(entries_[i + 1]);
    if (is_last) entries_[kept++] = entries_[i];
  }
  entries_.resize(kept);
  entries_.shrink_to_fit();
  text_.shrink_to_fit();
}

const Permission* PermissionTable::find(std::string_view name) const noexcept {
  const auto is_before = [this](const Entry& entry, std::string_view n) {
    return name_of(entry) < n;
  };
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), name, is_before);
  if (found == entries_.end() || name_of(*found) != name) return nullptr;
  return &found->permission;
}

const Account* AccountTable::find(std::string_view access_key) const noexcept {
  const auto found = by_key_.find(access_key);
  return found == by_key_.end() ? nullptr : found->second;
}

bool AccountTable::add(Account account) {
  if (by_key_.contains(account.access_key)) return false;
  const Account& added = accounts_.emplace_back(std::move(account));
  by_key_.emplace(added.access_key, &added);
  return true;
}

}  // namespace comet::inline v0_1::access
