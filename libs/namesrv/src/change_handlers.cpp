#include <string>

#include "answers.hpp"
#include "comet/base/log.hpp"
#include "comet/base/printable.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "comet/routing/topic_route.hpp"
#include "service.hpp"

namespace comet::inline v0_1::namesrv {
namespace {

// WRITE of all topics of a broker: `change` says what becomes of it, `count` where the answer has
// the number of topics.
template <class Answer>
Reply change_write_permission(Service& service, Request& request,
                              std::size_t (RouteTable::*change)(std::string_view),
                              std::int32_t Answer::* count, std::string_view verb) {
  std::string missing;
  const auto header = remoting::read_header<remoting::BrokerNameHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return lacks(request, missing);
  const std::scoped_lock lock(service.mutex);
  const std::size_t topics = (service.table.*change)(header->broker_name);
  log::info("broker {}: write permission of {} topics {} by {}", printable(header->broker_name),
            topics, verb, request.connection->remote().to_string());
  RemotingCommand answer = success(request);
  Answer counted;
  counted.*count = static_cast<std::int32_t>(topics);
  remoting::write_header(counted, answer.fields);
  return answer;
}

Reply wipe_write_permission(Service& service, Request& request) {
  return change_write_permission(service, request, &RouteTable::wipe_write_permission,
                                 &remoting::WipeWritePermResponseHeader::wipe_topic_count, "wiped");
}

Reply add_write_permission(Service& service, Request& request) {
  return change_write_permission(service, request, &RouteTable::add_write_permission,
                                 &remoting::AddWritePermResponseHeader::add_topic_count, "added");
}

// Apache's answer does not say whether anything has come of it.
Reply register_topic(Service& service, Request& request) {
  std::string missing;
  const auto header = remoting::read_header<remoting::RegisterTopicHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return lacks(request, missing);
  const std::string_view body = request.command.body.view();
  if (body.empty()) return success(request);
  const auto route = routing::parse_topic_route(body);
  if (!route) {
    return failure(request, ResponseCode::system_error,
                   "the body cannot be read: " + route.error().message());
  }
  const std::scoped_lock lock(service.mutex);
  const std::string problem = service.table.register_topic(header->topic, route->queues);
  if (!problem.empty()) {
    log_refusal(service, request, "topic " + printable(header->topic) + ": " + problem);
  }
  return success(request);
}

Reply delete_topic(Service& service, Request& request) {
  std::string missing;
  const auto header = remoting::read_header<remoting::DeleteTopicInNamesrvHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return lacks(request, missing);
  const std::string cluster = header->cluster_name.value_or(std::string());
  const std::scoped_lock lock(service.mutex);
  service.table.remove_topic(header->topic, cluster);
  log::info("topic {} deleted from {} by {}", printable(header->topic),
            cluster.empty() ? "all clusters" : "cluster " + printable(cluster),
            request.connection->remote().to_string());
  return success(request);
}

}  // namespace

void install_change_handlers(remoting::Dispatcher& dispatcher,
                             const std::shared_ptr<Service>& service) {
  serve(dispatcher, RequestCode::register_topic_in_namesrv, service, register_topic);
  serve(dispatcher, RequestCode::wipe_write_perm_of_broker, service, wipe_write_permission);
  serve(dispatcher, RequestCode::add_write_perm_of_broker, service, add_write_permission);
  serve(dispatcher, RequestCode::delete_topic_in_namesrv, service, delete_topic);
}

}  // namespace comet::inline v0_1::namesrv
