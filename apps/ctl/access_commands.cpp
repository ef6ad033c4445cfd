// Access control: what files of accounts say, before a broker reads them.

#include <fmt/format.h>

#include "comet/access/plain_files.hpp"
#include "comet/base/files.hpp"
#include "context.hpp"

namespace comet::inline v0_1::ctl {
namespace {

constexpr std::string_view kGroup = "Brokers";

constexpr Option kCheckOptions[] = {
    {"file", 'f', "FILE", "one file of accounts"},
    {"home", 0, "DIRECTORY", "all that a broker with this rocketmqHome reads"},
};

access::AccountTable read_accounts(const Arguments& arguments) {
  if (arguments.has("file") == arguments.has("home")) {
    throw UsageError("give either -f (--file) or --home");
  }
  if (arguments.has("home")) {
    return access::read_plain_files(access::PlainFiles(arguments.text("home")));
  }
  const std::string& path = arguments.text("file");
  const Result<std::string> text = read_file(path);
  if (!text) throw NothingFound(path + ": " + text.error().message());
  access::AccountTable table;
  access::read_plain_text(path, *text, table);
  return table;
}

// "T=PUB, U=SUB; others DENY".
std::string describe(const access::PermissionTable& own, access::Permission otherwise) {
  std::string words;
  own.for_each([&words](std::string_view name, access::Permission permission) {
    words += fmt::format("{}{}={}", words.empty() ? "" : ", ", name, to_string(permission));
  });
  return fmt::format("{}{} {}", words, words.empty() ? "all" : "; others", to_string(otherwise));
}

Table describe(const access::AccountTable& accounts) {
  Table table("accounts", {{"ACCOUNT", "accessKey"},
                           {"ADMINISTRATOR", "admin"},
                           {"TOPICS", "topics"},
                           {"GROUPS", "groups"},
                           {"FILE", "file"},
                           {"LINE", "line"}});
  for (const access::Account& account : accounts.accounts()) {
    const bool is_free = account.may_do_all();
    table.row({account.access_key, account.is_admin,
               is_free ? "everything" : describe(account.topics, account.default_topic),
               is_free ? "everything" : describe(account.groups, account.default_group),
               account.file, account.line});
  }
  return table;
}

asio::awaitable<int> acl_check(Context& context) {
  try {
    const access::AccountTable accounts = read_accounts(context.arguments);
    Report report;
    report.field("Remarks", "remarks", Cell::list(accounts.remarks()));
    report.table(describe(accounts));
    context.out.print(report);
    co_return accounts.accounts().empty() ? kRefused : kOk;
  } catch (const Error& problem) {  // names file, line and reason
    throw NothingFound(problem.context());
  }
}

constexpr Subcommand kSubcommands[] = {
    {"aclCheck", kGroup, "What files of accounts let each account do; the first fault in them.",
     kCheckOptions, acl_check},
};

}  // namespace

std::span<const Subcommand> access_subcommands() noexcept { return kSubcommands; }

}  // namespace comet::inline v0_1::ctl
