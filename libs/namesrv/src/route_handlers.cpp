#include <optional>
#include <utility>

#include "answers.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "comet/routing/topic_route.hpp"
#include "service.hpp"

namespace comet::namesrv {
namespace {

using routing::IntegerKeys;

// Clients since 4.9.4 read standard JSON; older ones expect what fastjson wrote then.
IntegerKeys keys_for(const Request& request, const remoting::GetRouteInfoHeader& header) {
  const bool standard = request.command.version >= remoting::kVersionV4_9_4 ||
                        header.accept_standard_json_only.value_or(false);
  return standard ? IntegerKeys::quoted : IntegerKeys::unquoted;
}

std::optional<SharedBytes> find_route(Service& service, std::string_view topic, IntegerKeys keys) {
  const std::scoped_lock lock(service.mutex);
  const std::string* order =
      service.config.order_message_enable ? service.kv.find(kOrderTopicConfig, topic) : nullptr;
  if (order == nullptr) return service.table.find_route_json(topic, keys);
  std::optional<routing::TopicRouteData> route = service.table.find_route(topic);
  if (!route) return std::nullopt;
  route->order_topic_conf = *order;
  return SharedBytes::own(to_json(*route, keys));
}

RemotingCommand no_route(const Request& request, std::string_view topic) {
  return failure(request, ResponseCode::topic_not_exist,
                 "No topic route info in name server for the topic: " + std::string(topic) +
                     "\nSee http://rocketmq.apache.org/docs/faq/ for further details.");
}

Reply get_route(Service& service, Request& request) {
  std::string missing;
  const auto header = remoting::read_header<remoting::GetRouteInfoHeader>(
      request.command.fields, remoting::FieldNames::full, &missing);
  if (!header) return lacks(request, missing);
  const bool watched =
      header->watch.value_or(false) && service.notifier->watch(request.connection, header->topic);
  std::optional<SharedBytes> route = find_route(service, header->topic, keys_for(request, *header));
  if (!route) ++service.counters.route_not_found;
  RemotingCommand answer =
      route ? success(request, std::move(*route)) : no_route(request, header->topic);
  if (watched) {
    remoting::GetRouteInfoResponseHeader fields;
    fields.watched = true;
    remoting::write_header(fields, answer.fields);
  }
  return answer;
}

}  // namespace

void install_route_handlers(remoting::Dispatcher& dispatcher,
                            const std::shared_ptr<Service>& service) {
  dispatcher.on(RequestCode::get_routeinfo_by_topic, bind(service, get_route));
}

}  // namespace comet::namesrv
