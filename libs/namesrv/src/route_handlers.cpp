#include <optional>
#include <utility>

#include "answers.hpp"
#include "comet/remoting/namesrv_headers.hpp"
#include "comet/routing/topic_route.hpp"
#include "service.hpp"

namespace comet::inline v0_1::namesrv {
namespace {

using routing::IntegerKeys;

// Clients since 4.9.4 read standard JSON; older ones expect what fastjson wrote then.
IntegerKeys keys_for(const Request& request, const remoting::GetRouteInfoHeader& header) {
  const bool standard = request.command.version >= remoting::kVersionV4_9_4 ||
                        header.accept_standard_json_only.value_or(false);
  return standard ? IntegerKeys::quoted : IntegerKeys::unquoted;
}

// 5.x: clients that want the brokers of their own zone. The answer's integer keys are bare then in
// every version of Java's name server.
struct ZoneHeader {
  std::optional<bool> zone_mode;
  std::optional<std::string_view> zone_name;

  using H = ZoneHeader;
  static constexpr auto fields = std::make_tuple(remoting::field("__ZONE_MODE", &H::zone_mode),
                                                 remoting::field("__ZONE_NAME", &H::zone_name));
};

// The zone that the request asks for; empty: none.
std::string_view zone_of(const Request& request) {
  const auto header = remoting::read_header<ZoneHeader>(request.command.fields);
  if (!header || !header->zone_mode.value_or(false)) return {};
  return header->zone_name.value_or(std::string_view());
}

// Without the service's mutex: queries wait for nobody.
std::optional<SharedBytes> find_route(Service& service, std::string_view topic, IntegerKeys keys,
                                      std::string_view zone) {
  std::optional<std::string> order;
  if (service.route_switches.order_message_enable) order = service.order_config.find(topic);
  if (!order && zone.empty()) return service.table.find_route_json(topic, keys);
  std::optional<routing::TopicRouteData> route = service.table.find_route(topic);
  if (!route) return std::nullopt;
  route->order_topic_conf = order.value_or(std::string());
  if (!zone.empty()) keep_zone(*route, zone);
  return SharedBytes::own(to_json(*route, zone.empty() ? keys : IntegerKeys::unquoted));
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
  if (service.time.now() < service.route_switches.ready_at.load()) {
    return failure(request, ResponseCode::system_error, "name server not ready");
  }
  const bool watched =
      header->watch.value_or(false) && service.notifier->watch(request.connection, header->topic);
  std::optional<SharedBytes> route =
      find_route(service, header->topic, keys_for(request, *header), zone_of(request));
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
  // Not the worker's: this is what must not wait for it.
  dispatcher.on(RequestCode::get_routeinfo_by_topic,
                [service](Request& request) { return get_route(*service, request); });
}

}  // namespace comet::inline v0_1::namesrv
