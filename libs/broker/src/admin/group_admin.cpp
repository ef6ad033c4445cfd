// Consumer groups by administrators' request (Apache: AdminBrokerProcessor).

#include "admin/group_admin.hpp"

#include <fmt/format.h>

#include "admin/table_page.hpp"
#include "comet/base/json.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "request/answers.hpp"
#include "request/await_call.hpp"
#include "request/await_change.hpp"
#include "request/header_of.hpp"
#include "request/later_answers.hpp"
#include "request/on_header.hpp"
#include "tables/attributes.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::Handling;
using remoting::Refusal;
using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::ResponseCode;

Refusal bad_group(std::string complaint) {
  return {ResponseCode::system_error, std::move(complaint)};
}

constexpr std::int32_t kMaxRetryQueues = 65'536;

constexpr std::size_t kMostOthers = 64 * 1024;  // bytes of what only 5.x knows

Attributes attributes_of(const GroupConfig& group) {
  Attributes attributes;
  const boost::json::value* value = group.others.if_contains("attributes");
  if (value == nullptr || !value->is_object()) return attributes;
  for (const auto& [key, one] : value->get_object()) {
    if (one.is_string()) attributes.emplace(key, one.get_string());
  }
  return attributes;
}

std::string complaint_about(const GroupConfig& group) {
  if (group.retry_queue_nums < 0 || group.retry_queue_nums > kMaxRetryQueues) {
    return "retryQueueNums must be from 0 to 65536";
  }
  if (to_json(group).size() > kMostOthers) return "the group's configuration is too long";
  return check_group(group.group_name);
}

RemotingCommand make_group_page(const RemotingCommand& request, const GroupTable& groups) {
  const auto asked = header_of<remoting::GroupPageHeader>(request);
  const std::size_t total = groups.size();
  const TablePage page(asked.group_seq, asked.max_group_num, asked.data_version,
                       groups.data_version());
  return page_answer(request, groups.to_json(page.begin, page.most), total, "totalGroupNum",
                     "groups", "groupSeq, maxGroupNum");
}

}  // namespace

// Its attributes are changes to those that it has; returns what is wrong with them.
std::string GroupAdminFeature::take_attributes(GroupConfig& group) const {
  const auto before = groups_.find(group.group_name);
  Attributes attributes = before ? attributes_of(*before) : Attributes();
  std::string complaint =
      change_attributes(AttributeOwner::group, !before, attributes_of(group), attributes);
  if (!complaint.empty()) return complaint;
  boost::json::object object;
  for (const auto& [key, value] : attributes) object.emplace(key, value);
  group.others["attributes"] = std::move(object);
  return {};
}

void GroupAdminFeature::put(std::vector<GroupConfig> groups, Saved done) {
  if (groups_.put(std::move(groups), std::move(done))) return;
  throw Refusal(ResponseCode::system_error,
                fmt::format("this broker has {} consumer groups already, the most that it takes",
                            groups_.size()));
}

std::vector<GroupConfig> GroupAdminFeature::read_group(const Request& request) const {
  auto group = parse_group_config(request.command.body.view());
  if (!group) throw bad_group("the body is not a SubscriptionGroupConfig");
  check(*group);
  std::vector<GroupConfig> groups;
  groups.push_back(std::move(*group));
  return groups;
}

// 5.x: several at once.
std::vector<GroupConfig> GroupAdminFeature::read_groups(const Request& request) const {
  auto parsed = parse_json(request.command.body.view());
  const boost::json::object* root = parsed ? parsed->if_object() : nullptr;
  const boost::json::value* list = root == nullptr ? nullptr : root->if_contains("groupConfigList");
  if (list == nullptr || !list->is_array()) throw bad_group("the body has no groupConfigList");
  std::vector<GroupConfig> groups;
  for (const boost::json::value& item : list->get_array()) {
    if (!item.is_object()) throw bad_group("an item of groupConfigList is no object");
    groups.push_back(group_from_json(item.get_object()));
    check(groups.back());
  }
  return groups;
}

void GroupAdminFeature::check(GroupConfig& group) const {
  std::string complaint = complaint_about(group);
  if (complaint.empty()) complaint = take_attributes(group);
  if (!complaint.empty()) throw bad_group(std::move(complaint));
}

Handling GroupAdminFeature::put_group(Request request) {
  const std::function<void(Saved)> change = [&](Saved done) {
    const std::lock_guard lock(changes_);
    put(read_group(request), std::move(done));
  };
  const bool saved = co_await AwaitChange(helper_, request, change);
  if (saved && copies_.is_on()) {
    const Confirmation copies = co_await AwaitCall(copies_.tables_copied(), copies_.home());
    if (copies != Confirmation::put_ok) co_return tables_not_copied(copies);
  }
  co_return saved_answer(request, saved);
}

Handling GroupAdminFeature::put_groups(Request request) {
  const std::function<void(Saved)> change = [&](Saved done) {
    const std::lock_guard lock(changes_);
    put(read_groups(request), std::move(done));
  };
  const bool saved = co_await AwaitChange(helper_, request, change);
  if (saved && copies_.is_on()) {
    const Confirmation copies = co_await AwaitCall(copies_.tables_copied(), copies_.home());
    if (copies != Confirmation::put_ok) co_return tables_not_copied(copies);
  }
  co_return saved_answer(request, saved);
}

Reply GroupAdminFeature::get_group(const Request& request, const remoting::GroupHeader& header) {
  // Apache's proxy asks before a client of the group has sent a heartbeat.
  auto group = groups_.find_or_create(header.group);
  if (!group) {
    return RemotingCommand::response(request.command, ResponseCode::subscription_group_not_exist,
                                     no_such_group(header.group));
  }
  return json_answer(request.command, to_json(*group));
}

Handling GroupAdminFeature::delete_group(Request request) {
  const auto header = header_of<remoting::DeleteGroupHeader>(request.command);
  const std::function<void(Saved)> change = [&](Saved done) {
    if (header.remove_offset.value_or(false) || header.clean_offset.value_or(false)) {
      offsets_.forget_group(header.group_name);
    }
    modes_.forget_group(header.group_name);
    traffic_.forget_group(header.group_name);
    groups_.remove(header.group_name, std::move(done));
  };
  const bool saved = co_await AwaitChange(helper_, request, change);
  if (saved && copies_.is_on()) {
    const Confirmation copies = co_await AwaitCall(copies_.tables_copied(), copies_.home());
    if (copies != Confirmation::put_ok) co_return tables_not_copied(copies);
  }
  co_return saved_answer(request, saved);
}

void GroupAdminFeature::install(remoting::Dispatcher& dispatcher) {
  using remoting::RequestCode;
  on_handling(dispatcher, RequestCode::update_and_create_subscriptiongroup, this,
              &GroupAdminFeature::put_group);
  on_handling(dispatcher, RequestCode::update_and_create_subscriptiongroup_list, this,
              &GroupAdminFeature::put_groups);
  on_handling(dispatcher, RequestCode::delete_subscriptiongroup, this,
              &GroupAdminFeature::delete_group);
  on_header<remoting::GroupHeader>(dispatcher, RequestCode::get_subscriptiongroup_config, this,
                                   &GroupAdminFeature::get_group);
  dispatcher.on(RequestCode::get_all_subscriptiongroup_config, [this](Request& request) {
    const auto make = [this](Request& asked) { return make_group_page(asked.command, groups_); };
    return answer_on_helper(helper_, request, make);
  });
}

}  // namespace comet::inline v0_1::broker
