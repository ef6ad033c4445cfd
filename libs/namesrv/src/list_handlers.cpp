#include <string>
#include <utility>
#include <vector>

#include "answers.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "comet/routing/topic_route.hpp"
#include "service.hpp"

namespace comet::inline v0_1::namesrv {
namespace {

using routing::BrokerData;
using routing::IntegerKeys;

// Bits of topicSysFlag (Apache: TopicSysFlag).
constexpr std::int32_t kUnit = 1;
constexpr std::int32_t kUnitSub = 2;

// 5.x, by enableTopicList and enableAllTopicList.
RemotingCommand disabled(const Request& request) {
  return failure(request, ResponseCode::system_error, "disable");
}

// Names only; as Java's TopicList without a broker.
Reply topic_list(const Request& request, const std::vector<std::string>& names) {
  JsonWriter json;
  json.begin_object();
  write_names(json, "topicList", names);
  json.end_object();
  return success(request, json.take());
}

// Its integer keys are bare in every version of Java's name server.
Reply get_cluster_info(Service& service, Request& request) {
  const std::scoped_lock lock(service.mutex);
  const auto clusters = service.table.clusters();
  JsonWriter json;
  json.begin_object();
  json.key("brokerAddrTable");
  json.begin_object();
  for (const auto& [cluster, brokers] : clusters) {
    for (const BrokerData& broker : brokers) {
      json.key(broker.broker_name);
      write_json(json, broker, IntegerKeys::unquoted);
    }
  }
  json.end_object();
  json.key("clusterAddrTable");
  json.begin_object();
  for (const auto& [cluster, brokers] : clusters) {
    std::vector<std::string> names;
    for (const BrokerData& broker : brokers) names.push_back(broker.broker_name);
    write_names(json, cluster, names);
  }
  json.end_object();
  json.end_object();
  return success(request, json.take());
}

Reply get_all_topics(Service& service, Request& request) {
  const std::scoped_lock lock(service.mutex);
  if (!service.live.enable_all_topic_list) return disabled(request);
  return topic_list(request, service.table.topics());
}

Reply get_topics_by_cluster(Service& service, Request& request) {
  std::string missing;
  const auto header = remoting::read_header<remoting::ClusterHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return lacks(request, missing);
  const std::scoped_lock lock(service.mutex);
  if (!service.live.enable_topic_list) return disabled(request);
  return topic_list(request, service.table.topics_of_cluster(header->cluster));
}

// The names of clusters and brokers are topics too; the caller asks the broker at brokerAddr for
// the other system topics.
Reply get_system_topics(Service& service, Request& request) {
  const std::scoped_lock lock(service.mutex);
  std::vector<std::string> names;
  std::string address;
  for (const auto& [cluster, brokers] : service.table.clusters()) {
    names.push_back(cluster);
    for (const BrokerData& broker : brokers) {
      names.push_back(broker.broker_name);
      if (address.empty()) address = broker.broker_addrs.begin()->second;
    }
  }
  JsonWriter json;
  json.begin_object();
  if (!address.empty()) json.member("brokerAddr", address);
  write_names(json, "topicList", names);
  json.end_object();
  return success(request, json.take());
}

Reply get_unit_topics(Service& service, Request& request) {
  const std::scoped_lock lock(service.mutex);
  if (!service.live.enable_topic_list) return disabled(request);
  return topic_list(request, service.table.topics_by_flag(kUnit));
}

Reply get_unit_sub_topics(Service& service, Request& request) {
  const std::scoped_lock lock(service.mutex);
  if (!service.live.enable_topic_list) return disabled(request);
  return topic_list(request, service.table.topics_by_flag(kUnitSub));
}

Reply get_unit_sub_ununit_topics(Service& service, Request& request) {
  const std::scoped_lock lock(service.mutex);
  if (!service.live.enable_topic_list) return disabled(request);
  return topic_list(request, service.table.topics_by_flag(kUnitSub, kUnit));
}

// 5.x: the master and the slaves of one broker name.
Reply get_member_group(Service& service, Request& request) {
  std::string missing;
  const auto header = remoting::read_header<remoting::BrokerMemberGroupHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return lacks(request, missing);
  BrokerData group;
  group.cluster = header->cluster_name;
  group.broker_name = header->broker_name;
  {
    const std::scoped_lock lock(service.mutex);
    if (auto known = service.table.find_broker(header->broker_name)) {
      group.broker_addrs = std::move(known->broker_addrs);
    }
  }
  JsonWriter json;
  json.begin_object();
  json.key("brokerMemberGroup");
  write_json(json, group, IntegerKeys::unquoted);
  json.end_object();
  return success(request, json.take());
}

}  // namespace

void install_list_handlers(remoting::Dispatcher& dispatcher,
                           const std::shared_ptr<Service>& service) {
  serve(dispatcher, RequestCode::get_broker_cluster_info, service, get_cluster_info);
  serve(dispatcher, RequestCode::get_all_topic_list_from_nameserver, service, get_all_topics);
  serve(dispatcher, RequestCode::get_topics_by_cluster, service, get_topics_by_cluster);
  serve(dispatcher, RequestCode::get_system_topic_list_from_ns, service, get_system_topics);
  serve(dispatcher, RequestCode::get_unit_topic_list, service, get_unit_topics);
  serve(dispatcher, RequestCode::get_has_unit_sub_topic_list, service, get_unit_sub_topics);
  serve(dispatcher, RequestCode::get_has_unit_sub_ununit_topic_list, service,
        get_unit_sub_ununit_topics);
  serve(dispatcher, RequestCode::get_broker_member_group, service, get_member_group);
}

}  // namespace comet::inline v0_1::namesrv
