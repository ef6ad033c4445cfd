#include "comet/access/check.hpp"

#include <fmt/format.h>

#include <optional>

#include "comet/access/request_rules.hpp"
#include "comet/base/printable.hpp"
#include "comet/message/system_names.hpp"
#include "comet/remoting/acl.hpp"
#include "named_in_body.hpp"

namespace comet::inline v0_1::access {
namespace {

using remoting::RemotingCommand;
using remoting::RequestCode;

// What Java's broker answers is the exception's text; behind it comes where it was thrown, which is
// left out here.
constexpr std::string_view kExceptionName = "org.apache.rocketmq.acl.common.AclException: ";
constexpr std::size_t kLongestName = 300;  // in remarks and log lines
// Signs for accounts that are not there, and for second secrets that are not there.
constexpr std::string_view kNobodysSecret = "nobody has this secret key";

class Resource {
 public:
  ResourceKind kind = ResourceKind::topic;
  Permission needed = Permission::deny;
  std::string_view name;
};

// A retry topic is its group's.
Resource resource_of(ResourceKind kind, Permission needed, std::string_view name) {
  if (name.starts_with(kRetryTopicPrefix)) {
    return {ResourceKind::group, Permission::sub, name.substr(kRetryTopicPrefix.size())};
  }
  return {kind, needed, name};
}

bool may_have(const Account& account, const Resource& resource) noexcept {
  return may(account, resource.needed, resource.kind == ResourceKind::group, resource.name);
}

std::string name_of(const Resource& resource) {
  return fmt::format("{}:{}", resource.kind == ResourceKind::group ? "group" : "topic",
                     printable(resource.name, kLongestName));
}

// The same number of signatures for every account and for none.
bool has_right_signature(const RemotingCommand& request, const Account* account) {
  const std::string_view first = account == nullptr ? kNobodysSecret : account->secret_key;
  const std::string_view second = account == nullptr || account->second_secret_key.empty()
                                      ? kNobodysSecret
                                      : account->second_secret_key;
  const bool is_first = has_valid_signature(request, first);
  if (account != nullptr && is_first) return true;
  const bool is_second = has_valid_signature(request, second);
  return account != nullptr && !account->second_secret_key.empty() && is_second;
}

bool is_trace(const RemotingCommand& request) {
  const auto code = static_cast<RequestCode>(request.code);
  std::string_view field;
  if (code == RequestCode::send_message) field = "topic";
  if (code == RequestCode::send_message_v2 || code == RequestCode::send_batch_message) field = "b";
  return !field.empty() && request.fields.find(field).value_or("") == kTraceTopic;
}

void refuse(Verdict& verdict, Reason reason, std::string remark) {
  verdict.reason = reason;
  verdict.remark = std::string(kExceptionName) + remark;
}

void refuse(Verdict& verdict, const Resource& resource) {
  const std::string name = name_of(resource);
  verdict.missing = fmt::format("{} of {}", to_string(resource.needed), name);
  refuse(verdict, Reason::no_permission, "No default permission for " + name);
}

void check_body(Verdict& verdict, const Account& account, const RequestRule& rule,
                const RemotingCommand& request) {
  NamedInBody named;
  const auto ask = [&account](ResourceKind kind, std::string_view name) {
    return may_have(account, resource_of(kind, Permission::sub, name));
  };
  const error_code error = named.ask_all(rule.body, request.body.view(), ask);
  if (error) {
    return refuse(verdict, Reason::unreadable_body,
                  fmt::format("The body of request code {} cannot be read", request.code));
  }
  if (!named.is_refused()) return;
  verdict.client_id = printable(named.client_id(), kLongestName);
  refuse(verdict, resource_of(named.refused_kind(), Permission::sub, named.refused_name()));
}

void check_permissions(Verdict& verdict, const Account& account, const RemotingCommand& request) {
  if (is_trace(request)) return;
  const RequestRule& rule = rule_of(request.code);
  if (rule.for_admin && !account.is_admin) {
    verdict.missing = "admin";
    return refuse(verdict, Reason::not_admin,
                  fmt::format("Need admin permission for request code={}, but accessKey={} is not",
                              request.code, verdict.access_key));
  }
  if (account.may_do_all()) return;
  for (const FieldRule& wanted : rule.fields) {
    if (wanted.field.empty()) continue;
    const std::string_view name = request.fields.find(wanted.field).value_or("");
    if (name.empty()) continue;
    const Resource resource = resource_of(wanted.kind, wanted.needed, name);
    if (!may_have(account, resource)) return refuse(verdict, resource);
  }
  if (rule.body != BodyRule::none) check_body(verdict, account, rule, request);
}

}  // namespace

std::string_view to_string(Reason reason) noexcept {
  switch (reason) {
    case Reason::allowed:
      return "allowed";
    case Reason::white_address:
      return "white_address";
    case Reason::no_access_key:
      return "no_access_key";
    case Reason::unknown_account:
      return "unknown_account";
    case Reason::bad_signature:
      return "bad_signature";
    case Reason::not_admin:
      return "not_admin";
    case Reason::no_permission:
      return "no_permission";
    case Reason::unreadable_body:
      return "unreadable_body";
  }
  return "unknown";
}

bool may(const Account& account, Permission needed, bool is_group, std::string_view name) noexcept {
  if (account.may_do_all()) return true;
  const bool is_retry = !is_group && name.starts_with(kRetryTopicPrefix);
  if (is_retry) name.remove_prefix(kRetryTopicPrefix.size());
  const bool of_group = is_group || is_retry;
  const Permission* own = (of_group ? account.groups : account.topics).find(name);
  if (own != nullptr) return allows(*own, needed);
  return allows(of_group ? account.default_group : account.default_topic, needed);
}

Verdict check(const AccountTable& accounts, const RemotingCommand& request, const IpEndpoint& peer,
              const CheckOptions& options) {
  Verdict verdict;
  if (accounts.white_addresses().match(peer)) {
    verdict.reason = Reason::white_address;
    return verdict;
  }
  const auto key = request.fields.find(remoting::acl_field::kAccessKey);
  if (!key || key->empty()) {
    refuse(verdict, Reason::no_access_key, "No accessKey is configured");
    return verdict;
  }
  const Account* account = accounts.find(*key);
  verdict.access_key = printable(*key, kLongestName);
  const bool is_white = account != nullptr && account->white_addresses.match(peer);
  if (is_white && options.white_account_needs_no_signature) {
    verdict.reason = Reason::white_address;
    return verdict;
  }
  if (!has_right_signature(request, account)) {
    refuse(verdict, account == nullptr ? Reason::unknown_account : Reason::bad_signature,
           fmt::format("Check signature failed for accessKey={}", verdict.access_key));
    return verdict;
  }
  if (is_white) {
    verdict.reason = Reason::white_address;
    return verdict;
  }
  check_permissions(verdict, *account, request);
  return verdict;
}

}  // namespace comet::inline v0_1::access
