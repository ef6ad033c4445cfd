// Topics by administrators' request (Apache: AdminBrokerProcessor.updateAndCreateTopic).

#include "admin/topic_admin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <limits>
#include <optional>

#include "admin/table_page.hpp"
#include "comet/base/json.hpp"
#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "comet/message/validate.hpp"
#include "comet/remoting/admin_headers.hpp"
#include "comet/remoting/message_headers.hpp"
#include "request/answers.hpp"
#include "request/await_call.hpp"
#include "request/await_change.hpp"
#include "request/header_of.hpp"
#include "request/later_answers.hpp"
#include "request/on_header.hpp"
#include "tables/attributes.hpp"
#include "tables/table_limits.hpp"

namespace comet::inline v0_1::broker {
namespace {

using remoting::Handling;
using remoting::Refusal;
using remoting::RemotingCommand;
using remoting::Reply;
using remoting::Request;
using remoting::ResponseCode;

std::string conflict_with_system_topic(std::string_view topic) {
  return fmt::format("The topic[{}] is conflict with system topic.", topic);
}

std::string complaint_about(const routing::TopicConfig& topic, const TopicTable& topics) {
  if (std::string complaint = check_topic(topic.topic_name); !complaint.empty()) return complaint;
  if (topics.is_reserved(topic.topic_name)) return conflict_with_system_topic(topic.topic_name);
  if (topics.is_being_deleted(topic.topic_name)) {
    return fmt::format("the topic[{}] is being deleted, try again when that is done",
                       topic.topic_name);
  }
  if (topic.read_queue_nums < 0 || topic.write_queue_nums < 0 ||
      topic.read_queue_nums > kMostQueues || topic.write_queue_nums > kMostQueues) {
    return fmt::format("readQueueNums and writeQueueNums must be from 0 to {}", kMostQueues);
  }
  if (topic.topic_filter_type != "SINGLE_TAG" && topic.topic_filter_type != "MULTI_TAG") {
    return fmt::format("topicFilterType = [{}] value invalid", topic.topic_filter_type);
  }
  if (topics.size() >= kMostTopics && !topics.find(topic.topic_name)) {
    return fmt::format("this broker has {} topics already, the most that it takes", kMostTopics);
  }
  return {};
}

// 5.x says which kind of error it is, and its clients look at that; 4.9 has one code for all.
Refusal bad_topic(const RemotingCommand& request, std::string complaint) {
  const bool is_new_client = request.version >= remoting::kVersionV5_0_0;
  return {is_new_client ? ResponseCode::invalid_parameter : ResponseCode::system_error,
          std::move(complaint)};
}

Refusal bad_request(std::string complaint) {
  return {ResponseCode::system_error, std::move(complaint)};
}

void keep_page(routing::TopicConfigTable& table, const TablePage& page) {
  auto& topics = table.topics;
  const std::size_t begin = std::min(page.begin, topics.size());
  const std::size_t end = begin + std::min(page.most, topics.size() - begin);
  topics.erase(std::next(topics.begin(), static_cast<std::ptrdiff_t>(end)), topics.end());
  topics.erase(topics.begin(), std::next(topics.begin(), static_cast<std::ptrdiff_t>(begin)));
}

routing::TopicConfig topic_from_json(const boost::json::object& object) {
  const auto number = [&object](std::string_view name, std::int32_t otherwise) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
    return static_cast<std::int32_t>(
        std::clamp<std::int64_t>(get_int(object, name, otherwise), -1, kMost));
  };
  routing::TopicConfig topic;
  topic.topic_name = get_string(object, "topicName");
  topic.read_queue_nums = number("readQueueNums", topic.read_queue_nums);
  topic.write_queue_nums = number("writeQueueNums", topic.write_queue_nums);
  topic.perm = number("perm", topic.perm) & 0xF;
  topic.topic_filter_type = get_string(object, "topicFilterType", topic.topic_filter_type);
  topic.topic_sys_flag = number("topicSysFlag", topic.topic_sys_flag);
  topic.order = get_bool(object, "order", topic.order);
  return topic;
}

Attributes changes_from_json(const boost::json::object& object) {
  Attributes changes;
  const boost::json::value* attributes = object.if_contains("attributes");
  if (attributes == nullptr || !attributes->is_object()) return changes;
  for (const auto& [name, value] : attributes->get_object()) {
    if (value.is_string()) changes.emplace(name, value.get_string());
  }
  return changes;
}

RemotingCommand make_topic_page(const RemotingCommand& request, routing::TopicConfigTable table) {
  const auto asked = header_of<remoting::TopicPageHeader>(request);
  const std::size_t total = table.topics.size();
  keep_page(table, TablePage(asked.topic_seq, asked.max_topic_num, asked.data_version,
                             table.data_version));
  return page_answer(request, routing::to_json(table), total, "totalTopicNum", "topics",
                     "topicSeq, maxTopicNum");
}

}  // namespace

routing::TopicConfig TopicAdminFeature::read_topic(
    const Request& request, const remoting::CreateTopicHeader& header) const {
  // What the request does not speak of stays as it is.
  const auto before = topics_.find(header.topic);
  routing::TopicConfig topic = before ? *before : routing::TopicConfig();
  topic.topic_name = header.topic;
  topic.read_queue_nums = header.read_queue_nums;
  topic.write_queue_nums = header.write_queue_nums;
  topic.perm = header.perm & 0xF;
  topic.topic_filter_type = header.topic_filter_type.value_or("SINGLE_TAG");
  topic.topic_sys_flag = header.topic_sys_flag.value_or(0);
  topic.order = header.order.value_or(false);
  if (std::string complaint = complaint_about(topic, topics_); !complaint.empty()) {
    throw bad_topic(request.command, std::move(complaint));
  }
  Attributes changes;
  std::string complaint = parse_attribute_changes(header.attributes.value_or(""), changes);
  if (complaint.empty()) {
    complaint = change_attributes(AttributeOwner::topic, !before, changes, topic.attributes);
  }
  if (!complaint.empty()) throw bad_request(std::move(complaint));
  return topic;
}

Handling TopicAdminFeature::create_topic(Request request) {
  const auto header = header_of<remoting::CreateTopicHeader>(request.command);
  const std::function<void(Saved)> change = [&](Saved done) {
    const std::lock_guard lock(changes_);
    topics_.put({read_topic(request, header)}, registration_.and_told(std::move(done)));
  };
  const bool saved = co_await AwaitChange(helper_, request, change);
  if (saved && copies_.is_on()) {
    const Confirmation copies = co_await AwaitCall(copies_.tables_copied(), copies_.home());
    if (copies != Confirmation::put_ok) co_return tables_not_copied(copies);
  }
  co_return saved_answer(request, saved);
}

// 5.x: several at once, all or none.
std::vector<routing::TopicConfig> TopicAdminFeature::read_topics(const Request& request) const {
  const auto parsed = parse_json(request.command.body.view());
  const boost::json::object* root = parsed ? parsed->if_object() : nullptr;
  const boost::json::value* list = root == nullptr ? nullptr : root->if_contains("topicConfigList");
  if (list == nullptr || !list->is_array()) throw bad_request("the body has no topicConfigList");
  std::vector<routing::TopicConfig> topics;
  for (const boost::json::value& item : list->get_array()) {
    if (!item.is_object()) throw bad_request("an item of topicConfigList is no object");
    topics.push_back(topic_from_json(item.get_object()));
    const auto before = topics_.find(topics.back().topic_name);
    if (before) topics.back().attributes = before->attributes;
    std::string complaint =
        change_attributes(AttributeOwner::topic, !before, changes_from_json(item.get_object()),
                          topics.back().attributes);
    if (std::string wrong = complaint_about(topics.back(), topics_); !wrong.empty()) {
      throw bad_topic(request.command, std::move(wrong));
    }
    if (!complaint.empty()) throw bad_request(std::move(complaint));
  }
  if (topics_.size() + topics.size() > kMostTopics) throw bad_request("there are too many topics");
  return topics;
}

Handling TopicAdminFeature::create_topics(Request request) {
  const std::function<void(Saved)> change = [&](Saved done) {
    const std::lock_guard lock(changes_);
    topics_.put(read_topics(request), registration_.and_told(std::move(done)));
  };
  const bool saved = co_await AwaitChange(helper_, request, change);
  if (saved && copies_.is_on()) {
    const Confirmation copies = co_await AwaitCall(copies_.tables_copied(), copies_.home());
    if (copies != Confirmation::put_ok) co_return tables_not_copied(copies);
  }
  co_return saved_answer(request, saved);
}

Reply TopicAdminFeature::all_topic_config(Request& request) {
  const auto make = [this](Request& asked) {
    return make_topic_page(asked.command, topics_.snapshot());
  };
  return answer_on_helper(helper_, request, make);
}

Reply TopicAdminFeature::get_topic(const Request& request, const remoting::TopicHeader& header) {
  auto topic = topics_.find(header.topic);
  if (!topic) {
    return RemotingCommand::response(request.command, ResponseCode::topic_not_exist,
                                     no_such_topic(header.topic));
  }
  return json_answer(request.command, routing::to_json(*topic));
}

// Its messages cannot be read any more, and consumers begin anew should it be created again.
Handling TopicAdminFeature::delete_topic(Request request) {
  const auto header = header_of<remoting::TopicHeader>(request.command);
  const std::string topic(header.topic);
  if (topics_.is_reserved(topic)) co_return bad_request(conflict_with_system_topic(topic));
  std::optional<TopicTable::Deletion> deletion;  // behind the changes that came before
  const std::function<void(Saved)> removal = [&](Saved done) {
    deletion.emplace(topics_, topic);
    topics_.remove(topic, std::move(done));
  };
  const bool saved = co_await AwaitChange(helper_, request, removal);
  if (!saved) {
    co_return bad_request(
        "topics.json could not be written; it is tried again, see the broker's log");
  }
  co_await AwaitLoops(loops_);  // others may have found the topic, and store a message in it
  offsets_.forget_topic(topic);
  modes_.forget_topic(topic);
  traffic_.forget_topic(topic);
  const std::int64_t queues = co_await AwaitCall(store_.remove_topic(topic));
  log::info("topic {} deleted with {} queues", printable(topic), queues);
  if (saved && copies_.is_on()) {
    const Confirmation copies = co_await AwaitCall(copies_.tables_copied(), copies_.home());
    if (copies != Confirmation::put_ok) co_return tables_not_copied(copies);
  }
  co_return success(request);
}

void TopicAdminFeature::install(remoting::Dispatcher& dispatcher) {
  using remoting::RequestCode;
  constexpr std::size_t kMostDeletions = 64;  // at a time: each works on files
  on_handling(dispatcher, RequestCode::update_and_create_topic, this,
              &TopicAdminFeature::create_topic);
  on_handling(dispatcher, RequestCode::update_and_create_topic_list, this,
              &TopicAdminFeature::create_topics);
  on_handling(dispatcher, RequestCode::delete_topic_in_broker, this,
              &TopicAdminFeature::delete_topic, kMostDeletions);
  on_header<remoting::TopicHeader>(dispatcher, RequestCode::get_topic_config, this,
                                   &TopicAdminFeature::get_topic);
  dispatcher.on(RequestCode::get_all_topic_config,
                [this](Request& request) { return all_topic_config(request); });
}

}  // namespace comet::inline v0_1::broker
