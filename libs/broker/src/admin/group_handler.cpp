// Consumer groups by administrators' request (Apache: AdminBrokerProcessor).

#include <fmt/format.h>

#include "admin/table_page.hpp"
#include "comet/base/json.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "handlers.hpp"
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

// Its attributes are changes to those that it has; returns what is wrong with them.
std::string take_attributes(GroupConfig& group, const BrokerContext& context) {
  const auto before = context.groups.find(group.group_name);
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
Reply set(Request& request, BrokerContext& context, std::vector<GroupConfig> groups,
          BackgroundSaver::Done saved) {
  if (context.groups.put(std::move(groups), std::move(saved))) return std::nullopt;
  return refuse_group(request,
                      fmt::format("this broker has {} consumer groups already, the most that it "
                                  "takes",
                                  context.groups.size()));
}

Reply put_group(Request& request, BrokerContext& context, BackgroundSaver::Done saved) {
  auto group = parse_group_config(request.command.body.view());
  if (!group) return refuse_group(request, "the body is not a SubscriptionGroupConfig");
  std::string complaint = complaint_about(*group);
  if (complaint.empty()) complaint = take_attributes(*group, context);
  if (!complaint.empty()) {
    return refuse_group(request, std::move(complaint));
  }
  std::vector<GroupConfig> groups;
  groups.push_back(std::move(*group));
  return set(request, context, std::move(groups), std::move(saved));
}

// 5.x: several at once.
Reply put_groups(Request& request, BrokerContext& context, BackgroundSaver::Done saved) {
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
    if (complaint.empty()) complaint = take_attributes(groups.back(), context);
    if (!complaint.empty()) {
      return refuse_group(request, std::move(complaint));
    }
  }
  return set(request, context, std::move(groups), std::move(saved));
}

Reply get_group(Request& request, BrokerContext& context) {
  std::string missing;
  auto header = remoting::read_header<remoting::GroupHeader>(request.command.fields,
                                                             remoting::FieldNames::full, &missing);
  if (!header) return bad_header(request.command, missing);
  // Apache's proxy asks before a client of the group has sent a heartbeat.
  auto group = context.groups.find_or_create(header->group);
  if (!group) {
    return RemotingCommand::response(request.command, ResponseCode::subscription_group_not_exist,
                                     no_such_group(header->group));
  }
  return json_answer(request.command, to_json(*group));
}

Reply delete_group(Request& request, BrokerContext& context, BackgroundSaver::Done saved) {
  std::string missing;
  auto header = remoting::read_header<remoting::DeleteGroupHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return bad_header(request.command, missing);
  if (header->remove_offset.value_or(false) || header->clean_offset.value_or(false)) {
    context.offsets.forget_group(header->group_name);
  }
  context.traffic.forget_group(header->group_name);
  context.groups.remove(header->group_name, std::move(saved));
  return std::nullopt;
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

void install_group_handlers(remoting::Dispatcher& dispatcher, BrokerContext& context) {
  using remoting::RequestCode;
  const auto on = [&](RequestCode code, Reply (*handle)(Request&, BrokerContext&)) {
    dispatcher.on(code, [&context, handle](Request& request) { return handle(request, context); });
  };
  using Change = Reply (*)(Request&, BrokerContext&, BackgroundSaver::Done);
  const auto on_change = [&](RequestCode code, Change change) {
    dispatcher.on(code, [&context, change](Request& request) {
      const auto work = [&context, change](Request& asked, BackgroundSaver::Done saved) {
        return change(asked, context, std::move(saved));
      };
      return save_by_size(context, request, work);
    });
  };
  on_change(RequestCode::update_and_create_subscriptiongroup, put_group);
  on_change(RequestCode::update_and_create_subscriptiongroup_list, put_groups);
  on_change(RequestCode::delete_subscriptiongroup, delete_group);
  on(RequestCode::get_subscriptiongroup_config, get_group);
  dispatcher.on(RequestCode::get_all_subscriptiongroup_config, [&context](Request& request) {
    const auto make = [&context](Request& asked) {
      return make_group_page(asked.command, context.groups);
    };
    return answer_on_helper(context, request, make);
  });
}

}  // namespace comet::inline v0_1::broker
