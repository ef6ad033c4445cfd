#include "plain_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "comet/base/ascii.hpp"
#include "comet/base/printable.hpp"
#include "comet/message/system_names.hpp"

namespace comet::inline v0_1::access {
namespace {

using Event = YamlEvent::Kind;

constexpr std::size_t kShortestSecret = 7;  // Apache: more than 6 characters
constexpr std::size_t kLongestText = 4096;

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_nothing(const YamlEvent& scalar) {
  return scalar.is_plain && (scalar.text.empty() || scalar.text == "~" || scalar.text == "null" ||
                             scalar.text == "Null" || scalar.text == "NULL");
}

bool has_control_characters(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

// Java counts UTF-16 units; more bytes than those are no fewer of them.
std::size_t length_of(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(
      utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
}

}  // namespace

void PlainReader::see(std::vector<std::string>& seen, const YamlEvent& name) const {
  if (name.kind != Event::scalar) yaml_.fail(name.line, "a name is missing before this");
  if (name.text == "<<") yaml_.fail(name.line, "a merge (<<); write out what it brings");
  std::string lower = ascii_lower(name.text);
  if (std::ranges::find(seen, lower) != seen.end()) {
    yaml_.fail(name.line, fmt::format("{} is there twice", printable(name.text, 40)));
  }
  seen.push_back(std::move(lower));
}

void PlainReader::read() {
  const YamlEvent root = yaml_.next();
  if (root.kind == Event::end) yaml_.fail(1, "there is nothing in it");
  if (root.kind != Event::begin_map) {
    yaml_.fail(root.line, "has no names (accounts:, globalWhiteRemoteAddresses:)");
  }
  std::vector<std::string> seen;
  read_root(seen);
  (void)yaml_.next();  // a second document
}

void PlainReader::read_root(std::vector<std::string>& seen) {
  for (;;) {
    const YamlEvent name = yaml_.next();
    if (name.kind == Event::end_map) return;
    see(seen, name);
    if (name.text == "accounts") {
      read_accounts();
    } else if (name.text == "globalWhiteRemoteAddresses") {
      AddressRules rules;
      read_list(name.text, [&](const YamlEvent& item) {
        read_white_addresses(rules, item, "globalWhiteRemoteAddresses");
      });
      table_.add_white(rules);
    } else if (name.text == "dataVersion") {
      yaml_.skip(yaml_.next());
    } else {
      yaml_.fail(name.line,
                 fmt::format("\"{}\" is none of accounts, globalWhiteRemoteAddresses, dataVersion",
                             printable(name.text, 40)));
    }
  }
}

template <class F>
void PlainReader::read_list(std::string_view name, F on_item) {
  const YamlEvent begin = yaml_.next();
  if (begin.kind == Event::scalar && is_nothing(begin)) return;
  if (begin.kind != Event::begin_list) {
    yaml_.fail(begin.line, fmt::format("{} is no list", name));
  }
  for (;;) {
    const YamlEvent item = yaml_.next();
    if (item.kind == Event::end_list) return;
    on_item(item);
  }
}

void PlainReader::read_white_addresses(AddressRules& rules, const YamlEvent& text,
                                       std::string_view name) {
  if (text.kind != Event::scalar) yaml_.fail(text.line, fmt::format("{} has no text here", name));
  if (is_nothing(text)) return;
  if (const std::string wrong = rules.add(text.text); !wrong.empty()) {
    yaml_.fail(text.line, fmt::format("{}: \"{}\" {}", name, printable(text.text, 80), wrong));
  }
}

void PlainReader::read_accounts() {
  read_list("accounts", [this](const YamlEvent& item) {
    if (item.kind != Event::begin_map) yaml_.fail(item.line, "an account has names (accessKey:)");
    read_account(item.line);
  });
}

void PlainReader::read_account(std::size_t line) {
  Account account;
  account.file = name_;
  account.line = line;
  std::vector<std::string> seen;
  for (;;) {
    const YamlEvent name = yaml_.next();
    if (name.kind == Event::end_map) break;
    see(seen, name);
    read_member(name, account);
  }
  check(account, line);
  account.topics.seal();
  account.groups.seal();
  const std::string key = account.access_key;
  if (table_.add(std::move(account))) return;
  const Account& first = *table_.find(key);
  table_.add_remark(fmt::format("{}:{}: {} is an account already, at {}:{}, and that one counts",
                                name_, line, printable(key, 80), first.file, first.line));
}

void PlainReader::check(const Account& account, std::size_t line) const {
  if (length_of(account.access_key) < kShortestSecret) {
    yaml_.fail(line, "accessKey is missing or has fewer than 7 characters");
  }
  if (length_of(account.secret_key) < kShortestSecret) {
    yaml_.fail(line, "secretKey is missing or has fewer than 7 characters");
  }
  if (!account.second_secret_key.empty() &&
      length_of(account.second_secret_key) < kShortestSecret) {
    yaml_.fail(line, "secondSecretKey has fewer than 7 characters");
  }
}

void PlainReader::read_member(const YamlEvent& name, Account& account) {
  const std::string_view given = name.text;
  if (equal_in_any_case(given, "accessKey")) {
    account.access_key = exact_text("accessKey");
  } else if (equal_in_any_case(given, "secretKey")) {
    account.secret_key = exact_text("secretKey");
  } else if (equal_in_any_case(given, "secondSecretKey")) {
    account.second_secret_key = exact_text("secondSecretKey");
  } else if (equal_in_any_case(given, "whiteRemoteAddress")) {
    read_white_addresses(account.white_addresses, yaml_.next(), "whiteRemoteAddress");
  } else if (equal_in_any_case(given, "admin")) {
    account.is_admin = truth("admin");
  } else if (equal_in_any_case(given, "defaultTopicPerm")) {
    account.default_topic = permission("defaultTopicPerm");
  } else if (equal_in_any_case(given, "defaultGroupPerm")) {
    account.default_group = permission("defaultGroupPerm");
  } else if (equal_in_any_case(given, "topicPerms")) {
    read_permissions("topicPerms", account.topics, account);
  } else if (equal_in_any_case(given, "groupPerms")) {
    read_permissions("groupPerms", account.groups, account);
  } else {
    yaml_.fail(name.line,
               fmt::format("\"{}\" is no name of an account's: accessKey, secretKey, "
                           "secondSecretKey, whiteRemoteAddress, admin, defaultTopicPerm, "
                           "defaultGroupPerm, topicPerms, groupPerms",
                           printable(given, 40)));
  }
}

YamlEvent PlainReader::scalar(std::string_view name) {
  YamlEvent value = yaml_.next();
  if (value.kind != Event::scalar) yaml_.fail(value.line, fmt::format("{} is no text", name));
  if (value.text.size() > kLongestText) yaml_.fail(value.line, fmt::format("{} is too long", name));
  if (is_nothing(value)) value.text.clear();
  return value;
}

std::string PlainReader::exact_text(std::string_view name) {
  YamlEvent value = scalar(name);
  if (value.text.empty()) return {};
  if (value.is_plain && is_changed_by_yaml(value.text)) {
    yaml_.fail(value.line, fmt::format("{} is a number, a date or a word that YAML turns into "
                                       "something else: write it in quotes",
                                       name));
  }
  if (has_control_characters(value.text)) {
    yaml_.fail(value.line, fmt::format("{} has control characters or ends of lines", name));
  }
  return std::move(value.text);
}

// What SnakeYAML and fastjson take for true and false, and nothing else.
bool PlainReader::truth(std::string_view name) {
  const YamlEvent value = scalar(name);
  const std::string_view text = value.text;
  for (const std::string_view word : {"true", "1"}) {
    if (equal_in_any_case(text, word)) return true;
  }
  for (const std::string_view word : {"", "false", "0"}) {
    if (equal_in_any_case(text, word)) return false;
  }
  if (value.is_plain) {
    for (const std::string_view word : {"yes", "on"}) {
      if (equal_in_any_case(text, word)) return true;
    }
    for (const std::string_view word : {"no", "off"}) {
      if (equal_in_any_case(text, word)) return false;
    }
  }
  yaml_.fail(value.line, fmt::format("{} is neither true nor false", name));
}

Permission PlainReader::permission(std::string_view name) {
  const YamlEvent value = scalar(name);
  if (value.text.empty()) return Permission::deny;
  const auto permission = parse_permission(trim(value.text));
  if (!permission) {
    yaml_.fail(value.line, fmt::format("{}: \"{}\" is none of DENY, PUB, SUB, PUB|SUB", name,
                                       printable(value.text, 40)));
  }
  return *permission;
}

void PlainReader::read_permissions(std::string_view name, PermissionTable& of_that,
                                   Account& account) {
  read_list(name, [&](const YamlEvent& item) { add_permission(item, name, of_that, account); });
}

void PlainReader::add_permission(const YamlEvent& item, std::string_view name,
                                 PermissionTable& of_that, Account& account) {
  if (item.kind != Event::scalar) yaml_.fail(item.line, fmt::format("{} has no text here", name));
  const std::string_view text = item.text;
  const std::size_t equal = text.find('=');
  const std::string_view resource = trim(text.substr(0, equal));
  if (equal == std::string_view::npos || resource.empty() || text.size() > kLongestText) {
    yaml_.fail(item.line,
               fmt::format("{}: \"{}\" is no name=permission", name, printable(text, 80)));
  }
  const auto permission = parse_permission(trim(text.substr(equal + 1)));
  if (!permission) {
    yaml_.fail(item.line,
               fmt::format("{}: \"{}\" ends with none of DENY, PUB, SUB, PUB|SUB; Apache's broker "
                           "takes it for DENY",
                           name, printable(text, 80)));
  }
  // A topic %RETRY%g and the group g are one thing.
  if (resource.starts_with(kRetryTopicPrefix)) {
    account.groups.add(resource.substr(kRetryTopicPrefix.size()), *permission);
  } else {
    of_that.add(resource, *permission);
  }
}

}  // namespace comet::inline v0_1::access
