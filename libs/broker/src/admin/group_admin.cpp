// Consumer groups by administrators' request (Apache: AdminBrokerProcessor).

#include "admin/group_admin.hpp"

#include <fmt/format.h>

#include "admin/table_page.hpp"
#include "comet/base/json.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "request/answers.hpp"
#include "request/later_answers.hpp"
#include "tables/attributes.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::ResponseCode;

Reply refuse_group(const Request& request, std::string remark) {
  return RemotingCommand::response(request.command, ResponseCode::system_error, std::move(remark));
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
  const auto asked = remoting::read_header<remoting::GroupPageHeader>(request.fields);
  if (!asked) return bad_header(request, "groupSeq or maxGroupNum");
  const std::size_t total = groups.size();
  const TablePage page(asked->group_seq, asked->max_group_num, asked->data_version,
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

// Answers when the file is down.
Reply GroupAdminFeature::set(Request& request, std::vector<GroupConfig> groups, Saved saved) {
  if (groups_.put(std::move(groups), std::move(saved))) return std::nullopt;
  return refuse_group(request,
                      fmt::format("this broker has {} consumer groups already, the most that it "
                                  "takes",
                                  groups_.size()));
}

Reply GroupAdminFeature::put_group(Request& request, Saved saved) {
  auto group = parse_group_config(request.command.body.view());
  if (!group) return refuse_group(request, "the body is not a SubscriptionGroupConfig");
  std::string complaint = complaint_about(*group);
  if (complaint.empty()) complaint = take_attributes(*group);
  if (!complaint.empty()) {
    return refuse_group(request, std::move(complaint));
  }
  std::vector<GroupConfig> groups;
  groups.push_back(std::move(*group));
  return set(request, std::move(groups), std::move(saved));
}

// 5.x: several at once.
Reply GroupAdminFeature::put_groups(Request& request, Saved saved) {
  auto parsed = parse_json(request.command.body.view());
  const boost::json::object* root = parsed ? parsed->if_object() : nullptr;
  const boost::json::value* list = root == nullptr ? nullptr : root->if_contains("groupConfigList");
  if (list == nullptr || !list->is_array())
    return refuse_group(request, "the body has no groupConfigList");
  std::vector<GroupConfig> groups;
  for (const boost::json::value& item : list->get_array()) {
    if (!item.is_object()) return refuse_group(request, "an item of groupConfigList is no object");
    groups.push_back(group_from_json(item.get_object()));
    std::string complaint = complaint_about(groups.back());
    if (complaint.empty()) complaint = take_attributes(groups.back());
    if (!complaint.empty()) {
      return refuse_group(request, std::move(complaint));
    }
  }
  return set(request, std::move(groups), std::move(saved));
}

Reply GroupAdminFeature::get_group(Request& request) {
  std::string missing;
  auto header = remoting::read_header<remoting::GroupHeader>(request.command.fields,
                                                             remoting::FieldNames::full, &missing);
  if (!header) return bad_header(request.command, missing);
  // Apache's proxy asks before a client of the group has sent a heartbeat.
  auto group = groups_.find_or_create(header->group);
  if (!group) {
    return RemotingCommand::response(request.command, ResponseCode::subscription_group_not_exist,
                                     no_such_group(header->group));
  }
  return json_answer(request.command, to_json(*group));
}

Reply GroupAdminFeature::delete_group(Request& request, Saved saved) {
  std::string missing;
  auto header = remoting::read_header<remoting::DeleteGroupHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return bad_header(request.command, missing);
  if (header->remove_offset.value_or(false) || header->clean_offset.value_or(false)) {
    offsets_.forget_group(header->group_name);
  }
  traffic_.forget_group(header->group_name);
  groups_.remove(header->group_name, std::move(saved));
  return std::nullopt;
}

void GroupAdminFeature::install(remoting::Dispatcher& dispatcher) {
  using remoting::RequestCode;
  using Change = Reply (GroupAdminFeature::*)(Request&, Saved);
  const auto on_change = [&](RequestCode code, Change change) {
    dispatcher.on(code, [this, change](Request& request) {
      const auto work = [this, change](Request& asked, Saved saved) {
        return (this->*change)(asked, std::move(saved));
      };
      return save_by_size(helper_, request, work);
    });
  };
  on_change(RequestCode::update_and_create_subscriptiongroup, &GroupAdminFeature::put_group);
  on_change(RequestCode::update_and_create_subscriptiongroup_list, &GroupAdminFeature::put_groups);
  on_change(RequestCode::delete_subscriptiongroup, &GroupAdminFeature::delete_group);
  dispatcher.on(RequestCode::get_subscriptiongroup_config,
                [this](Request& request) { return get_group(request); });
  dispatcher.on(RequestCode::get_all_subscriptiongroup_config, [this](Request& request) {
    const auto make = [this](Request& asked) { return make_group_page(asked.command, groups_); };
    return answer_on_helper(helper_, request, make);
  });
}

}  // namespace comet::inline v0_1::broker
